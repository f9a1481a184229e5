// The seed document's point 49: what a page of a long list costs, told by what its statement reads and by which index, not by a clock.
// Both as the server plans it for these values and as it plans a prepared statement, so that no plan is lost unseen.
import { sql } from 'kysely';
import { beforeAll, describe, expect, test } from 'vitest';
import { readBeside } from '../../src/leads/lead-cursor.store.ts';
import type { LeadFilter, LeadOrder } from '../../src/leads/lead-filter.ts';
import { listLeads } from '../../src/leads/lead-list.store.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { insertCampaign, insertManyLeads } from '../support/insert-leads.ts';
import { vacuum } from '../support/vacuum.ts';
import { type PlanNode, planAsRun, type Statement, watchStatements } from '../support/watch-statements.ts';

const LEADS = 100_000;
const PER_PAGE = 100;
const BLOCK = 2048;

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
  await sql`update leads set variables = json_build_object('name', 'Person ' || id, 'plan', 'Basic')`.execute(t.db);
  await vacuum(t.db);
});

interface Watched {
  statements: Statement[];
  total: number;
  found: number;
}

// Runs the list and writes down what it asked of the database.
const watch = async (filter: LeadFilter, page: number, order?: LeadOrder): Promise<Watched> => {
  const { watched, statements } = watchStatements(t.db);
  const slice = { offset: (page - 1) * PER_PAGE, limit: PER_PAGE };
  const { leads, total } = await listLeads(watched, t.mine.account.id, filter, slice, order);
  return { statements, total, found: leads.length };
};

// What a step of a plan on leads has looked at, in all its runs.
const readBy = (node: PlanNode): number =>
  ((node['Actual Rows'] ?? 0) + (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0)) *
  (node['Actual Loops'] ?? 1);

const planWith = async (statement: Statement | undefined, mode: 'custom' | 'generic') => {
  if (statement === undefined) throw new Error('nothing was asked');
  const plan = await planAsRun(t.db, statement.query, mode);
  const ofLeads = plan.filter((node) => node['Relation Name'] === 'leads' || node['Index Name']?.startsWith('leads_'));
  return {
    types: plan.filter((node) => node['Relation Name'] === 'leads').map((node) => node['Node Type']),
    indexes: [...new Set(ofLeads.flatMap((node) => node['Index Name'] ?? []))],
    read: ofLeads.reduce((sum, node) => sum + readBy(node), 0),
  };
};

const MARCH_3 = new Date('2026-03-03T00:00:00Z');
const APRIL_20 = new Date('2026-04-20T00:00:00Z');

/** Filters that the kept counts know, with the index that their page is read by. */
const counted: [string, () => LeadFilter, RegExp][] = [
  ['no filter', () => ({}), /^leads_list$/],
  ['status', () => ({ status: 'created' }), /^leads_list_by_status$/],
  ['campaign_id', () => ({ campaignId: campaign }), /^leads_list_by_campaign$/],
  ['date_from', () => ({ createdFrom: MARCH_3 }), /^leads_list$/],
  ['date_to', () => ({ createdBefore: APRIL_20 }), /^leads_list$/],
  ['dates', () => ({ createdFrom: MARCH_3, createdBefore: APRIL_20 }), /^leads_list$/],
  ['status and campaign_id', () => ({ status: 'completed', campaignId: campaign }), /^leads_list_by_(status|campaign)$/],
  ['status and dates', () => ({ status: 'completed', createdFrom: MARCH_3 }), /^leads_list(_by_status)?$/],
  ['one day', () => ({ createdFrom: new Date('2026-03-04'), createdBefore: new Date('2026-03-05') }), /^leads_list$/],
  ['campaign_id and dates', () => ({ campaignId: campaign, createdFrom: MARCH_3 }), /^leads_list(_by_campaign)?$/],
];

describe.each(counted)('49 %s', (_name, makeFilter, index) => {
  test('one statement, whose page is sought and not walked to, by its index', async () => {
    const filter = makeFilter();
    const last = Math.ceil((await watch(filter, 1)).total / PER_PAGE);
    expect(last).toBeGreaterThan(3);
    for (const page of [1, 2, Math.floor(last / 2), last - 1, last]) {
      const { statements, total, found } = await watch(filter, page);
      expect(found).toBe(page === last ? total - (last - 1) * PER_PAGE : PER_PAGE);
      expect(statements).toHaveLength(1);
      expect(statements[0]?.rows).toBeLessThanOrEqual(PER_PAGE);
      for (const mode of ['custom', 'generic'] as const) {
        const { types, indexes, read } = await planWith(statements[0], mode);
        const where = `page ${page}, ${mode}, ${indexes.join(' ')}`;
        expect(types, where).not.toContain('Seq Scan');
        expect(types, where).not.toContain('Bitmap Heap Scan');
        for (const used of indexes) expect(used, where).toMatch(new RegExp(`${index.source}|^leads_(pkey|contacts)$`));
        // A block or two before the page, the page by its index, its rows by their ids; nothing of what lies before. Seven statuses share a
        // block where none has an index of its own.
        expect(read, where).toBeLessThan(8 * BLOCK);
      }
    }
  });
});

