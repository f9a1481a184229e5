// An assistant that is deleted, turned inbound or left without a number: after the answer nothing more is sent in its name.
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startApp, type TestApp } from '../../test/support/app.ts';
import { buildAssistant, buildNumber, nextNumber } from '../../test/support/build.ts';
import { insertCall } from '../../test/support/insert-calls.ts';
import { reserveCall } from '../calls/make-call.store.ts';
import { givenClock } from '../dialer/lease.store.ts';
import type { ClaimTerms, Ledger } from '../dialer/ledger.ts';
import { createSqlLedger } from '../dialer/sql-ledger.store.ts';
import type { E164 } from '../phone.ts';

let t: TestApp;
let ledger: Ledger;
beforeAll(async () => {
  t = await startApp();
  ledger = createSqlLedger(t.db, { clock: givenClock, sendingMs: 20_000, reportWaitMs: 60_000, tell: async () => {} });
});

// What a test leaves on the lines is not the next one's.
beforeEach(async () => {
  await t.db.deleteFrom('calls').execute();
});

const CARRIER = { kind: 'simulated', simulated: true };
const NO_RATES = { number: 0, carrier: 0 };
const terms: ClaimTerms = { worker: 'one', leaseMs: 30_000, carrier: CARRIER, rates: { campaign: 0, number: 0, carrier: 0 }, limit: 50 };

const caller = async () => buildAssistant(t.api, { phone_number_id: (await buildNumber(t.api)).id });
const make = (assistant_id: number) => t.api.post('/api/user/make_call', { phone_number: nextNumber(), assistant_id });
const reserved = async (assistantId: number): Promise<number> => (await make(assistantId)).body.call_id;
const remove = (id: number) => t.api.delete(`/api/user/assistant/${id}`);
const put = (id: number, body: object) => t.api.put(`/api/user/assistant/${id}`, body);
const read = (id: number) => t.db.selectFrom('calls').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const ENDS: [string, (id: number) => ReturnType<typeof remove>, string][] = [
  ['deleted', remove, 'assistant_deleted'],
  ['turned inbound', (id) => put(id, { type: 'inbound' }), 'assistant_changed'],
  ['left without a number', (id) => put(id, { phone_number_id: null }), 'assistant_changed'],
];

/** A running campaign without a pool: it calls from the assistant's own number. */
const running = async (assistantId: number): Promise<number> => {
  const fields = { name: 'Spring', assistant_id: assistantId, timezone: 'UTC', mark_complete_when_no_leads: false };
  const campaign_id = (await t.api.post('/api/user/campaign', fields)).body.data.id;
  await t.api.post('/api/user/lead', { campaign_id, phone_number: nextNumber() });
  expect((await t.api.post('/api/user/campaigns/update-status', { campaign_id, action: 'start' })).status).toBe(200);
  return campaign_id;
};

