import { sql } from 'kysely';
import { beforeEach, describe, expect, test } from 'vitest';
import { startApp, type TestApp } from '../../test/support/app.ts';
import { START } from '../../test/support/clock.ts';
import { insertAssistant } from '../../test/support/insert-assistant.ts';
import { insertCall } from '../../test/support/insert-calls.ts';
import { insertCampaign, insertLead } from '../../test/support/insert-leads.ts';
import { purgeAll } from '../../test/support/purge.ts';
import type { Db } from '../db/schema.ts';
import { givenClock } from '../dialer/lease.store.ts';
import { createSqlLedger } from '../dialer/sql-ledger.store.ts';
import { purgeDeletedCampaigns } from './purge.store.ts';

let t: TestApp;
let assistant: { id: number };

beforeEach(async () => {
  t = await startApp();
  assistant = await insertAssistant(t.db, t.mine.account.id, t.clock());
});

const NEVER = () => false;
const create = async (): Promise<number> =>
  (await t.api.post('/api/user/campaign', { name: 'Spring', assistant_id: assistant.id })).body.data.id;

// Rows without a detour over HTTP: more than two batches of them.
const fill = async (campaignId: number, leads: number, contacts = 1): Promise<void> => {
  const row = { account_id: t.mine.account.id, campaign_id: campaignId, variables: '{}', status: 'created' as const };
  const at = { created_at: t.clock(), updated_at: t.clock() };
  for (let start = 0; start < leads; start += 500) {
    const numbers = Array.from({ length: Math.min(500, leads - start) }, (_, index) => `+1202${5_550_000 + start + index}`);
    const made = await t.db
      .insertInto('leads')
      .values(numbers.map((phone_number) => ({ ...row, ...at, phone_number, primary_id: null, position: null })))
      .returning('id')
      .execute();
    if (contacts === 0) continue;
    await t.db
      .insertInto('leads')
      .values(made.map(({ id }) => ({ ...row, ...at, phone_number: '+12025550199', primary_id: id, position: 1 })))
      .execute();
  }
};
const count = async (table: 'leads' | 'campaigns' | 'imports'): Promise<number> =>
  (
    await t.db
      .selectFrom(table)
      .select((eb) => eb.fn.countAll<number>().as('n'))
      .executeTakeFirstOrThrow()
  ).n;

test('leads are gone from the list at once, from the table after the purge; what lives stays', async () => {
  const [gone, kept] = [await create(), await create()];
  await fill(gone, 30);
  await fill(kept, 3);
  await t.db
    .insertInto('imports')
    .values({
      account_id: t.mine.account.id,
      campaign_id: gone,
      status: 'completed',
      counts: '{}',
      created_at: t.clock(),
      heartbeat_at: t.clock(),
      finished_at: null,
    })
    .execute();
  const { id: leadId } = (await t.api.get(`/api/user/leads?campaign_id=${gone}`)).body.data[0];
  const number = await t.api.post('/api/user/phone-numbers', { phone_number: '+12025550100' });
  await t.api.put(`/api/user/campaign/${gone}`, { phone_number_ids: [number.body.data.id] });
  await t.api.delete(`/api/user/campaign/${gone}`);
  expect((await t.api.get('/api/user/leads')).body.total).toBe(3);
  expect((await t.api.get(`/api/user/leads?campaign_id=${gone}`)).body.total).toBe(0);
  expect((await t.api.get(`/api/user/leads/${leadId}`)).status).toBe(404);
  expect((await t.api.post('/api/user/lead', { phone_number: '+12025550111', campaign_id: gone })).status).toBe(404);
  await purgeAll(t.db, NEVER);
  expect([await count('leads'), await count('campaigns'), await count('imports')]).toEqual([6, 1, 0]);
  expect(await t.db.selectFrom('campaign_phone_numbers').selectAll().execute()).toEqual([]);
});

test('it stops between two batches when it is told to, and is done by the next run', async () => {
  const id = await create();
  await fill(id, 4100, 0);
  await t.api.delete(`/api/user/campaign/${id}`);
  let asked = 0;
  await purgeAll(t.db, () => asked++ > 1);
  const left = await count('leads');
  expect(left).toBeGreaterThan(0);
  expect(left).toBeLessThan(4100);
  expect(await count('campaigns')).toBe(1);
  await purgeAll(t.db, NEVER);
  expect([await count('leads'), await count('campaigns')]).toEqual([0, 0]);
});

test('several at once, on several campaigns, end with nothing left', async () => {
  for (const id of [await create(), await create(), await create()]) {
    await fill(id, 2100);
    await t.api.delete(`/api/user/campaign/${id}`);
  }
  await Promise.all([1, 2, 3].map(() => purgeAll(t.db, NEVER)));
  // What one held, the others have passed over, and at the very end that may be the campaign itself.
  await purgeAll(t.db, NEVER);
  expect([await count('leads'), await count('campaigns')]).toEqual([0, 0]);
});

