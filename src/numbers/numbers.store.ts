// The account's own numbers. One number is there once; removing it empties every pool and assistant of it.
import { callsBeingSent, revokeReserved } from '../calls/revoke.store.ts';
import { holdCampaigns, stopCampaignsWithoutNumber } from '../campaigns/stop-campaigns.store.ts';
import type { Db, PhoneNumberRow } from '../db/schema.ts';
import { countryOf, type E164 } from '../phone.ts';
import type { ListedNumber } from './number.ts';

/** All numbers by ascending id. */
export const listNumbers = (db: Db, accountId: number): Promise<PhoneNumberRow[]> =>
  db.selectFrom('phone_numbers').selectAll().where('account_id', '=', accountId).orderBy('id').execute();

/** All numbers by ascending id, with whether an inbound assistant answers them. */
export const listAssignable = (db: Db, accountId: number): Promise<ListedNumber[]> =>
  db
    .selectFrom('phone_numbers')
    .selectAll()
    .select((eb) =>
      eb
        .exists(
          eb
            .selectFrom('assistants')
            .select('assistants.id')
            .whereRef('assistants.phone_number_id', '=', 'phone_numbers.id')
            .where('assistants.account_id', '=', accountId)
            .where('assistants.type', '=', 'inbound')
            .where('assistants.deleted_at', 'is', null),
        )
        .$castTo<boolean>()
        .as('answered'),
    )
    .where('account_id', '=', accountId)
    .orderBy('id')
    .execute();

/** A number of the account; undefined when there is none. */
export const findNumber = (db: Db, accountId: number, id: number): Promise<PhoneNumberRow | undefined> =>
  db.selectFrom('phone_numbers').selectAll().where('account_id', '=', accountId).where('id', '=', id).executeTakeFirst();

/** Adds a number of the user's own trunk; undefined when the account has it already. */
export const insertNumber = (
  db: Db,
  accountId: number,
  phoneNumber: E164,
  nickname: string | null,
  now: Date,
): Promise<PhoneNumberRow | undefined> =>
  db
    .insertInto('phone_numbers')
    .values({
      account_id: accountId,
      phone_number: phoneNumber,
      nickname,
      country_code: countryOf(phoneNumber),
      type: 'sip',
      created_at: now,
      updated_at: now,
    })
    .onConflict((conflict) => conflict.columns(['account_id', 'phone_number']).doNothing())
    .returningAll()
    .executeTakeFirst();

/** Gives a number another nickname, or none; undefined when the account has no such number. */
export const renameNumber = (
  db: Db,
  accountId: number,
  id: number,
  nickname: string | null,
  now: Date,
): Promise<PhoneNumberRow | undefined> =>
  db
    .updateTable('phone_numbers')
    .set({ nickname, updated_at: now })
    .where('account_id', '=', accountId)
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirst();

/**
 * Removes a number from every pool and assistant, and stops what then has nothing to call from.
 * @returns the calls from it that are being sent at this instant, for waitUntilSent; undefined when there is no such number.
 */
export const deleteNumber = (db: Db, accountId: number, id: number, now: Date): Promise<number[] | undefined> =>
  db.transaction().execute(async (trx) => {
    await holdCampaigns(trx, accountId);
    // Who gives an assistant another number holds the assistant, then wants the number: the same order here.
    await trx
      .selectFrom('assistants')
      .select('id')
      .where('account_id', '=', accountId)
      .where('phone_number_id', '=', id)
      .orderBy('id')
      .forNoKeyUpdate()
      .execute();
    // Held before its attempts are taken back: a claim that wants it waits, and then it is gone.
    await trx.selectFrom('phone_numbers').select('id').where('account_id', '=', accountId).where('id', '=', id).forUpdate().execute();
    await revokeReserved(trx, { callerIds: [id] }, 'number_removed', now);
    const sending = await callsBeingSent(trx, { callerIds: [id] });
    const deleted = await trx.deleteFrom('phone_numbers').where('account_id', '=', accountId).where('id', '=', id).executeTakeFirst();
    if (deleted.numDeletedRows === 0n) return undefined;
    await stopCampaignsWithoutNumber(trx, accountId, now);
    return sending;
  });
