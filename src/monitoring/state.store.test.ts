// The state of a database as metrics tell it: every figure, and that no reading goes through all leads.
import { sql } from 'kysely';
import { beforeEach, expect, test } from 'vitest';
import { freshDatabase } from '../../test/support/db.ts';
import { insertAssistant } from '../../test/support/insert-assistant.ts';
import { insertCall } from '../../test/support/insert-calls.ts';
import { insertCampaign, insertManyLeads } from '../../test/support/insert-leads.ts';
import { planOf, watchStatements } from '../../test/support/watch-statements.ts';
import { insertAccount } from '../accounts/accounts.store.ts';
import type { CallsTable, Db } from '../db/schema.ts';
import { enqueuePostCalls } from '../webhooks/webhooks.store.ts';
import { readDatabaseState } from './state.store.ts';

// A Monday; the campaigns of insertCampaign call on Mondays, in UTC where none is said.
const NOW = new Date('2026-03-02T10:00:00Z');
const ago = (seconds: number): Date => new Date(NOW.getTime() - seconds * 1000);

let db: Db;
let account: number;
let open: number;
let closed: number;
beforeEach(async () => {
  db = (await freshDatabase()).db;
  account = (await insertAccount(db, { name: 'Mine', email: 'mine@example.test' }, NOW)).id;
  open = await insertCampaign(db, account, { status: 'in-progress', timezone: 'UTC' });
  closed = await insertCampaign(db, account, { status: 'in-progress', timezone: 'UTC', allowed_days: '["sunday"]' });
  await insertCampaign(db, account, { status: 'stopped' });
});

const insertDue = async (campaign: number, count: number, since: Date): Promise<void> => {
  await sql`
    insert into leads (account_id, campaign_id, phone_number, variables, status, duplicate_allowed, due_at, created_at, updated_at)
    select ${account}::bigint, ${campaign}::bigint, '+12025550100', '{}', 'created', true,
      ${since}::timestamptz + g * interval '1 microsecond', ${since}::timestamptz, ${since}::timestamptz
    from generate_series(0, ${count - 1}::integer) g`.execute(db);
};

test('nothing there', async () => {
  await sql`update campaigns set status = 'stopped'`.execute(db);
  expect(await readDatabaseState(db, NOW)).toEqual({
    running: 0,
    dialers: 0,
    leads: { due: 0, overdue: 0, overdueMs: 0 },
    lines: { used: 0, limit: 0 },
    calls: new Map(),
    carriers: [],
    webhooks: { pending: 0, pendingMs: 0, dueMs: 0 },
    imports: 0,
  });
});

test('due everywhere, overdue only where calls may be made', async () => {
  await insertDue(open, 3, ago(90));
  await insertDue(open, 2, ago(10));
  await insertDue(closed, 4, ago(3600));
  const { running, leads } = await readDatabaseState(db, NOW);
  expect([running, leads]).toEqual([2, { due: 9, overdue: 3, overdueMs: 90_000 }]);
});

test('lines, calls that go on, dialers and pauses', async () => {
  const assistant = (await insertAssistant(db, account, NOW)).id;
  const call = (state: CallsTable['state']) => insertCall(db, account, assistant, { state, status: 'initiated' });
  for (const state of ['live', 'live', 'unknown', 'wrapping', 'ended'] as const) await call(state);
  await sql`
    insert into dialers (worker, carrier, beat_at) values ('a', 'simulated', clock_timestamp()), ('b', 'simulated', clock_timestamp() - interval '1 hour')`.execute(
    db,
  );
  await sql`insert into carrier_pauses values ('simulated', 1, '503', ${ago(-5)}), ('other', 1, '503', ${ago(5)})`.execute(db);
  const { lines, calls, dialers, carriers } = await readDatabaseState(db, NOW);
  expect(lines).toEqual({ used: 3, limit: 10 });
  expect(calls).toEqual(
    new Map([
      ['live', 2],
      ['unknown', 1],
      ['wrapping', 1],
    ]),
  );
  expect(dialers).toBe(1);
  expect(carriers).toEqual([
    { carrier: 'simulated', paused: true },
    { carrier: 'other', paused: false },
  ]);
});

test('webhooks that wait, and imports that run', async () => {
  const assistant = await insertAssistant(db, account, NOW, { is_webhook_active: true, webhook_url: 'https://receiver.example.test/' });
  for (const seconds of [600, 300, 5]) await enqueuePostCalls(db, [await insertCall(db, account, assistant.id)], ago(seconds));
  await sql`update webhook_messages set next_attempt_at = ${ago(-60)} where id = 1`.execute(db);
  const counts = '{}';
  const row = { account_id: account, campaign_id: open, counts, created_at: NOW, heartbeat_at: NOW, finished_at: null };
  await db
    .insertInto('imports')
    .values([
      { ...row, status: 'running' },
      { ...row, status: 'completed' },
    ])
    .execute();
  const { webhooks, imports } = await readDatabaseState(db, NOW);
  expect(webhooks).toEqual({ pending: 3, pendingMs: 600_000, dueMs: 300_000 });
  expect(imports).toBe(1);
});

test('what is many is counted up to a bound', async () => {
  await insertDue(open, 12, ago(90));
  await insertDue(closed, 12, ago(90));
  expect((await readDatabaseState(db, NOW, 10)).leads).toEqual({ due: 10, overdue: 10, overdueMs: 90_000 });
});

test('no reading goes through the leads or the webhooks', async () => {
  await insertDue(open, 50, ago(90));
  await insertManyLeads(db, account, closed, 20_000);
  await sql`vacuum analyze leads`.execute(db);
  const { watched, statements } = watchStatements(db);
  expect((await readDatabaseState(watched, NOW)).leads?.due).toBe(50);
  const plans = await Promise.all(statements.filter(({ query }) => /leads|webhook/.test(query.sql)).map(({ query }) => planOf(db, query)));
  expect(plans).toHaveLength(2);
  const scans = plans.flat().filter((node) => node['Relation Name'] !== undefined);
  expect(scans.map((node) => node['Node Type']).filter((type) => type === 'Seq Scan')).toEqual([]);
  const indexes = plans.flat().flatMap((node) => node['Index Name'] ?? []);
  expect(indexes).toEqual(expect.arrayContaining(['leads_due', 'webhook_messages_oldest', 'webhook_messages_pending']));
});

test('what takes too long is left out, and the rest is told', async () => {
  await db.transaction().execute(async (trx) => {
    // As slow as can be: nobody may read it.
    await sql`lock table webhook_messages in access exclusive mode`.execute(trx);
    const { webhooks, leads, running } = await readDatabaseState(db, NOW);
    expect([webhooks, leads, running]).toEqual([undefined, { due: 0, overdue: 0, overdueMs: 0 }, 2]);
  });
});
