// What carriers answer and report comes to two dialers at once, for overlapping sets of calls and in any order: nobody waits in a
// ring, and each call comes to one end.
import { sql } from 'kysely';
import { beforeAll, expect, test } from 'vitest';
import type { CarrierEvent } from '../../src/carriers/carrier.ts';
import { openDatabase } from '../../src/db/open.ts';
import { givenClock } from '../../src/dialer/lease.store.ts';
import type { ClaimTerms, Ledger } from '../../src/dialer/ledger.ts';
import { createSqlLedger } from '../../src/dialer/sql-ledger.store.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { buildAssistant, buildCampaign, buildNumber } from '../support/build.ts';
import { closeLater } from '../support/closing.ts';
import { insertCall } from '../support/insert-calls.ts';

let t: TestApp;
let ledgers: [Ledger, Ledger];
const told: number[] = [];

beforeAll(async () => {
  t = await startApp();
  // With connections of its own, as another process would have.
  const second = await openDatabase(t.database.source);
  closeLater(second.close);
  const deps = {
    clock: givenClock,
    sendingMs: 20_000,
    reportWaitMs: 60_000,
    tell: async (_: unknown, ids: readonly number[]) => void told.push(...ids),
  };
  ledgers = [createSqlLedger(t.db, deps), createSqlLedger(second.db, deps)];
  await t.db.updateTable('accounts').set({ max_parallel_calls: 1000, max_calls_in_parallel: 1000 }).execute();
});

const LEADS = 80;
const WITHOUT_LEAD = 60;
// Four numbers to a lead with two tries each are enough for them.
const ROUNDS = 6;
const HOUR = 3_600_000;
const CARRIER = { kind: 'simulated', simulated: true };
const terms: ClaimTerms = { worker: 'one', leaseMs: 30_000, carrier: CARRIER, rates: { campaign: 0, number: 0, carrier: 0 }, limit: 200 };

// The same orders in each run.
let seed = 7;
const below = (bound: number): number => {
  seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
  return Math.floor((seed / 2_147_483_648) * bound);
};
const shuffled = <Item>(items: readonly Item[]): Item[] => {
  const rest = [...items];
  return items.flatMap(() => rest.splice(below(rest.length), 1));
};
const some = <Item>(items: readonly Item[], share: number): Item[] => shuffled(items).slice(0, Math.ceil(items.length * share));

const prepare = async (): Promise<{ campaign: number; assistant: number }> => {
  const assistant = await buildAssistant(t.api, { phone_number_id: (await buildNumber(t.api)).id });
  const fields = { timezone: 'UTC', max_calls_in_parallel: 1000, max_retries: 2, retry_interval: 10, mark_complete_when_no_leads: false };
  const { id } = await buildCampaign(t.api, { assistant_id: assistant.id, ...fields });
  await sql`
    with lead as (
      insert into leads (account_id, campaign_id, phone_number, variables, status, due_at, created_at, updated_at)
      select ${t.mine.account.id}::bigint, ${id}::bigint, '+1202' || (5550000 + g), '{}', 'created', now, now, now
      from generate_series(1, ${LEADS}::integer) g, (values (${t.clock()}::timestamptz)) v (now)
      returning *
    )
    insert into leads (account_id, campaign_id, primary_id, position, phone_number, variables, status, created_at, updated_at)
    select account_id, campaign_id, id, n, '+1212' || (5550000 + id * 10 + n), '{}', 'created', created_at, updated_at
    from lead, generate_series(1, 3) n`.execute(t.db);
  const started = await t.api.post('/api/user/campaigns/update-status', { campaign_id: id, action: 'start' });
  expect(started.status).toBe(200);
  return { campaign: id, assistant: assistant.id };
};

