// The purge in the background: a failure is not the end of it.
import { type KyselyPlugin, sql } from 'kysely';
import { expect, test } from 'vitest';
import type { Db } from '../src/db/schema.ts';
import { createPurger } from '../src/purger.ts';
import { startApp } from './support/app.ts';
import { buildCampaign, buildLead } from './support/build.ts';
import { closeLater } from './support/closing.ts';

/** The same database, which is not to be had for some statements. */
const failing = (db: Db, times: number): Db => {
  let left = times;
  const plugin: KyselyPlugin = {
    transformQuery: ({ node }) => {
      if (left-- > 0) throw new Error('The database is away.');
      return node;
    },
    transformResult: async ({ result }) => result,
  };
  return db.withPlugin(plugin);
};

test('a purge that fails is tried again by itself, and less and less often', async () => {
  const t = await startApp();
  const { id } = await buildCampaign(t.api);
  await buildLead(t.api, { campaign_id: id, secondary_contacts: [{ phone_number: '+12025559901' }] });
  await t.db.updateTable('campaigns').set({ deleted_at: t.clock() }).where('id', '=', id).execute();
  const failures: number[] = [];
  const purger = createPurger(failing(t.db, 3), () => failures.push(performance.now()), 100);
  closeLater(() => purger.stop());
  purger.wake();
  const left = async () =>
    (await sql<{ n: number }>`select (select count(*) from leads)::integer + (select count(*) from campaigns)::integer as n`.execute(t.db))
      .rows[0]?.n;
  await expect.poll(left, { timeout: 10_000 }).toBe(0);
  const [first = 0, second = 0, third = 0] = failures;
  expect(failures).toHaveLength(3);
  expect(second - first).toBeGreaterThan(90);
  expect(third - second).toBeGreaterThan(190);
});

test('a campaign that somebody holds is purged when it is let go, without being woken, and is no failure', async () => {
  const t = await startApp();
  const { id } = await buildCampaign(t.api);
  const failures: unknown[] = [];
  const purger = createPurger(t.db, (error) => failures.push(error), 20);
  closeLater(() => purger.stop());
  await t.db.updateTable('campaigns').set({ deleted_at: t.clock() }).where('id', '=', id).execute();
  const holding = await t.db.startTransaction().execute();
  await sql`select from campaigns where id = ${id} for no key update`.execute(holding);
  purger.wake();
  await new Promise((resolve) => setTimeout(resolve, 100));
  const campaigns = () => t.db.selectFrom('campaigns').select('id').execute();
  expect(await campaigns()).toEqual([{ id }]);
  await holding.rollback().execute();
  await expect.poll(campaigns, { timeout: 10_000 }).toEqual([]);
  expect(failures).toEqual([]);
});

test('one that is stopped is not tried again', async () => {
  const t = await startApp();
  const failures: unknown[] = [];
  const purger = createPurger(failing(t.db, 100), (error) => failures.push(error), 50);
  purger.wake();
  await expect.poll(() => failures.length).toBe(1);
  await purger.stop();
  await new Promise((resolve) => setTimeout(resolve, 150));
  expect(failures).toHaveLength(1);
});