describe.each(ENDS)('an assistant that is %s', (_name, end, reason) => {
  test('takes its reserved calls back, whoever has them in hand', async () => {
    const [one, other] = [await caller(), await caller()];
    const [adopted, fresh, kept] = [await reserved(one.id), await reserved(one.id), await reserved(other.id)];
    expect((await ledger.adopt({ ...terms, limit: 1 }, t.clock())).map(({ callId }) => callId)).toEqual([adopted]);
    expect((await end(one.id)).status).toBe(200);
    for (const id of [adopted, fresh]) {
      expect(await read(id)).toMatchObject({
        state: 'ended',
        status: 'failed',
        outcome: 'revoked',
        reason,
        sent_at: null,
        lease_until: null,
      });
    }
    const left = (await ledger.adopt(terms, t.clock())).map(({ callId }) => callId);
    expect(left).toEqual([kept]);
    expect(await ledger.send([adopted, fresh, kept], 'one', t.clock())).toEqual([kept]);
    await ledger.giveUp([kept], t.clock());
  });

  test('gives back whom its campaign was about to call', async () => {
    const one = await caller();
    const campaign = await running(one.id);
    const { reserved: claimed } = await ledger.claim(campaign, terms, t.clock());
    expect(claimed).toHaveLength(1);
    expect((await end(one.id)).status).toBe(200);
    const lead = await t.db.selectFrom('leads').selectAll().where('campaign_id', '=', campaign).executeTakeFirstOrThrow();
    expect([lead.status, lead.due_at]).toEqual(['created', t.clock()]);
    expect(
      await ledger.send(
        claimed.map(({ callId }) => callId),
        'one',
        t.clock(),
      ),
    ).toEqual([]);
    expect((await ledger.claim(campaign, terms, t.clock())).refused).toBe('campaign_not_running');
  });

  test.each(['make_call', 'a campaign'])('is answered for only when the call of %s that is being sent has left', async (whose) => {
    const one = await caller();
    const [call] = whose === 'make_call' ? [await reserved(one.id)] : [];
    const { reserved: claimed } = call === undefined ? await ledger.claim(await running(one.id), terms, t.clock()) : { reserved: [] };
    if (call !== undefined) await ledger.adopt(terms, t.clock());
    const id = call ?? claimed[0]?.callId ?? 0;
    expect(await ledger.send([id], 'one', t.clock())).toEqual([id]);
    let answered = false;
    const answer = end(one.id).then(({ status }) => {
      answered = true;
      return status;
    });
    await pause(250);
    expect(answered).toBe(false);
    await ledger.accepted([{ callId: id, carrierCallId: `c-${id}` }], t.clock());
    expect(await answer).toBe(200);
    expect((await read(id)).state).toBe('live');
    await ledger.giveUp([id], t.clock());
  });

  test('waits for a reservation that is being made, and takes it back', async () => {
    const one = await caller();
    let begun = (): void => {};
    let commit = (): void => {};
    const isBegun = new Promise<void>((resolve) => (begun = resolve));
    const mayCommit = new Promise<void>((resolve) => (commit = resolve));
    const making = t.db.transaction().execute(async (trx) => {
      const accountId = t.mine.account.id;
      const phoneNumber = nextNumber() as E164;
      const request = {
        accountId,
        assistant: { id: one.id },
        phoneNumber,
        variables: {},
        carrier: CARRIER,
        rates: NO_RATES,
        databaseLeases: false,
      };
      const result = await reserveCall(trx, request, t.clock());
      begun();
      await mayCommit;
      return result;
    });
    await isBegun;
    const ending = end(one.id);
    await pause(150);
    commit();
    const result = await making;
    expect((await ending).status).toBe(200);
    expect(await read(result.kind === 'reserved' ? result.callId : 0)).toMatchObject({ state: 'ended', outcome: 'revoked' });
  });

  test('and calls that are asked for at once: they are refused, or taken back', async () => {
    for (let round = 0; round < 6; round += 1) {
      const one = await caller();
      const answers = await Promise.all([make(one.id), make(one.id), end(one.id), make(one.id), make(one.id)]);
      expect(answers[2]?.status).toBe(200);
      expect(answers.every(({ status }) => [200, 404, 422].includes(status))).toBe(true);
      const states = await t.db.selectFrom('calls').select('state').distinct().where('assistant_id', '=', one.id).execute();
      expect(states.filter(({ state }) => state !== 'ended')).toEqual([]);
      expect((await make(one.id)).status).not.toBe(200);
    }
  });
});

test('a change that takes nothing away neither waits nor takes anything back', async () => {
  const one = await caller();
  const fields = { assistant_id: one.id, state: 'sending', status: 'initiated' } as const;
  const sending = await insertCall(t.db, t.mine.account.id, one.id, fields);
  const waiting = await reserved(one.id);
  const other = await buildNumber(t.api);
  for (const change of [{ name: 'Renamed' }, { type: 'outbound' }, { phone_number_id: other.id }]) {
    const began = performance.now();
    expect((await put(one.id, change)).status).toBe(200);
    expect(performance.now() - began).toBeLessThan(10_000);
  }
  expect([(await read(sending)).state, (await read(waiting)).state]).toEqual(['sending', 'reserved']);
});