/** Calls that are being sent: one to each lead, and as many of make_call, which have none. */
const sendSome = async (campaign: number, assistant: number): Promise<number[]> => {
  const [first] = ledgers;
  const { reserved } = await first.claim(campaign, terms, t.clock());
  const ids = reserved.map(({ callId }) => callId);
  expect(await first.send(ids, 'one', t.clock())).toHaveLength(LEADS);
  const { rows } = await sql<{ id: number }>`
    insert into calls (account_id, assistant_id, state, status, phone_number, caller_number, carrier, simulated, worker, lease_until,
      sent_at, variables, created_at, updated_at)
    select ${t.mine.account.id}::bigint, ${assistant}::bigint, 'sending', 'initiated', '+12025550143', '+12025550100', 'simulated', true, 'one',
      now + interval '20 seconds', now, '{}', now, now
    from generate_series(1, ${WITHOUT_LEAD}::integer), (values (${t.clock()}::timestamptz)) v (now)
    returning id`.execute(t.db);
  return [...ids, ...rows.map(({ id }) => id)];
};

const eventsOf = (ids: readonly number[]): CarrierEvent[] =>
  ids.flatMap((id) => {
    const call = { callId: String(id), carrierCallId: `c-${id}`, at: t.clock() };
    return [
      { ...call, dedupeKey: `ringing ${id}`, body: { type: 'ringing', earlyMedia: false } },
      { ...call, dedupeKey: `ended ${id}`, body: { type: 'ended', outcome: 'busy', by: 'network', talkMs: 0 } },
    ] as const;
  });

const accept = (ids: readonly number[]) => ids.map((callId) => ({ callId, carrierCallId: `c-${callId}` }));
const reject = (ids: readonly number[]) => ids.map((callId) => ({ callId, code: 'throttled' }));

/** All that may come in of those calls, each piece in an order of its own. */
const piecesOf = (ledger: Ledger, ids: readonly number[], refused: readonly number[]): (() => Promise<unknown>)[] => {
  const now = t.clock();
  return [
    () => ledger.accepted(accept(some(ids, 0.7)), now),
    () => ledger.accepted(accept(some(ids, 0.7).sort((a, b) => b - a)), now),
    () => ledger.rejected(reject(some(refused, 0.8)), now),
    () => ledger.rejected(reject(some(refused, 0.8).sort((a, b) => b - a)), now),
    () => ledger.unconfirmed(some(ids, 0.5), now),
    () => ledger.record('simulated', shuffled(eventsOf(some(ids, 0.7))), now),
    () => ledger.record('simulated', eventsOf(some(ids, 0.7)).reverse(), now),
    () => ledger.record('simulated', shuffled(eventsOf(some(ids, 0.4))), now),
  ];
};

test('answers and reports for overlapping sets of calls, to two ledgers at once', async () => {
  const { campaign, assistant } = await prepare();
  for (let round = 0; round < ROUNDS; round += 1) {
    const ids = await sendSome(campaign, assistant);
    const refused = ids.filter((_, index) => index % 5 === 0);
    const pieces = shuffled(ledgers.flatMap((ledger) => piecesOf(ledger, ids, refused)));
    await Promise.all(pieces.map((piece) => piece()));
    // What has been lost on the way comes in at last.
    await ledgers[round % 2]?.record('simulated', shuffled(eventsOf(ids)), t.clock());
    const calls = await t.db.selectFrom('calls').selectAll().where('id', 'in', ids).execute();
    for (const { id, state, outcome, attempt_no } of calls) {
      expect([id, state]).toEqual([id, 'ended']);
      // What was asked for by make_call has failed for good.
      const refusal = attempt_no === null ? 'failed' : 'rejected';
      expect(refused.includes(id) ? ['busy', refusal] : ['busy']).toContain(outcome);
    }
    expect(told.splice(0).sort((a, b) => a - b)).toEqual(
      calls
        .filter(({ outcome }) => outcome !== 'rejected')
        .map(({ id }) => id)
        .sort((a, b) => a - b),
    );
    // Each lead waits for its next try, or the next of its family does: one at a time.
    t.clock.advance(HOUR);
    const { rows } = await sql<{ waiting: number; moving: number }>`
      select count(*) filter (where due_at is not null)::integer as waiting,
        count(*) filter (where status in ('scheduled', 'processing'))::integer as moving
      from leads where campaign_id = ${campaign}::bigint`.execute(t.db);
    expect(rows[0]).toEqual({ waiting: LEADS, moving: 0 });
  }
  // A refused try is taken back, so what was not refused is what counts.
  const { rows } = await sql<{ tries: number; rung: number }>`
    select (select sum(call_tries)::integer from leads where campaign_id = ${campaign}::bigint) as tries,
      (select count(*)::integer from calls where campaign_id = ${campaign}::bigint and outcome = 'busy') as rung`.execute(t.db);
  expect(rows[0]?.tries).toBe(rows[0]?.rung);
});

