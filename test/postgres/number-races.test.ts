// Numbers and assistants that are taken away while dialers claim in full run: no ring of waiting, and nothing that is left calls
// from what is gone.
import { sql } from 'kysely';
import { beforeAll, expect, test } from 'vitest';
import { givenClock } from '../../src/dialer/lease.store.ts';
import type { ClaimTerms, Ledger } from '../../src/dialer/ledger.ts';
import { createSqlLedger } from '../../src/dialer/sql-ledger.store.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { buildAssistant, buildCampaign, buildNumber } from '../support/build.ts';

let t: TestApp;
let ledger: Ledger;

beforeAll(async () => {
  t = await startApp();
  ledger = createSqlLedger(t.db, { clock: givenClock, sendingMs: 20_000, reportWaitMs: 60_000, tell: async () => {} });
  await t.db.updateTable('accounts').set({ max_parallel_calls: 5000, max_calls_in_parallel: 1000 }).execute();
});

const terms = (worker: string): ClaimTerms => ({
  worker,
  leaseMs: 30_000,
  carrier: { kind: 'simulated', simulated: true },
  rates: { campaign: 0, number: 0, carrier: 0 },
  limit: 4,
});

const move = (campaign_id: number, action: 'start' | 'stop') => t.api.post('/api/user/campaigns/update-status', { campaign_id, action });

let line = 0;
/** A campaign that runs and has plenty of leads. */
const running = async (assistant_id: number, phone_number_ids: number[], leads: number): Promise<number> => {
  const fields = { assistant_id, phone_number_ids, timezone: 'UTC', max_calls_in_parallel: 1000, mark_complete_when_no_leads: false };
  const { id } = await buildCampaign(t.api, fields);
  const first = line;
  line += leads;
  await sql`
    insert into leads (account_id, campaign_id, phone_number, variables, status, due_at, created_at, updated_at)
    select ${t.mine.account.id}::bigint, ${id}::bigint, '+1202' || (5550000 + ${first}::integer + g), '{}', 'created', ${t.clock()}::timestamptz,
      ${t.clock()}::timestamptz, ${t.clock()}::timestamptz
    from generate_series(1, ${leads}::integer) g`.execute(t.db);
  expect((await move(id, 'start')).status).toBe(200);
  return id;
};