const found: [string, LeadFilter, RegExp][] = [
  ['phone_number, 7 digits', { phonePattern: '%0001234%' }, /^leads_phone_windows$/],
  ['phone_number, 5 digits', { phonePattern: '%01234%' }, /^leads_phone_windows$/],
  ['phone_number, 4 digits', { phonePattern: '%1234%' }, /^leads_phone_windows$/],
  ['phone_number, 5 digits, and status', { phonePattern: '%01234%', status: 'processing' }, /^leads_phone_windows$/],
  ['phone_number, its beginning', { phonePattern: '+1202000123%' }, /^leads_(phone_windows|of_number)$/],
  ['variables[name]', { variables: { name: 'Person 4711' } }, /^leads_variables$/],
  ['q, a word', { words: ['4711'] }, /^leads_(words|phone_windows)$/],
  ['q, two words', { words: ['basic', '4711'] }, /^leads_(words|phone_windows)$/],
];

test.each(found)('49 %s: what is found by its index is all that is read', async (_name, filter, index) => {
  const { statements, total } = await watch(filter, 1);
  expect(total).toBeGreaterThan(0);
  expect(statements).toHaveLength(1);
  // Only those by a number are prepared.
  for (const mode of filter.phonePattern === undefined ? (['custom'] as const) : (['custom', 'generic'] as const)) {
    const { types, indexes, read } = await planWith(statements[0], mode);
    expect(types, mode).not.toContain('Seq Scan');
    expect(
      indexes.some((used) => index.test(used)),
      `${mode} ${indexes.join(' ')}`,
    ).toBe(true);
    // By an index, as rows, in the page, with their contacts.
    // A word that all have is all in the index.
    expect(read, `${mode} ${indexes.join(' ')}`).toBeLessThan(20 * total + 10 * PER_PAGE + (filter.words === undefined ? 0 : 3 * LEADS));
  }
});

test.each<[string, LeadFilter]>([
  ['one digit', { phonePattern: '%4%' }],
  ['three digits', { phonePattern: '%987%' }],
  ['a short beginning', { phonePattern: '+12%' }],
  ['no number at all', { phonePattern: '' }],
])('49 phone_number, %s: the leads of the account are passed over once, and no others', async (_name, filter) => {
  const { statements } = await watch(filter, 2);
  const { types, read } = await planWith(statements[0], 'custom');
  expect(types).not.toContain('Seq Scan');
  // Blocks at the edge hold others, too.
  expect(read).toBeLessThan(LEADS + 1000 + BLOCK + 10 * PER_PAGE);
});

const orders: [LeadOrder, RegExp][] = [
  ['-id', /^leads_list$/],
  ['created_at', /^leads_by_creation$/],
  ['-created_at', /^leads_by_creation$/],
  ['updated_at', /^leads_by_update$/],
  ['-updated_at', /^leads_by_update$/],
];

test.each(orders)('49 sort=%s: the first page is read in its order', async (order, index) => {
  const { statements } = await watch({}, 1, order);
  for (const mode of ['custom', 'generic'] as const) {
    const { types, indexes, read } = await planWith(statements[0], mode);
    expect(types).not.toContain('Seq Scan');
    for (const used of indexes) expect(used, mode).toMatch(new RegExp(`${index.source}|^leads_(pkey|contacts)$`));
    // The deleted campaign's five hundred lie at the end.
    expect(read).toBeLessThan(BLOCK + 10 * PER_PAGE);
  }
});

test.each<[LeadOrder, LeadFilter, RegExp]>([
  ['id', {}, /^leads_list$/],
  ['-id', {}, /^leads_list$/],
  ['id', { status: 'created' }, /^leads_list_by_status$/],
  ['updated_at', { updatedSince: MARCH_3 }, /^leads_by_update$/],
  ['-created_at', {}, /^leads_by_creation$/],
  // All have it.
  ['id', { phonePattern: '%2020%' }, /^leads_list$/],
])('49 by cursor, sort=%s %o: a page in the middle costs what the first one does', async (order, filter, index) => {
  const { watched, statements } = watchStatements(t.db);
  const middle = { id: Math.floor(LEADS / 2), value: '2026-03-04 00:00:00', forward: true };
  const { leads } = await readBeside(watched, t.mine.account.id, filter, order, middle, PER_PAGE);
  expect(leads).toHaveLength(PER_PAGE);
  const { types, indexes, read } = await planWith(statements.at(-1), 'custom');
  expect(types).not.toContain('Seq Scan');
  for (const used of indexes) expect(used).toMatch(new RegExp(`${index.source}|^leads_(pkey|contacts)$`));
  expect(read).toBeLessThan(10 * PER_PAGE);
});

test('49 past the end there is the count alone', async () => {
  const { statements, found: rows } = await watch({}, 1_000_000);
  expect([rows, statements.length, statements[0]?.rows]).toEqual([0, 1, 1]);
});
