// What a page of a long call log costs, told by the plans of its statements and not by a clock.
import { beforeAll, expect, test } from 'vitest';
import { startApp, type TestApp } from '../../test/support/app.ts';
import { insertAssistant } from '../../test/support/insert-assistant.ts';
import { insertManyCalls } from '../../test/support/insert-calls.ts';
import { insertCampaign } from '../../test/support/insert-leads.ts';
import { vacuum } from '../../test/support/vacuum.ts';
import { planOf, watchStatements } from '../../test/support/watch-statements.ts';
import { type CallFilter, listCalls } from './calls.store.ts';

const CALLS = 30_000;
const PER_PAGE = 20;

let t: TestApp;
let assistant: number;
let campaign: number;

beforeAll(async () => {
  t = await startApp();
  const { id } = t.mine.account;
  assistant = (await insertAssistant(t.db, id, t.clock())).id;
  campaign = await insertCampaign(t.db, id);
  const small = await insertCampaign(t.db, id);
  await insertManyCalls(t.db, id, assistant, campaign, CALLS);
  await insertManyCalls(t.db, id, (await insertAssistant(t.db, id, t.clock())).id, small, 300);
  await insertManyCalls(t.db, t.other.account.id, (await insertAssistant(t.db, t.other.account.id, t.clock())).id, null, 500);
  await vacuum(t.db, 'calls');
});

// Runs the list and writes down what it asked of the calls.
const watch = async (filter: CallFilter, page: number) => {
  const { watched, statements } = watchStatements(t.db);
  const slice = { offset: (page - 1) * PER_PAGE, limit: PER_PAGE };
  const { calls, total } = await listCalls(watched, t.mine.account.id, filter, slice);
  for (const { rows } of statements) expect(rows).toBeLessThanOrEqual(PER_PAGE);
  return { statements: statements.filter(({ query }) => query.sql.includes('"calls"')), total, found: calls.length };
};

test.each<[string, () => CallFilter]>([
  ['no filter', () => ({})],
  ['status', () => ({ status: 'busy' })],
  ['assistant', () => ({ assistant: { id: assistant } })],
  ['campaign', () => ({ campaignId: campaign })],
  ['status and campaign', () => ({ status: 'completed', campaignId: campaign })],
  ['days', () => ({ createdFrom: new Date('2026-03-02T09:00:00Z'), createdBefore: new Date('2026-03-03T00:00:00Z') })],
  ['phone number', () => ({ phonePattern: '%00%' })],
])('%s: one count, one page of ids and its rows, none of them by reading the table', async (_name, makeFilter) => {
  const filter = makeFilter();
  const last = Math.ceil((await watch(filter, 1)).total / PER_PAGE);
  expect(last).toBeGreaterThan(3);
  for (const page of [1, Math.ceil(last / 2), last]) {
    const { statements, found, total } = await watch(filter, page);
    expect(found).toBe(page === last ? total - (last - 1) * PER_PAGE : PER_PAGE);
    expect(statements).toHaveLength(3);
    // The rows of the page are read by their ids; what matters is how those are found.
    for (const { query } of statements.slice(0, 2)) {
      const plan = (await planOf(t.db, query)).map((node) => node['Node Type']);
      expect(plan, query.sql).not.toContain('Seq Scan');
      expect(plan, query.sql).not.toContain('Sort');
    }
  }
});

test('past the end there is the count alone', async () => {
  const { statements, found } = await watch({}, 1_000_000);
  expect([found, statements.length]).toEqual([0, 1]);
});