/** Runs `act` while a transaction that somebody forgot holds what `hold` locks. */
const whileHeld = async <Result>(hold: (trx: Db) => Promise<unknown>, act: () => Promise<Result>): Promise<Result> => {
  const trx = await t.db.startTransaction().execute();
  try {
    await hold(trx);
    return await act();
  } finally {
    await trx.rollback().execute();
  }
};

const campaignIds = async (): Promise<number[]> =>
  (await t.db.selectFrom('campaigns').select('id').orderBy('id').execute()).map(({ id }) => id);

describe('what somebody else holds is passed over, and keeps nobody else from being purged', () => {
  let held: number;
  let free: number;
  let foreign: number;
  beforeEach(async () => {
    [held, free] = [await create(), await create()];
    foreign = await insertCampaign(t.db, t.other.account.id);
    for (const id of [held, free]) await fill(id, 3);
    await insertLead(t.db, t.other.account.id, foreign);
    for (const id of [held, free]) await t.api.delete(`/api/user/campaign/${id}`);
    await t.other.delete(`/api/user/campaign/${foreign}`);
  });
  const lock = (table: 'campaigns' | 'leads' | 'calls' | 'imports', id: number) => (trx: Db) =>
    sql`select from ${sql.table(table)} where id = ${id} for no key update`.execute(trx);

  test('a campaign', async () => {
    const all = await whileHeld(lock('campaigns', held), () => purgeAll(t.db, NEVER));
    expect([all, await campaignIds(), await count('leads')]).toEqual([false, [held], 0]);
    expect([await purgeAll(t.db, NEVER), await campaignIds()]).toEqual([true, []]);
  });

  test.each(['lead', 'contact'])('a %s: its family stays whole', async (which) => {
    const rows = await t.db.selectFrom('leads').select(['id', 'primary_id']).where('campaign_id', '=', held).orderBy('id').execute();
    const one = rows.find(({ primary_id }) => (primary_id === null) === (which === 'lead'));
    const all = await whileHeld(lock('leads', one?.id ?? 0), () => purgeAll(t.db, NEVER));
    const left = await t.db.selectFrom('leads').select(['id', 'primary_id']).orderBy('id').execute();
    const family = one?.primary_id ?? one?.id;
    expect([all, await campaignIds(), left]).toEqual([
      false,
      [held],
      rows.filter(({ id, primary_id }) => id === family || primary_id === family),
    ]);
    expect([await purgeAll(t.db, NEVER), await campaignIds()]).toEqual([true, []]);
  });

  test('a call of one of its leads, and one without a lead', async () => {
    const [lead = 0] = await leadIds(held);
    for (const lead_id of [lead, null]) {
      const callId = await insertCall(t.db, t.mine.account.id, assistant.id, { campaign_id: held, lead_id, attempt_no: 1 });
      const all = await whileHeld(lock('calls', callId), () => purgeAll(t.db, NEVER));
      expect([all, await campaignIds()]).toEqual([false, [held]]);
    }
    expect([await purgeAll(t.db, NEVER), await campaignIds()]).toEqual([true, []]);
  });

  test('an import', async () => {
    const at = { created_at: t.clock(), heartbeat_at: t.clock(), finished_at: null };
    const { id } = await t.db
      .insertInto('imports')
      .values({ account_id: t.mine.account.id, campaign_id: held, status: 'completed', counts: '{}', ...at })
      .returning('id')
      .executeTakeFirstOrThrow();
    const all = await whileHeld(lock('imports', id), () => purgeAll(t.db, NEVER));
    expect([all, await campaignIds()]).toEqual([false, [held]]);
    expect([await purgeAll(t.db, NEVER), await campaignIds()]).toEqual([true, []]);
  });

  test('and so is one that fails', async () => {
    await sql`create function refuse() returns trigger language plpgsql as $$ begin raise exception 'No.'; end $$`.execute(t.db);
    await sql`create trigger refuse before delete on campaigns for each row when (old.id = ${sql.lit(held)}) execute function refuse()`.execute(
      t.db,
    );
    const failed: number[] = [];
    expect(await purgeDeletedCampaigns(t.db, NEVER, (_error, id) => failed.push(id))).toBe(false);
    expect([failed, await campaignIds()]).toEqual([[held], [held]]);
  });
});

test('leads that come in while it is deleted are either refused or purged', async () => {
  const id = await create();
  const add = (index: number) => t.api.post('/api/user/lead', { phone_number: `+1202555${1000 + index}`, campaign_id: id });
  const adding = Array.from({ length: 20 }, (_, index) => add(index));
  const deleted = t.api.delete(`/api/user/campaign/${id}`).then(() => purgeAll(t.db, NEVER));
  const [answers] = await Promise.all([Promise.all(adding), deleted]);
  expect(answers.every(({ status }) => status === 200 || status === 404)).toBe(true);
  await purgeAll(t.db, NEVER);
  expect([await count('leads'), await count('campaigns')]).toEqual([0, 0]);
});

