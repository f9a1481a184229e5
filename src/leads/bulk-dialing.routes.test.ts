// A bulk request beside the dialer: what it changes is decided anew, and what it adds is called.
import { expect, test } from 'vitest';
import { startApp } from '../../test/support/app.ts';
import { buildAssistant, buildCampaign, buildNumber, nextNumber } from '../../test/support/build.ts';
import { TERMS } from '../../test/support/claim-terms.ts';
import { givenClock } from '../dialer/lease.store.ts';
import { createSqlLedger } from '../dialer/sql-ledger.store.ts';

test('reserved calls of leads that are updated are taken back, whatever is new in them, and those leads wait again', async () => {
  let woken = 0;
  const t = await startApp({
    wake: () => {
      woken += 1;
    },
  });
  const assistant = await buildAssistant(t.api, { phone_number_id: (await buildNumber(t.api)).id });
  const campaign = await buildCampaign(t.api, { assistant_id: assistant.id, timezone: 'UTC', max_calls_in_parallel: 3 });
  const leads = ['merged', 'moved', 'left'].map((external_id) => ({ phone_number: nextNumber(), external_id }));
  const send = (some: object[]) => t.api.post('/api/user/leads/bulk', { campaign_id: campaign.id, leads: some });
  expect((await send(leads)).body.counts.created).toBe(3);
  expect(woken).toBe(1);
  expect((await t.api.post('/api/user/campaigns/update-status', { campaign_id: campaign.id, action: 'start' })).status).toBe(200);
  const ledger = createSqlLedger(t.db, { clock: givenClock, sendingMs: 20_000, reportWaitMs: 60_000, tell: async () => {} });
  expect((await ledger.claim(campaign.id, TERMS, t.clock())).reserved).toHaveLength(3);

  woken = 0;
  const { body } = await send([
    { ...leads[0], variables: { plan: 'Basic' } },
    { ...leads[1], phone_number: nextNumber() },
    { ...leads[2], phone_number: 'x' },
  ]);
  expect(body.counts).toEqual({ created: 0, updated: 2, duplicate: 0, invalid: 1 });
  expect(woken).toBe(1);
  const calls = await t.db.selectFrom('calls').select(['state', 'reason']).orderBy('lead_id').execute();
  expect(calls).toEqual([
    { state: 'ended', reason: 'lead_changed' },
    { state: 'ended', reason: 'lead_changed' },
    { state: 'reserved', reason: null },
  ]);
  const rows = await t.db.selectFrom('leads').select(['status', 'due_at']).orderBy('id').execute();
  expect(rows.map(({ status, due_at }) => [status, due_at !== null])).toEqual([
    ['created', true],
    ['created', true],
    ['scheduled', false],
  ]);
  woken = 0;
  await send([{ phone_number: 'x' }]);
  expect(woken).toBe(0);
  expect((await ledger.claim(campaign.id, TERMS, t.clock())).reserved).toHaveLength(2);
});