/** Who waits for what a connection holds, by the number of its process; asks until somebody does. */
const waiterFor = async (holder: number, looks = 1000): Promise<number> => {
  const { rows } = await sql<{ pid: number }>`
    select pid from pg_stat_activity where datname = current_database() and ${holder}::integer = any(pg_blocking_pids(pid))`.execute(t.db);
  if (rows[0] !== undefined) return rows[0].pid;
  if (looks === 0) throw new Error('Nobody waits.');
  await new Promise((resolve) => setTimeout(resolve, 5));
  return waiterFor(holder, looks - 1);
};

/** Holds a call's row. @returns the process that does, and what lets it go. */
const hold = async (id: number): Promise<{ pid: number; letGo: () => Promise<void> }> => {
  let release = (): void => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  return new Promise((isHeld, isRefused) => {
    const done = t.db.transaction().execute(async (trx) => {
      const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid from calls where id = ${id} for no key update`.execute(
        trx,
      );
      const letGo = async () => {
        release();
        await done;
      };
      isHeld({ pid: rows[0]?.pid ?? 0, letGo });
      await released;
    });
    done.catch(isRefused);
  });
};

// The worst order, step by step. PostgreSQL lines those up who want a row by the version of it that they have seen, and an update
// in the statement that has locked the row stands in that line again if anybody holds the row shared: a check of a reference would.
test('an answer, two new reports and a repeated one meet at a call', async () => {
  const { assistant } = await prepare();
  const fields = { assistant_id: assistant, state: 'live', status: 'initiated' } as const;
  const ids: number[] = [];
  for (let n = 0; n < 5; n += 1) ids.push(await insertCall(t.db, t.mine.account.id, assistant, fields));
  const [one, two, three, meeting, five] = ids as [number, number, number, number, number];
  const [here, there] = ledgers;
  const report = (type: 'ringing' | 'answered', ...calls: number[]): CarrierEvent[] =>
    calls.map((id) => ({
      callId: String(id),
      carrierCallId: `c-${id}`,
      dedupeKey: `${type} ${id}`,
      at: t.clock(),
      body: type === 'ringing' ? { type, earlyMedia: false } : { type },
    }));
  await here.record('simulated', report('ringing', two, meeting), t.clock());
  const [first, second, third, last] = [await hold(one), await hold(two), await hold(three), await hold(five)];
  const answer = here.accepted(accept([one, meeting, five]), t.clock());
  const answering = await waiterFor(first.pid);
  const repetition = there.record('simulated', report('ringing', two, meeting), t.clock());
  const repeating = await waiterFor(second.pid);
  const again = report('ringing', meeting).map((event) => ({ ...event, dedupeKey: 'again' }));
  const slow = there.record('simulated', [...report('ringing', three), ...again], t.clock());
  await waiterFor(third.pid);
  await there.record('simulated', report('answered', meeting), t.clock());
  await first.letGo();
  // The answer has the call, and waits for its last one; the repeated report waits for the answer.
  expect(await waiterFor(last.pid)).toBe(answering);
  await second.letGo();
  expect(await waiterFor(answering)).toBe(repeating);
  await last.letGo();
  await Promise.all([answer, repetition, third.letGo(), slow]);
  const call = await t.db.selectFrom('calls').selectAll().where('id', '=', meeting).executeTakeFirstOrThrow();
  expect([call.carrier_call_id, call.state, call.status]).toEqual([`c-${meeting}`, 'live', 'in-progress']);
});