interface Dialers {
  /** Resolves when they have reserved so many more, or when there is nothing left to reserve. */
  reserveMore(count: number): Promise<void>;
  end(): Promise<void>;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Dialers that claim for those campaigns, and send every other attempt. */
const dial = (campaigns: readonly number[], workers: number): Dialers => {
  let isOver = false;
  let claimed = 0;
  const work = async (worker: string, own: number): Promise<void> => {
    for (let turn = own; !isOver; turn += 1) {
      const { reserved } = await ledger.claim(campaigns[turn % campaigns.length] ?? 0, terms(worker), t.clock());
      claimed += reserved.length;
      // Another one is claiming, or there is nothing to claim.
      if (reserved.length === 0) await pause(2);
      const ids = reserved.map(({ callId }) => callId).filter((_, index) => index % 2 === 0);
      const sent = await ledger.send(ids, worker, t.clock());
      await ledger.accepted(
        sent.map((callId) => ({ callId, carrierCallId: `c-${callId}` })),
        t.clock(),
      );
    }
  };
  const all = Promise.all(Array.from({ length: workers }, (_, n) => work(`worker ${n}`, n)));
  return {
    async reserveMore(count) {
      const enough = claimed + count;
      for (let look = 0; look < 100 && claimed < enough; look += 1) await Promise.race([pause(10), all]);
      expect(claimed).toBeGreaterThanOrEqual(enough);
    },
    async end() {
      isOver = true;
      await all;
    },
  };
};

// By what they show to the callee: that stays, whatever becomes of the number's row.
const aboutToLeave = async (column: 'caller_number' | 'assistant_id' | 'campaign_id', value: string | number): Promise<number[]> => {
  const rows = await t.db
    .selectFrom('calls')
    .select('id')
    .where('state', 'in', ['reserved', 'sending'])
    .where(column, '=', value)
    .execute();
  return rows.map(({ id }) => id);
};
const statusOf = async (id: number) => (await t.api.get(`/api/user/campaign/${id}`)).body.status;
const scheduled = (ids: readonly number[]) =>
  t.db
    .selectFrom('leads')
    .select('id')
    .where('campaign_id', 'in', [...ids])
    .where('status', '=', 'scheduled')
    .execute();

test('numbers that are removed while the campaigns of their pools are dialed', async () => {
  const numbers = [];
  for (let n = 0; n < 10; n += 1) numbers.push(await buildNumber(t.api));
  const ids = numbers.map(({ id }) => id);
  const own = await buildAssistant(t.api, { phone_number_id: ids[0] });
  const bare = await buildAssistant(t.api);
  const campaigns = [
    await running(bare.id, ids, 600),
    await running(bare.id, [...ids].reverse(), 600),
    await running(
      own.id,
      ids.filter((_, index) => index % 2 === 0),
      600,
    ),
  ];
  const dialers = dial(campaigns, 5);
  // One, then two at once, and so on: 1 2 1 2 …, and the last one alone.
  for (let at = 0; at < numbers.length; ) {
    const gone = numbers.slice(at, at + 1 + (at % 3 === 1 ? 1 : 0));
    at += gone.length;
    await dialers.reserveMore(12);
    const answers = await Promise.all(gone.map(({ id }) => t.api.delete(`/api/user/phone-numbers/${id}`)));
    expect(answers.map(({ status }) => status)).toEqual(gone.map(() => 200));
    for (const { body } of gone) expect(await aboutToLeave('caller_number', body.phone_number)).toEqual([]);
  }
  await dialers.end();
  for (const { body } of numbers) expect(await aboutToLeave('caller_number', body.phone_number)).toEqual([]);
  expect(await Promise.all(campaigns.map(statusOf))).toEqual(['stopped', 'stopped', 'stopped']);
  for (const id of campaigns) expect(await aboutToLeave('campaign_id', id)).toEqual([]);
  expect(await scheduled(campaigns)).toEqual([]);
  // Each of them was in use.
  const used = await t.db.selectFrom('calls').select('caller_number').distinct().where('campaign_id', 'in', campaigns).execute();
  expect(used).toHaveLength(10);
});

test('an assistant that loses its number, turns inbound or is deleted, while its numbers are removed and its campaigns started', async () => {
  const pool = await buildNumber(t.api);
  for (let round = 0; round < 5; round += 1) {
    const [first, second] = [await buildNumber(t.api), await buildNumber(t.api)];
    const assistants = [];
    for (const number of [first, first, second, second]) assistants.push(await buildAssistant(t.api, { phone_number_id: number.id }));
    const [loses, turns, gone, kept] = assistants.map(({ id }) => id) as [number, number, number, number];
    const campaigns = [];
    for (const id of [loses, turns, gone, kept]) campaigns.push(await running(id, [], 100));
    campaigns.push(await running(turns, [pool.id], 100));
    const dialers = dial(campaigns, 3);
    await dialers.reserveMore(8);
    const acts = [
      () => t.api.delete(`/api/user/phone-numbers/${first.id}`),
      () => t.api.put(`/api/user/assistant/${loses}`, { phone_number_id: null }),
      () => t.api.put(`/api/user/assistant/${turns}`, { type: 'inbound', phone_number_id: null }),
      () => t.api.delete(`/api/user/assistant/${gone}`),
      () => t.api.delete(`/api/user/phone-numbers/${second.id}`),
    ];
    const starts = campaigns.flatMap((id) => [() => move(id, 'stop'), () => move(id, 'start')]);
    const order = round % 2 === 0 ? acts : [...acts].reverse();
    const [answers] = await Promise.all([Promise.all(order.map((act) => act())), Promise.all(starts.map((start) => start()))]);
    expect(answers.map(({ status }) => status)).toEqual(acts.map(() => 200));
    await dialers.end();
    expect((await Promise.all(campaigns.map(statusOf))).filter((status) => status === 'in-progress')).toEqual([]);
    for (const id of [loses, turns, gone, kept]) expect(await aboutToLeave('assistant_id', id)).toEqual([]);
    expect(await scheduled(campaigns)).toEqual([]);
  }
});
