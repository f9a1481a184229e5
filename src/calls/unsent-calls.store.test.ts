// Calls of make_call that were accepted and came to nothing: they end in bounded time, are on the list, say why, and tell their webhook.
import { sql } from 'kysely';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { type MakingCalls, NUMBER, startMakingCalls } from '../../test/support/making-calls.ts';
import { startCallKeeper } from '../call-keeper.ts';
import { givenClock } from '../dialer/lease.store.ts';
import type { ClaimTerms, Ledger } from '../dialer/ledger.ts';
import { createSqlLedger } from '../dialer/sql-ledger.store.ts';
import { enqueuePostCalls } from '../webhooks/webhooks.store.ts';
import { expireUnsent } from './make-call.store.ts';

const TERMS: ClaimTerms = {
  worker: 'one',
  leaseMs: 30_000,
  carrier: { kind: 'simulated', simulated: true },
  rates: { campaign: 0, number: 0, carrier: 0 },
  limit: 50,
};

let making: MakingCalls;
let ledger: Ledger;

beforeAll(async () => {
  making = await startMakingCalls();
  const { db } = making.t;
  ledger = createSqlLedger(db, { clock: givenClock, sendingMs: 20_000, reportWaitMs: 60_000, tell: enqueuePostCalls });
  await db
    .updateTable('assistants')
    .set({ is_webhook_active: true, webhook_url: 'https://hooks.example.com/', settings: '{"send_webhook_only_on_completed":false}' })
    .where('id', '=', making.assistant.id)
    .execute();
});
beforeEach(async () => {
  await making.t.db.deleteFrom('carrier_pauses').execute();
  await making.clear();
});

const make = async (): Promise<number> => (await making.make()).body.call_id;
const send = async (): Promise<void> => {
  const now = making.t.clock();
  const [reservation] = await ledger.adopt(TERMS, now);
  expect(await ledger.send([reservation?.callId ?? 0], 'one', now)).toHaveLength(1);
};

/** All that its owner can learn of a call that came to nothing. */
const learn = async (id: number) => {
  const { api, db } = making.t;
  const list = (await api.get('/api/user/calls?status=failed')).body;
  const refusals = (await making.decisions()).filter(({ call_id, verdict }) => call_id === id && verdict === 'refuse');
  const told = await db.selectFrom('webhook_messages').select(['payload', 'state']).where('call_id', '=', id).execute();
  return {
    listed: list.data.map((call: { id: number; status: string }) => [call.id, call.status]),
    total: list.total,
    status: (await api.get(`/api/user/calls/${id}`)).body.status,
    why: refusals.map(({ reason, facts }) => [reason, facts]),
    webhook: told.map(({ payload }) => JSON.parse(payload ?? '{}').status),
  };
};

const failed = (id: number, reason: string, facts: object) => ({
  listed: [[id, 'failed']],
  total: 1,
  status: 'failed',
  why: [[reason, facts]],
  webhook: ['failed'],
});

test('where no dialer runs the API’s own housekeeping ends it', async () => {
  const id = await make();
  const errors: unknown[] = [];
  // By the database's clock the test's lease is long over.
  const keeper = startCallKeeper(making.t.db, making.t.clock, (error) => errors.push(error));
  await keeper.stop();
  expect(errors).toEqual([]);
  expect(await learn(id)).toEqual(failed(id, 'call_not_sent', { phone_number: NUMBER, outcome: 'expired', why: 'lease_lapsed' }));
});

test('one that still has its time, or that somebody has in hand, is left alone', async () => {
  const [waits, held] = [await make(), await make()];
  const { db } = making.t;
  await sql`update calls set lease_until = clock_timestamp() + interval '1 minute' where id = ${waits}`.execute(db);
  await making.t.db.transaction().execute(async (trx) => {
    await sql`select from calls where id = ${held} for update`.execute(trx);
    if (making.t.database.source.kind === 'server') expect(await expireUnsent(db, making.t.clock())).toBe(0);
  });
  expect(await expireUnsent(db, making.t.clock())).toBe(1);
  expect((await making.calls()).map(({ state }) => state)).toEqual(['reserved', 'ended']);
  expect((await making.t.api.get('/api/user/calls')).body.total).toBe(1);
});

test('a carrier that is paused does not hold it for ever', async () => {
  const id = await make();
  const paused_until = new Date(making.t.clock().getTime() + 3_600_000);
  await making.t.db.insertInto('carrier_pauses').values({ carrier: 'simulated', strikes: 9, reason: '503', paused_until }).execute();
  expect(await ledger.adopt(TERMS, making.t.clock())).toEqual([]);
  making.t.clock.advance(30_001);
  await ledger.lapse(making.t.clock());
  expect(await learn(id)).toEqual(failed(id, 'call_not_sent', { phone_number: NUMBER, outcome: 'expired', why: 'lease_lapsed' }));
});

test.each([
  ['carrier', 'carrier_refused', 1],
  ['number', 'number_refused', 0],
] as const)('one that is refused by the %s has failed', async (scope, reason, pauses) => {
  const id = await make();
  await send();
  await ledger.rejected([{ callId: id, code: '503', scope }], making.t.clock());
  expect(await learn(id)).toEqual(failed(id, reason, { code: '503', again: null }));
  expect(await making.t.db.selectFrom('carrier_pauses').selectAll().execute()).toHaveLength(pauses);
  expect((await making.calls())[0]).toMatchObject({ state: 'ended', outcome: 'failed', reason: '503' });
});

test('one whose number is blacklisted before it is sent says so', async () => {
  const id = await make();
  await making.t.api.post('/api/user/blacklist', { phone_number: NUMBER });
  const { total, status, why, webhook } = await learn(id);
  expect([total, status, webhook]).toEqual([1, 'failed', ['failed']]);
  expect(why).toEqual([['call_not_sent', { phone_number: NUMBER, outcome: 'revoked', why: 'blacklisted' }]]);
});

test('one that its owner deletes is not told of', async () => {
  const id = await make();
  expect((await making.t.api.delete(`/api/user/calls/${id}`)).status).toBe(200);
  expect((await making.calls())[0]).toMatchObject({ state: 'ended', outcome: 'revoked' });
  expect(await making.t.db.selectFrom('webhook_messages').selectAll().where('call_id', '=', id).execute()).toEqual([]);
});

test('an attempt on a lead that was never sent stays no call', async () => {
  const { db, mine, clock } = making.t;
  const values = { account_id: mine.account.id, assistant_id: making.assistant.id, attempt_no: 1, phone_number: NUMBER };
  await db
    .insertInto('calls')
    .values({
      ...values,
      caller_number: '+12025550100',
      caller_number_id: null,
      campaign_id: null,
      campaign_name: null,
      lead_id: null,
      state: 'ended',
      status: 'failed',
      outcome: 'expired',
      carrier: 'simulated',
      simulated: true,
      worker: 'one',
      variables: '{}',
      created_at: clock(),
      updated_at: clock(),
    })
    .execute();
  expect((await making.t.api.get('/api/user/calls')).body.total).toBe(0);
});
