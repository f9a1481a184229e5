// The seed document's point 49: what a page of a long list costs, told by its statements and their plans, not by a clock.
import { sql } from 'kysely';
import { beforeAll, expect, test } from 'vitest';
import type { LeadFilter } from '../../src/leads/lead-filter.ts';
import { listLeads } from '../../src/leads/lead-list.store.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { databaseKind } from '../support/db.ts';
import { insertCampaign, insertManyLeads } from '../support/insert-leads.ts';
import { planOf, type Statement, watchStatements } from '../support/watch-statements.ts';

const onServer = databaseKind() === 'postgres';
const LEADS = onServer ? 100_000 : 5000;
const PER_PAGE = 100;

let t: TestApp;
let campaign: number;

beforeAll(async () => {
  t = await startApp();
  campaign = await insertCampaign(t.db, t.mine.account.id);
  const small = await insertCampaign(t.db, t.mine.account.id, { name: 'Small' });
  const deleted = await insertCampaign(t.db, t.mine.account.id, { name: 'Gone', deleted_at: t.clock() });
  await insertManyLeads(t.db, t.mine.account.id, campaign, LEADS);
  for (const few of [small, deleted]) await insertManyLeads(t.db, t.mine.account.id, few, 500);
  await insertManyLeads(t.db, t.other.account.id, await insertCampaign(t.db, t.other.account.id), 2000);
  // Vacuum marks only what has reached the disk, and the test server's commits take a moment to (synchronous_commit off).
  if (onServer) await sql`select pg_sleep(1)`.execute(t.db);
  await sql`vacuum analyze leads`.execute(t.db);
});

// Runs the list and writes down what it asked of the database.
const watch = async (filter: LeadFilter, page: number): Promise<{ statements: Statement[]; total: number; found: number }> => {
  const { watched, statements } = watchStatements(t.db);
  const slice = { offset: (page - 1) * PER_PAGE, limit: PER_PAGE };
  const { leads, total } = await listLeads(watched, t.mine.account.id, filter, slice);
  return { statements, total, found: leads.length };
};

const filters: [string, () => LeadFilter][] = [
  ['no filter', () => ({})],
  ['status', () => ({ status: 'created' })],
  ['campaign_id', () => ({ campaignId: campaign })],
  ['date_from', () => ({ createdFrom: new Date('2026-03-03T00:00:00Z') })],
  ['date_to', () => ({ createdBefore: new Date('2026-04-20T00:00:00Z') })],
  ['dates', () => ({ createdFrom: new Date('2026-03-03T00:00:00Z'), createdBefore: new Date('2026-04-20T00:00:00Z') })],
  ['status and campaign_id', () => ({ status: 'completed', campaignId: campaign })],
  ['status and dates', () => ({ status: 'completed', createdFrom: new Date('2026-03-03T00:00:00Z') })],
  ['one day', () => ({ createdFrom: new Date('2026-03-04T00:00:00Z'), createdBefore: new Date('2026-03-05T00:00:00Z') })],
  ['campaign_id and dates', () => ({ campaignId: campaign, createdFrom: new Date('2026-03-03T00:00:00Z') })],
  ['phone_number', () => ({ phonePattern: '%0%' })],
];

test.each(filters)('49 %s: one count and one page of at most per_page rows, by an index', async (name, makeFilter) => {
  const filter = makeFilter();
  const last = Math.ceil((await watch(filter, 1)).total / PER_PAGE);
  expect(last).toBeGreaterThan(3);
  for (const page of [1, 2, Math.floor(last / 2), last - 1, last]) {
    const { statements, total, found } = await watch(filter, page);
    expect(found).toBe(page === last ? total - (last - 1) * PER_PAGE : PER_PAGE);
    const onLeads = statements.filter(({ query }) => query.sql.includes('"leads"'));
    const [counts, pages, contacts] = [/count\(/, /\blimit\b/, /"primary_id" in/].map((part) =>
      onLeads.filter(({ query }) => part.test(query.sql)),
    );
    expect([counts?.length, pages?.length, contacts?.length, onLeads.length]).toEqual([1, 1, 1, 3]);
    for (const { rows } of statements) expect(rows).toBeLessThanOrEqual(PER_PAGE);
    const [count, query] = [counts?.[0]?.query, pages?.[0]?.query];
    if (!onServer || name === 'phone_number' || count === undefined || query === undefined) continue;
    // Days that hold nearly the whole table are counted best by reading it; anything else has its folded index.
    if (!/date/.test(name)) expect((await planOf(t.db, count)).map((node) => node['Node Type'])).not.toContain('Seq Scan');
    const plan = await planOf(t.db, query);
    const scans = plan.filter((node) => node['Relation Name'] === 'leads').map((node) => node['Node Type']);
    expect(scans, `page ${page}`).not.toContain('Seq Scan');
    expect(scans, `page ${page}`).not.toContain('Bitmap Heap Scan');
    expect(scans.length).toBeGreaterThan(0);
    expect(
      plan.map((node) => node['Node Type']).filter((type) => /Sort/.test(type)),
      `page ${page}`,
    ).toEqual([]);
  }
});

test('49 past the end there is the count alone', async () => {
  const { statements, found } = await watch({}, 1_000_000);
  expect([found, statements.filter(({ query }) => query.sql.includes('"leads"')).length]).toEqual([0, 1]);
});
