import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startApp } from '../test/support/app.ts';
import { insertCampaign } from '../test/support/insert-leads.ts';
import { startKeySweeper } from './key-sweeper.ts';

test('answers that have expired are gone without anybody sending a key, others stay', async () => {
  const t = await startApp();
  const campaign_id = await insertCampaign(t.db, t.mine.account.id);
  const add = (key: string) =>
    t.api.post('/api/user/lead', { phone_number: '+12025550143', campaign_id, allow_dupplicate: true }, { 'idempotency-key': key });
  const keys = async () => (await t.db.selectFrom('idempotency_keys').select('key').orderBy('key').execute()).map(({ key }) => key);
  // More than are removed in one statement.
  await Promise.all(Array.from({ length: 130 }, (_, index) => add(`old ${index}`)));
  t.clock.advance(23 * 3_600_000);
  await add('new');
  expect(await keys()).toHaveLength(131);
  const errors: unknown[] = [];
  const sweeper = startKeySweeper(t.db, t.clock, (error) => errors.push(error), 20);
  t.clock.advance(2 * 3_600_000);
  for (let round = 0; round < 200 && (await keys()).length > 1; round += 1) await pause(20);
  await sweeper.stop();
  expect([await keys(), errors]).toEqual([['new'], []]);
});
