import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { startApp } from '../../test/support/app.ts';
import { buildAssistant, buildNumber } from '../../test/support/build.ts';
import { insertManyCalls } from '../../test/support/insert-calls.ts';

test('a number goes without a touch on the calls that were made from it, however many; they keep its id, which is never used again', async () => {
  const t = await startApp();
  const number = await buildNumber(t.api);
  const assistant = await buildAssistant(t.api, { phone_number_id: number.id });
  await insertManyCalls(t.db, t.mine.account.id, assistant.id, null, 3000);
  await t.db.updateTable('calls').set({ caller_number_id: number.id }).execute();
  // By whom each row was written last, and where it lies.
  const rows = async () =>
    (
      await sql`
        select count(caller_number_id)::integer as from_it, md5(string_agg(concat_ws(' ', id, xmin, ctid), ',' order by id)) as versions
        from calls`.execute(t.db)
    ).rows[0];
  const before = await rows();
  expect(before).toMatchObject({ from_it: 3000 });
  expect((await t.api.delete(`/api/user/phone-numbers/${number.id}`)).status).toBe(200);
  expect(await rows()).toEqual(before);
  const again = await buildNumber(t.api, { phone_number: number.body.phone_number });
  expect(again.id).toBeGreaterThan(number.id);
});
