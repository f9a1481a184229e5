// Batches that bring the same numbers in different orders wait for each other, never in a ring.
import { expect, test } from 'vitest';
import { insertLeads } from '../../src/leads/leads.store.ts';
import { toE164 } from '../../src/phone.ts';
import { startApp } from '../support/app.ts';
import { insertCampaign } from '../support/insert-leads.ts';

const NUMBERS = Array.from({ length: 300 }, (_, index) => toE164(`+1202555${1000 + index}`)).filter((number) => number !== undefined);

test('eight batches of the same numbers, forwards and backwards, at once: each number comes in once, and nobody fails', async () => {
  const { db, mine, clock } = await startApp();
  const campaignId = await insertCampaign(db, mine.account.id);
  for (let round = 0; round < 3; round += 1) {
    const target = { accountId: mine.account.id, campaignId, allowDuplicate: false };
    const leads = NUMBERS.map((phone_number) => ({ phone_number, variables: {}, contacts: [] }));
    const batches = Array.from({ length: 8 }, (_, index) => (index % 2 === 0 ? leads : leads.toReversed()));
    const results = await Promise.all(batches.map((batch) => insertLeads(db, target, batch, clock())));
    expect(results.flat().filter((result) => result !== 'duplicate')).toHaveLength(NUMBERS.length);
    await db.deleteFrom('leads').where('account_id', '=', mine.account.id).execute();
  }
});