// For each of those leads so many attempts that have ended; without leads: calls whose leads were deleted.
const fillCalls = async (campaignId: number, leadIds: readonly (number | null)[], attempts: number): Promise<void> => {
  await sql`
    insert into calls (account_id, assistant_id, campaign_id, campaign_name, lead_id, attempt_no, state, status, phone_number, caller_number,
      carrier, simulated, worker, variables, created_at, updated_at)
    select ${t.mine.account.id}::bigint, ${assistant.id}::bigint, ${campaignId}::bigint, 'Spring', lead, n, 'ended', 'completed',
      '+12025550143', '+12025550100', 'simulated', true, 'test', '{}', ${new Date(START)}::timestamptz, ${new Date(START)}::timestamptz
    from unnest(${[...leadIds]}::bigint[]) lead, generate_series(1, ${attempts}::integer) n`.execute(t.db);
};
const leadIds = async (campaignId: number): Promise<number[]> =>
  (await t.db.selectFrom('leads').select('id').where('campaign_id', '=', campaignId).orderBy('id').execute()).map(({ id }) => id);

test('its calls are let go batch by batch, whether they hang on it, on its leads or on both', async () => {
  const [gone, kept] = [await create(), await create()];
  await fill(gone, 50);
  await fill(kept, 1, 0);
  const [leads, [elsewhere = 0]] = [await leadIds(gone), await leadIds(kept)];
  await fillCalls(gone, leads, 25);
  await fillCalls(gone, Array(1500).fill(null), 1);
  // Leads that were moved: attempts that the campaign had made on another's lead, and another's on one of its own.
  await fillCalls(gone, [elsewhere], 7);
  await insertCall(t.db, t.mine.account.id, assistant.id, { campaign_id: kept, lead_id: leads[0] ?? 0, attempt_no: 99 });
  await t.api.delete(`/api/user/campaign/${gone}`);
  const changes = await t.db.selectFrom('changes').select('id').execute();
  const holding = async (): Promise<number> => {
    const { rows } = await sql<{ n: number }>`
      select (count(campaign_id) filter (where campaign_id = ${gone}::bigint) + count(lead_id) filter (where lead_id <> ${elsewhere}::bigint))::integer as n
      from calls`.execute(t.db);
    return rows[0]?.n ?? 0;
  };
  const seen: number[] = [];
  await purgeAll(t.db, async () => {
    seen.push(await holding());
    return false;
  });
  expect(seen[0]).toBe(2500 * 2 + 1500 + 7 + 1);
  expect(seen.at(-1)).toBe(0);
  // A call that is let go by both counts twice.
  expect(Math.max(...seen.slice(1).map((now, index) => (seen[index] ?? 0) - now))).toBeLessThanOrEqual(2000);
  expect([await count('leads'), await count('campaigns')]).toEqual([1, 1]);
  const calls = await t.db.selectFrom('calls').selectAll().execute();
  expect(calls).toHaveLength(2500 + 1500 + 7 + 1);
  for (const call of calls) expect(call.updated_at).toEqual(new Date(START));
  expect(
    calls.filter(({ lead_id }) => lead_id === elsewhere).map(({ campaign_id, campaign_name }) => [campaign_id, campaign_name]),
  ).toEqual(Array(7).fill([null, 'Spring']));
  expect(calls.filter(({ campaign_id }) => campaign_id !== null).map(({ campaign_id, lead_id }) => [campaign_id, lead_id])).toEqual([
    [kept, null],
  ]);
  // No move of anything, so the log says nothing of it.
  expect(await t.db.selectFrom('changes').select('id').execute()).toEqual(changes);
});

test('a call that goes on meanwhile ends as it ends', async () => {
  const id = await create();
  await fill(id, 2, 0);
  const [first = 0, second = 0] = await leadIds(id);
  const call = (lead_id: number) =>
    insertCall(t.db, t.mine.account.id, assistant.id, {
      campaign_id: id,
      campaign_name: 'Spring',
      lead_id,
      attempt_no: 1,
      state: 'live',
      status: 'ringing',
      carrier_call_id: `c-${lead_id}`,
      lease_until: t.clock(),
    });
  const [busy, silent] = [await call(first), await call(second)];
  await t.api.delete(`/api/user/campaign/${id}`);
  await purgeAll(t.db, NEVER);
  expect([await count('leads'), await count('campaigns')]).toEqual([0, 0]);
  const told: number[][] = [];
  const ledger = createSqlLedger(t.db, {
    clock: givenClock,
    sendingMs: 20_000,
    reportWaitMs: 60_000,
    tell: async (_trx, callIds) => void told.push([...callIds]),
  });
  const body = { type: 'ended', outcome: 'busy', by: 'network', talkMs: 0 } as const;
  await ledger.record('simulated', [{ carrierCallId: `c-${first}`, dedupeKey: 'end', at: t.clock(), body }], t.clock());
  await ledger.giveUp([silent], t.clock());
  const ended = (await t.db.selectFrom('calls').selectAll().orderBy('id').execute()).map(({ state, status, outcome }) => [
    state,
    status,
    outcome,
  ]);
  expect(ended).toEqual([
    ['ended', 'busy', 'busy'],
    ['ended', 'failed', 'lost'],
  ]);
  expect(told).toEqual([[busy], [silent]]);
});
