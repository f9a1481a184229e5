// Acts that lock many leads meet somebody who locks the same ones in the order of ids, as everybody does: they wait, never in a ring.
import { sql } from 'kysely';
import { beforeEach, expect, test } from 'vitest';
import { givenClock } from '../../src/dialer/lease.store.ts';
import { createSqlLedger } from '../../src/dialer/sql-ledger.store.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { buildAssistant, buildCampaign, buildLead, buildNumber } from '../support/build.ts';
import { TERMS } from '../support/claim-terms.ts';

let t: TestApp;
beforeEach(async () => {
  t = await startApp();
});

const untilSomebodyWaits = async (looks = 1000): Promise<void> => {
  const { rows } = await sql`
    select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`.execute(t.db);
  if (rows.length > 0) return;
  if (looks === 0) throw new Error('Nobody waits.');
  await new Promise((resolve) => setTimeout(resolve, 5));
  await untilSomebodyWaits(looks - 1);
};

/** Holds the first lead, lets `act` come to wait for it, and then wants the second. */
const meet = async <Result>(first: number, second: number, act: () => Promise<Result>): Promise<Result> => {
  const { acting } = await t.db.transaction().execute(async (trx) => {
    const lock = (id: number) => trx.selectFrom('leads').select('id').where('id', '=', id).forNoKeyUpdate().execute();
    await lock(first);
    const acting = act();
    acting.catch(() => {});
    await untilSomebodyWaits();
    await lock(second);
    return { acting };
  });
  return acting;
};

test('an assistant that loses its number: one campaign stops, another goes on, both have reserved calls', async () => {
  const assistant = await buildAssistant(t.api, { phone_number_id: (await buildNumber(t.api)).id });
  const fields = { assistant_id: assistant.id, timezone: 'UTC', mark_complete_when_no_leads: false };
  const goesOn = await buildCampaign(t.api, { ...fields, phone_number_ids: [(await buildNumber(t.api)).id] });
  const stops = await buildCampaign(t.api, fields);
  const ledger = createSqlLedger(t.db, { clock: givenClock, sendingMs: 20_000, reportWaitMs: 60_000, tell: async () => {} });
  const leads: number[] = [];
  for (const { id } of [goesOn, stops]) {
    leads.push((await buildLead(t.api, { campaign_id: id })).id);
    expect((await t.api.post('/api/user/campaigns/update-status', { campaign_id: id, action: 'start' })).status).toBe(200);
    expect((await ledger.claim(id, TERMS, t.clock())).reserved).toHaveLength(1);
  }
  const [low = 0, high = 0] = leads;
  const put = await meet(low, high, () => t.api.put(`/api/user/assistant/${assistant.id}`, { phone_number_id: null }));
  expect(put.status).toBe(200);
  const calls = await t.db.selectFrom('calls').select(['state', 'outcome', 'reason']).execute();
  expect(calls).toEqual([0, 1].map(() => ({ state: 'ended', outcome: 'revoked', reason: 'assistant_changed' })));
  const campaigns = await t.db.selectFrom('campaigns').select('status').orderBy('id').execute();
  expect(campaigns.map(({ status }) => status)).toEqual(['in-progress', 'stopped']);
});
