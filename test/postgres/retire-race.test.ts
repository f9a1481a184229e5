// A claim takes a contact out of the queue whose family somebody else is at: it waits for nobody, since it holds rows already, which
// it took in the order in which they are due.
import { expect, test } from 'vitest';
import { givenClock } from '../../src/dialer/lease.store.ts';
import { createSqlLedger } from '../../src/dialer/sql-ledger.store.ts';
import { startApp } from '../support/app.ts';
import { buildAssistant, buildCampaign, buildLead, buildNumber, nextNumber } from '../support/build.ts';
import { TERMS } from '../support/claim-terms.ts';

test('a contact that is refused while another of its family is held is left for a moment, and then passes its turn on', async () => {
  const t = await startApp();
  const ledger = createSqlLedger(t.db, { clock: givenClock, sendingMs: 20_000, reportWaitMs: 60_000, tell: async () => {} });
  const assistant = await buildAssistant(t.api, { phone_number_id: (await buildNumber(t.api)).id });
  const { id: campaign } = await buildCampaign(t.api, { assistant_id: assistant.id, timezone: 'UTC', mark_complete_when_no_leads: false });
  const contacts = [nextNumber(), nextNumber()].map((phone_number) => ({ phone_number }));
  const { id: lead } = await buildLead(t.api, { campaign_id: campaign, secondary_contacts: contacts });
  const { id: other } = await buildLead(t.api, { campaign_id: campaign });
  const members = await t.db.selectFrom('leads').select('id').where('primary_id', '=', lead).orderBy('id').execute();
  const [low = 0, high = 0] = members.map(({ id }) => id);
  // The lead has had its calls, so it is the turn of the contact with the highest id.
  await t.db.updateTable('leads').set({ position: 1, due_at: t.clock() }).where('id', '=', high).execute();
  await t.db.updateTable('leads').set({ position: 2 }).where('id', '=', low).execute();
  await t.db.updateTable('leads').set({ status: 'reached-max-retries', due_at: null }).where('id', '=', lead).execute();
  const number = await t.db.selectFrom('leads').select('phone_number').where('id', '=', high).executeTakeFirstOrThrow();
  await t.db
    .insertInto('dnc_numbers')
    .values({ account_id: t.mine.account.id, ...number, reason: null, created_at: t.clock() })
    .execute();
  expect((await t.api.post('/api/user/campaigns/update-status', { campaign_id: campaign, action: 'start' })).status).toBe(200);
  const rowsOf = async () =>
    (await t.db.selectFrom('leads').select(['id', 'status', 'due_at']).where('id', 'in', [low, high]).orderBy('id').execute()).map(
      ({ status, due_at }) => [status, due_at],
    );

  const soon = new Date(t.clock().getTime() + 1000);
  // As whoever locks a family: from the lowest id on.
  await t.db.transaction().execute(async (trx) => {
    const lock = (id: number) => trx.selectFrom('leads').select('id').where('id', '=', id).forNoKeyUpdate().execute();
    await lock(low);
    const { reserved } = await ledger.claim(campaign, TERMS, t.clock());
    expect(reserved).toHaveLength(1);
    await lock(high);
  });
  expect(await rowsOf()).toEqual([
    ['created', null],
    ['created', soon],
  ]);
  t.clock.advance(1000);
  await ledger.claim(campaign, TERMS, t.clock());
  expect(await rowsOf()).toEqual([
    ['created', t.clock()],
    ['blacklisted', null],
  ]);
  const called = await t.db.selectFrom('calls').select('lead_id').execute();
  expect(called).toEqual([{ lead_id: other }]);
}, 30_000);
