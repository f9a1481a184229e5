// What goes and what stays, in steps that wait for nobody.
import { setTimeout as pause } from 'node:timers/promises';
import { type Insertable, sql } from 'kysely';
import { beforeEach, describe, expect, test } from 'vitest';
import { startApp, type TestApp } from '../../test/support/app.ts';
import { insertAssistant } from '../../test/support/insert-assistant.ts';
import { insertCall } from '../../test/support/insert-calls.ts';
import { insertCampaign, insertLead } from '../../test/support/insert-leads.ts';
import type { CallsTable, WebhookMessagesTable } from '../db/schema.ts';
import { givenClock } from '../dialer/lease.store.ts';
import { createSqlLedger } from '../dialer/sql-ledger.store.ts';
import { recountLeads } from '../leads/recount.store.ts';
import { passTurn } from '../leads/turn.store.ts';
import { startRetentionSweeper } from '../retention-sweeper.ts';
import { cutoffsOf, daysBefore, NOT_SWEPT, SHORT_RETENTION_DAYS, SWEPT } from './retention.ts';
import { sweepAccount, sweepReports } from './sweep.store.ts';

let t: TestApp;
let assistant: number;
let campaign: number;

const DAY = 86_400_000;
const ago = (days: number): Date => new Date(t.clock().getTime() - days * DAY);
// Two years and a little, and a little less.
const LONG = 740;
const KEPT = 720;

beforeEach(async () => {
  t = await startApp();
  assistant = (await insertAssistant(t.db, t.mine.account.id, t.clock())).id;
  campaign = await insertCampaign(t.db, t.mine.account.id);
});

const mine = (): number => t.mine.account.id;

const addCall = (days: number, fields: Partial<Insertable<CallsTable>> = {}): Promise<number> =>
  insertCall(t.db, mine(), assistant, { created_at: ago(days), updated_at: ago(days), ended_at: ago(days), sent_at: ago(days), ...fields });

const addLead = (days: number, fields: Parameters<typeof insertLead>[3] = {}): Promise<number> =>
  insertLead(t.db, mine(), campaign, { status: 'completed', created_at: ago(days), updated_at: ago(days), ...fields });

const addReport = async (call_id: number, dedupe_key: string): Promise<void> => {
  const body = JSON.stringify({ type: 'ringing' });
  await t.db.insertInto('carrier_events').values({ carrier: 'simulated', dedupe_key, call_id, at: t.clock(), body }).execute();
};

