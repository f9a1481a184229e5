// The planner learns how many leads there are when they have become many more, and not again before.
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { startApp } from '../../test/support/app.ts';
import { insertAssistant } from '../../test/support/insert-assistant.ts';
import { learnSizes, startUpkeep } from './upkeep.store.ts';

test('learned when there are twice as many, and once', async () => {
  const t = await startApp();
  const assistant = await insertAssistant(t.db, t.mine.account.id, t.clock(), {});
  const { body } = await t.api.post('/api/user/campaign', { name: 'Many', assistant_id: assistant.id });
  const add = (from: number, to: number) =>
    sql`
    insert into leads (account_id, campaign_id, phone_number, variables, status, created_at, updated_at)
    select ${t.mine.account.id}::bigint, ${body.data.id}::bigint, '+1202' || (5550000 + n), '{}', 'created', now(), now()
    from generate_series(${from}::integer, ${to}::integer) n`.execute(t.db);
  const known = async () => {
    const { rows } = await sql<{ n: number }>`select reltuples::float8 as n from pg_class where oid = 'leads'::regclass`.execute(t.db);
    return rows[0]?.n;
  };
  await sql`analyze leads (id)`.execute(t.db);
  expect(await learnSizes(t.db)).toBe(false);
  await add(1, 1500);
  // Not folded yet, and counted all the same.
  expect([await learnSizes(t.db), await known(), await learnSizes(t.db)]).toEqual([true, 1500, false]);
  await add(1501, 3000);
  await sql`select fold_lead_counts()`.execute(t.db);
  expect([await learnSizes(t.db), await known()]).toEqual([false, 1500]);
  await add(3001, 4100);
  await sql`select fold_lead_counts()`.execute(t.db);
  const upkeep = startUpkeep(t.db, (error) => {
    throw error;
  });
  await upkeep.stop();
  expect(await known()).toBe(4100);
});
