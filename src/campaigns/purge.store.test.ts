import { beforeEach, expect, test } from 'vitest';
import { startApp, type TestApp } from '../../test/support/app.ts';
import { insertAssistant } from '../../test/support/insert-assistant.ts';
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
  await purgeDeletedCampaigns(t.db, NEVER);
  expect([await count('leads'), await count('campaigns'), await count('imports')]).toEqual([6, 1, 0]);
  expect(await t.db.selectFrom('campaign_phone_numbers').selectAll().execute()).toEqual([]);
});

test('it stops between two batches when it is told to, and is done by the next run', async () => {
  const id = await create();
  await fill(id, 4100, 0);
  await t.api.delete(`/api/user/campaign/${id}`);
  let asked = 0;
  await purgeDeletedCampaigns(t.db, () => asked++ > 1);
  const left = await count('leads');
  expect(left).toBeGreaterThan(0);
  expect(left).toBeLessThan(4100);
  expect(await count('campaigns')).toBe(1);
  await purgeDeletedCampaigns(t.db, NEVER);
  expect([await count('leads'), await count('campaigns')]).toEqual([0, 0]);
});

test('several at once, on several campaigns, end with nothing left', async () => {
  for (const id of [await create(), await create(), await create()]) {
    await fill(id, 2100);
    await t.api.delete(`/api/user/campaign/${id}`);
  }
  await Promise.all([1, 2, 3].map(() => purgeDeletedCampaigns(t.db, NEVER)));
  expect([await count('leads'), await count('campaigns')]).toEqual([0, 0]);
});

test('leads that come in while it is deleted are either refused or purged', async () => {
  const id = await create();
  const add = (index: number) => t.api.post('/api/user/lead', { phone_number: `+1202555${1000 + index}`, campaign_id: id });
  const adding = Array.from({ length: 20 }, (_, index) => add(index));
  const deleted = t.api.delete(`/api/user/campaign/${id}`).then(() => purgeDeletedCampaigns(t.db, NEVER));
  const [answers] = await Promise.all([Promise.all(adding), deleted]);
  expect(answers.every(({ status }) => status === 200 || status === 404)).toBe(true);
  await purgeDeletedCampaigns(t.db, NEVER);
  expect([await count('leads'), await count('campaigns')]).toEqual([0, 0]);
});