const addMessage = async (call_id: number, days: number, fields: Partial<Insertable<WebhookMessagesTable>> = {}): Promise<number> => {
  const { id } = await t.db
    .insertInto('webhook_messages')
    .values({
      account_id: mine(),
      call_id,
      event: 'post_call',
      url: 'https://example.test/hook',
      host: 'example.test',
      payload: '{}',
      state: 'delivered',
      next_attempt_at: null,
      created_at: ago(days),
      updated_at: ago(days),
      ...fields,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  await t.db
    .insertInto('webhook_deliveries')
    .values({
      message_id: id,
      attempt: 1,
      at: ago(days),
      url: 'https://example.test/hook',
      request_headers: '{}',
      status: 200,
      response_body: 'ok',
      error: null,
      duration_ms: 5,
    })
    .execute();
  return id;
};

const idsOf = async (table: 'calls' | 'leads' | 'decisions' | 'changes' | 'webhook_messages' | 'imports'): Promise<number[]> =>
  (await t.db.selectFrom(table).select('id').orderBy('id').execute()).map(({ id }) => id);

const countOf = async (table: 'carrier_events' | 'webhook_deliveries' | 'import_rejects' | 'import_issues'): Promise<number> =>
  (await t.db.selectFrom(table).selectAll().execute()).length;

/** One whole sweep. @returns what each step has removed. */
const sweep = async (months = 24): Promise<object[]> => {
  const steps: object[] = [];
  await sweepReports(t.db, daysBefore(t.clock(), SHORT_RETENTION_DAYS), async (accountIds) => {
    if (accountIds.length > 0) steps.push({ carrier_events: accountIds.length });
    return true;
  });
  await sweepAccount(t.db, mine(), cutoffsOf(months, t.clock()), async (removed) => {
    if (Object.values(removed).some((rows) => rows > 0)) steps.push(removed);
    return true;
  });
  return steps;
};

test('every table is swept, or it is said why not', async () => {
  const { rows } = await sql<{ name: string }>`
    select table_name as name from information_schema.tables where table_schema = 'public' order by 1`.execute(t.db);
  expect(rows.map(({ name }) => name).sort()).toEqual([...Object.keys(SWEPT), ...Object.keys(NOT_SWEPT)].sort());
});

describe('calls', () => {
  test('go when they ended long enough ago, with all that hangs on them', async () => {
    const old = await addCall(LONG);
    const kept = await addCall(KEPT);
    const live = await addCall(LONG, { state: 'live', ended_at: null });
    for (const id of [old, kept, live]) await addReport(id, `r${id}`);
    await addMessage(old, 5, { state: 'failed' });
    await sweep();
    expect(await idsOf('calls')).toEqual([kept, live]);
    expect([await idsOf('webhook_messages'), await countOf('webhook_deliveries')]).toEqual([[], 0]);
    // Of the call that was kept the reports went after 30 days.
    expect((await t.db.selectFrom('carrier_events').select('call_id').execute()).map(({ call_id }) => call_id)).toEqual([live]);
  });

  test('a carrier whose clock is wrong makes no call older, and none younger', async () => {
    const young = await addCall(1, { ended_at: ago(5000) });
    await addCall(LONG, { ended_at: ago(-5000) });
    await sweep();
    expect(await idsOf('calls')).toEqual([young]);
  });

  test('one whose webhook is still to be delivered waits for it', async () => {
    const call = await addCall(LONG);
    await addMessage(call, LONG, { state: 'pending', next_attempt_at: t.clock() });
    await sweep();
    expect([await idsOf('calls'), (await idsOf('webhook_messages')).length]).toEqual([[call], 1]);
  });

  test('a lost one that ended its lead’s cascade is kept as long as the lead', async () => {
    const id = await addLead(LONG, { status: 'reached-max-retries', last_attempt_no: 2 });
    await addLead(LONG, { primary_id: id, position: 1, status: 'created', phone_number: '+12025550101', updated_at: ago(1) });
    await addCall(LONG, { lead_id: id, attempt_no: 1, outcome: 'lost' });
    const last = await addCall(LONG, { lead_id: id, attempt_no: 2, outcome: 'lost' });
    await sweep();
    expect(await idsOf('calls')).toEqual([last]);
    await t.db.transaction().execute((trx) => passTurn(trx, new Map([[id, t.clock()]])));
    expect(await t.db.selectFrom('leads').select('due_at').where('due_at', 'is not', null).execute()).toEqual([]);
    await t.db
      .updateTable('leads')
      .set({ updated_at: ago(LONG) })
      .execute();
    await sweep();
    expect(await idsOf('leads')).toEqual([]);
    await sweep();
    expect(await idsOf('calls')).toEqual([]);
  });

  test('the months are the account’s own', async () => {
    const call = await addCall(100);
    const other = await insertCall(t.db, t.other.account.id, assistant, { created_at: ago(LONG), updated_at: ago(LONG) });
    await sweep(4);
    expect(await idsOf('calls')).toEqual([call, other]);
    await sweep(3);
    expect(await idsOf('calls')).toEqual([other]);
  });
});

describe('leads', () => {
  test('that are done with go with their contacts, and the counts stay right', async () => {
    const kept: number[] = [];
    for (const status of ['completed', 'reached-max-retries', 'blacklisted'] as const) {
      const id = await addLead(LONG, { status });
      await addLead(LONG, { primary_id: id, position: 1, status: 'created', phone_number: '+12025550101' });
      kept.push(await addLead(KEPT, { status }));
    }
    await sweep();
    expect(await idsOf('leads')).toEqual(kept);
    expect((await t.api.get('/api/user/leads')).body.total).toBe(3);
    expect(await recountLeads(t.db)).toEqual({ totals: 0, cells: 0 });
  });

  test('that wait, or are on a call, never', async () => {
    const kept: number[] = [];
    for (const status of ['created', 'scheduled', 'processing', 'rescheduled'] as const) kept.push(await addLead(5000, { status }));
    await sweep(1);
    expect(await idsOf('leads')).toEqual(kept);
  });

  test('a family stays whole while one of it waits, was changed, or has a call', async () => {
    const primaries: number[] = [];
    const add = async (fields: Parameters<typeof insertLead>[3]): Promise<number> => {
      const id = await addLead(LONG, { status: 'reached-max-retries' });
      primaries.push(id);
      return addLead(LONG, { primary_id: id, position: 1, phone_number: '+12025550101', ...fields });
    };
    await add({ status: 'created', due_at: t.clock() });
    await add({ status: 'completed', updated_at: ago(3) });
    const called = await add({ status: 'completed' });
    await addCall(KEPT, { lead_id: called, attempt_no: 1 });
    await sweep();
    expect((await idsOf('leads')).length).toBe(2 * primaries.length);
    await t.db
      .updateTable('leads')
      .set({ updated_at: ago(LONG), due_at: null })
      .execute();
    await t.db
      .updateTable('calls')
      .set({ created_at: ago(LONG), updated_at: ago(LONG), ended_at: ago(LONG) })
      .execute();
    await sweep();
    expect(await idsOf('leads')).toEqual([]);
  });
});

test('decisions and changes go by their time; a refusal that is still counted stays', async () => {
  const decide = (decided: number, last: number) =>
    t.db
      .insertInto('decisions')
      .values({ account_id: mine(), verdict: 'refuse', reason: 'test', facts: '{}', decided_at: ago(decided), last_at: ago(last) })
      .returning('id')
      .executeTakeFirstOrThrow();
  await decide(LONG, LONG);
  const counted = await decide(LONG, 1);
  const change = (days: number) =>
    t.db
      .insertInto('changes')
      .values({ account_id: mine(), what: 'campaign', from_status: 'draft', to_status: 'stopped', at: ago(days) } as never)
      .returning('id')
      .executeTakeFirstOrThrow();
  await change(LONG);
  const kept = await change(KEPT);
  await sweep();
  expect([await idsOf('decisions'), await idsOf('changes')]).toEqual([[counted.id], [kept.id]]);
});

test('delivered messages go after 30 days, others after the months, pending ones never', async () => {
  const add = async (state: 'delivered' | 'failed' | 'cancelled' | 'pending', days: number): Promise<number> =>
    addMessage(await addCall(1), days, { state, next_attempt_at: state === 'pending' ? t.clock() : null });
  await add('delivered', 31);
  await add('failed', LONG);
  await add('cancelled', LONG);
  const kept = [await add('delivered', 29), await add('failed', KEPT), await add('cancelled', KEPT), await add('pending', LONG)];
  await sweep();
  expect(await idsOf('webhook_messages')).toEqual(kept);
  expect(await countOf('webhook_deliveries')).toBe(kept.length);
});

describe('reports', () => {
  test('go 30 days after the end of their call, and not while it goes on', async () => {
    const [over, young, live] = [await addCall(31), await addCall(29), await addCall(31, { state: 'unknown', ended_at: null })];
    for (const id of [over, young, live]) await addReport(id, `r${id}`);
    await sweep();
    const left = await t.db.selectFrom('carrier_events').select('call_id').orderBy('call_id').execute();
    expect(left.map(({ call_id }) => call_id)).toEqual([young, live]);
  });

  test('a report that is repeated after they went changes nothing', async () => {
    const transcript = [{ text: 'Hello', type: 'transcript' as const, sender: 'bot' as const, timestamp: 1 }];
    const call = await addCall(30, { transcript: JSON.stringify(transcript), outcome: 'answered', carrier_call_id: 'c1' });
    const before = await t.db.selectFrom('calls').selectAll().execute();
    const ledger = createSqlLedger(t.db, { clock: givenClock, sendingMs: 20_000, reportWaitMs: 60_000, tell: async () => {} });
    const event = {
      dedupeKey: 'late',
      callId: String(call),
      carrierCallId: 'c1',
      at: t.clock(),
      body: { type: 'ringing' as const, earlyMedia: false },
    };
    await ledger.record('simulated', [event], t.clock());
    expect(await t.db.selectFrom('calls').selectAll().execute()).toEqual(before);
    expect(await countOf('carrier_events')).toBe(0);
  });
});

test('imports go by their end with what they had to say, and running ones stay', async () => {
  const add = async (status: 'completed' | 'running', days: number): Promise<number> => {
    const { id } = await t.db
      .insertInto('imports')
      .values({
        account_id: mine(),
        campaign_id: campaign,
        status,
        counts: '{}',
        created_at: ago(days),
        heartbeat_at: ago(days),
        finished_at: status === 'running' ? null : ago(days),
      })
      .returning('id')
      .executeTakeFirstOrThrow();
    await sql`insert into import_rejects (import_id, line, cells, error) select ${id}::bigint, g, '["x"]', 'no' from generate_series(1, 1200) g`.execute(
      t.db,
    );
    await sql`insert into import_issues (import_id, ordinal, severity, line, kind, message) values (${id}::bigint, 1, 'error', 1, 'invalid_phone', 'no')`.execute(
      t.db,
    );
    return id;
  };
  await add('completed', LONG);
  const kept = [await add('completed', KEPT), await add('running', LONG)];
  const steps = await sweep();
  expect(steps).toEqual([{ import_rejects: 1000 }, { import_rejects: 200 }, { import_issues: 1 }, { imports: 1 }]);
  expect([await idsOf('imports'), await countOf('import_rejects'), await countOf('import_issues')]).toEqual([kept, 2400, 2]);
});

describe('steps', () => {
  const fill = (n: number) =>
    sql`insert into leads (account_id, campaign_id, phone_number, variables, status, duplicate_allowed, created_at, updated_at)
      select ${mine()}::bigint, ${campaign}::bigint, '+1202' || lpad(g::text, 7, '0'), '{}', 'completed', true, ${ago(LONG)}::timestamptz, ${ago(LONG)}::timestamptz
      from generate_series(1, ${n}::integer) g`.execute(t.db);

  test('take a thousand rows at most, contacts among them', async () => {
    await fill(1500);
    await sql`insert into leads (account_id, campaign_id, primary_id, position, phone_number, variables, status, created_at, updated_at)
      select account_id, campaign_id, id, 1, '+12025550199', '{}', 'created', created_at, updated_at from leads`.execute(t.db);
    const steps = await sweep();
    expect(steps).toEqual([{ leads: 1000 }, { leads: 1000 }, { leads: 1000 }]);
    expect(await idsOf('leads')).toEqual([]);
  });

  test('pass by what somebody holds, wait for nobody, and take it the next time', async () => {
    await fill(3);
    const calls = [await addCall(LONG), await addCall(LONG)];
    const [lead = 0] = await idsOf('leads');
    await t.db.transaction().execute(async (trx) => {
      await trx.selectFrom('leads').select('id').where('id', '=', lead).forUpdate().execute();
      await trx
        .selectFrom('calls')
        .select('id')
        .where('id', '=', calls[0] ?? 0)
        .forUpdate()
        .execute();
      await sweep();
      expect([await idsOf('leads'), await idsOf('calls')]).toEqual([[lead], [calls[0]]]);
    });
    await sweep();
    expect([await idsOf('leads'), await idsOf('calls')]).toEqual([[], []]);
  });

  test('a sweep that ends anywhere is taken up by the next one', async () => {
    await fill(1500);
    for (const left of [1500, 500]) {
      expect((await idsOf('leads')).length).toBe(left);
      await sweepAccount(t.db, mine(), cutoffsOf(24, t.clock()), async ({ leads = 0 }) => leads === 0);
    }
    expect(await idsOf('leads')).toEqual([]);
    expect(await recountLeads(t.db)).toEqual({ totals: 0, cells: 0 });
  });

  test('two sweeps at once remove each row once', async () => {
    await fill(2500);
    const both = await Promise.all([sweep(), sweep()]);
    const removed = both.flat().reduce((sum, step) => sum + Number((step as { leads?: number }).leads ?? 0), 0);
    expect([removed, await idsOf('leads')]).toEqual([2500, []]);
    expect(await recountLeads(t.db)).toEqual({ totals: 0, cells: 0 });
  });
});

test('the sweeper goes by each account’s setting, and tells counts and no numbers', async () => {
  await addCall(100);
  const other = await insertCall(t.db, t.other.account.id, assistant, { created_at: ago(100), updated_at: ago(100), ended_at: ago(100) });
  await t.api.put('/api/user/account', { retention_months: 2 });
  const lines: unknown[][] = [];
  const log = { info: (...line: unknown[]) => lines.push(line), error: (...line: unknown[]) => lines.push(line) };
  const sweeper = startRetentionSweeper(t.db, t.clock, log as never, { everyMs: 10, pauseMs: 1 });
  for (let round = 0; round < 500 && lines.length === 0; round += 1) await pause(10);
  await sweeper.stop();
  expect(await idsOf('calls')).toEqual([other]);
  expect(lines).toEqual([[{ removed: { [mine()]: { calls: 1 } } }, 'removed what was kept long enough']]);
});
