// Ids are taken before they are committed: a reader by cursor waits for the lower ones instead of passing over them.
import { expect, test } from 'vitest';
import { openDatabase } from '../../src/db/open.ts';
import { insertLeads } from '../../src/leads/leads.store.ts';
import { toE164 } from '../../src/phone.ts';
import { startApp } from '../support/app.ts';
import { nextNumber } from '../support/build.ts';
import { closeLater } from '../support/closing.ts';
import { insertCampaign } from '../support/insert-leads.ts';

const lead = () => {
  const phone_number = toE164(nextNumber());
  if (phone_number === undefined) throw new Error('no number');
  return { phone_number, variables: {}, contacts: [] };
};

test('a reader that comes to the end meets every lead, also one whose lower id is committed later', async () => {
  const t = await startApp();
  const campaign = await insertCampaign(t.db, t.mine.account.id);
  const target = { accountId: t.mine.account.id, campaignId: campaign, allowDuplicate: false };
  await insertLeads(t.db, target, [lead(), lead()], t.clock());
  const second = await openDatabase(t.database.source);
  closeLater(second.close);

  let commit = () => {};
  const held = new Promise<void>((resolve) => {
    commit = resolve;
  });
  let took = () => {};
  const taken = new Promise<void>((resolve) => {
    took = resolve;
  });
  const slow = second.db.transaction().execute(async (trx) => {
    const inserted = await insertLeads(trx, target, [lead(), lead()], t.clock());
    took();
    await held;
    return inserted;
  });
  // Whatever happens, the transaction ends before its connection is closed.
  closeLater(() => commit());
  await taken;
  const [later] = await insertLeads(t.db, target, [lead()], t.clock());
  if (later === undefined || later === 'duplicate') throw new Error('not inserted');

  const seen: number[] = [];
  let cursor = '';
  const read = async () => {
    const { body } = await t.api.get(`/api/user/leads?per_page=2&cursor=${cursor}`);
    seen.push(...body.data.map(({ id }: { id: number }) => id));
    cursor = body.next_cursor ?? '';
    return body;
  };
  expect((await read()).data).toHaveLength(2);
  // The later lead is there, and the earlier ones are not: the page stays empty and leads to itself.
  expect(cursor).not.toBe('');
  const waiting = await read();
  expect([waiting.data, waiting.next_cursor === null]).toEqual([[], false]);
  // By page it is there: a page shows what is there, and promises nothing of the next one.
  expect((await t.api.get('/api/user/leads')).body.total).toBe(3);
  commit();
  const inserted = await slow;
  while (cursor !== '') await read();
  const ids = inserted.map((one) => (one === 'duplicate' ? 0 : one.id));
  expect(seen.slice(2)).toEqual([...ids, later.id]);
});

test('whoever gives up its ids holds nobody up', async () => {
  const t = await startApp();
  const campaign = await insertCampaign(t.db, t.mine.account.id);
  const target = { accountId: t.mine.account.id, campaignId: campaign, allowDuplicate: false };
  await expect(
    t.db.transaction().execute(async (trx) => {
      await insertLeads(trx, target, [lead()], t.clock());
      throw new Error('given up');
    }),
  ).rejects.toThrow('given up');
  await insertLeads(t.db, target, [lead()], t.clock());
  const { body } = await t.api.get('/api/user/leads?cursor=');
  expect([body.data.length, body.next_cursor]).toEqual([1, null]);
});
