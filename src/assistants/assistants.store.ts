// Assistants in the database. A deleted one is found by nobody; its row stays, since past calls name it.
import type { ExpressionBuilder } from 'kysely';
import type { Account } from '../accounts/account.ts';
import { callsBeingSent, revokeReserved } from '../calls/revoke.store.ts';
import { holdCampaigns, stopCampaignsOfAssistant, stopCampaignsWithoutNumber } from '../campaigns/stop-campaigns.store.ts';
import type { AssistantRow, Database, Db } from '../db/schema.ts';
import type { Slice } from '../db/slice.ts';
import { inSnapshot } from '../db/snapshot.ts';
import { DomainError, ValidationError } from '../errors.ts';
import { changedValues, newValues, toColumns, valuesOf } from './assistant.ts';
import type { AssistantInput, AssistantValues } from './assistant-fields.ts';
import type { AssistantRef } from './assistant-ref.ts';
import { checkAssistant, mentionedNumbers, type NumberFacts } from './assistant-rules.ts';

const hasRef = (ref: AssistantRef) => (eb: ExpressionBuilder<Database, 'assistants'>) =>
  'id' in ref ? eb('id', '=', ref.id) : eb('uuid', '=', ref.uuid);

const ofAccount = (db: Db, accountId: number) =>
  db.selectFrom('assistants').selectAll().where('account_id', '=', accountId).where('deleted_at', 'is', null);

/** An assistant of the account by its id or uuid; undefined when there is none, or when it was deleted. */
export const findAssistant = (db: Db, accountId: number, ref: AssistantRef): Promise<AssistantRow | undefined> =>
  ofAccount(db, accountId).where(hasRef(ref)).executeTakeFirst();

/** Like findAssistant, and holds the row: until the transaction ends it is neither changed nor deleted. */
export const holdAssistant = (trx: Db, accountId: number, ref: AssistantRef): Promise<AssistantRow | undefined> =>
  ofAccount(trx, accountId).where(hasRef(ref)).forShare().executeTakeFirst();

/** All assistants of the account, or those of a type, by ascending id. */
export const listAssistants = (db: Db, accountId: number, type?: AssistantRow['type']): Promise<AssistantRow[]> =>
  ofAccount(db, accountId)
    .$if(type !== undefined, (query) => query.where('type', '=', type ?? 'outbound'))
    .orderBy('id')
    .execute();

/** One page of the account's assistants by ascending id, and how many there are. */
export const pageAssistants = (
  db: Db,
  accountId: number,
  type: AssistantRow['type'] | undefined,
  { offset, limit }: Slice,
): Promise<{ rows: AssistantRow[]; total: number }> =>
  inSnapshot(db, async (trx) => {
    const { total } = await trx
      .selectFrom('assistants')
      .select((eb) => eb.fn.countAll<number>().as('total'))
      .where('account_id', '=', accountId)
      .where('deleted_at', 'is', null)
      .$if(type !== undefined, (query) => query.where('type', '=', type ?? 'outbound'))
      .executeTakeFirstOrThrow();
    if (offset >= total) return { rows: [], total };
    const rows = await ofAccount(trx, accountId)
      .$if(type !== undefined, (query) => query.where('type', '=', type ?? 'outbound'))
      .orderBy('id')
      .offset(offset)
      .limit(limit)
      .execute();
    return { rows, total };
  });

/**
 * What the rules must know of the numbers. They are held until the transaction ends: of two assistants that want one
 * number at once, the second sees what the first has done; and a number cannot be removed in between.
 */
const lookAtNumbers = async (trx: Db, accountId: number, values: AssistantValues, self?: number): Promise<NumberFacts> => {
  const ids = mentionedNumbers(values);
  if (ids.length === 0) return { own: new Map(), taken: false };
  const rows = await trx
    .selectFrom('phone_numbers')
    .select(['id', 'type'])
    .where('account_id', '=', accountId)
    .where('id', 'in', ids)
    .orderBy('id')
    .forNoKeyUpdate()
    .execute();
  const other = await trx
    .selectFrom('assistants')
    .select('id')
    .where('account_id', '=', accountId)
    .where('deleted_at', 'is', null)
    .where('type', '=', 'inbound')
    .where('phone_number_id', '=', values.phone_number_id)
    .$if(self !== undefined, (query) => query.where('id', '!=', self ?? 0))
    .limit(1)
    .executeTakeFirst();
  return { own: new Map(rows.map(({ id, type }) => [id, type])), taken: other !== undefined };
};

const refuseBroken = (errors: Record<string, string[]>): void => {
  if (Object.keys(errors).length > 0) throw new ValidationError(errors);
};

/**
 * Creates an assistant. It is inactive, as documented.
 * @throws ValidationError
 */
export const insertAssistant = (db: Db, account: Account, input: AssistantInput, now: Date): Promise<AssistantRow> =>
  db.transaction().execute(async (trx) => {
    const values = newValues(input, account.timezone);
    refuseBroken(checkAssistant(values, await lookAtNumbers(trx, account.id, values)));
    return trx
      .insertInto('assistants')
      .values({ ...toColumns(values), account_id: account.id, created_at: now, updated_at: now })
      .returningAll()
      .executeTakeFirstOrThrow();
  });

// What is reserved in the assistant's name, be it of a campaign or of make_call. Before its campaigns are stopped, which would take
// back theirs: at once, so that the leads of all are locked in one order. @returns its calls that are being sent.
const takeBack = async (trx: Db, id: number, reason: 'assistant_changed' | 'assistant_deleted', now: Date): Promise<number[]> => {
  await revokeReserved(trx, { assistantIds: [id] }, reason, now);
  return callsBeingSent(trx, { assistantIds: [id] });
};

// What an assistant has lost its campaigns cannot call with. A campaign with numbers of its own goes on; what it had reserved is
// decided anew.
const stopWhatCannotCall = async (trx: Db, before: AssistantRow, after: AssistantRow, now: Date): Promise<number[]> => {
  const losesNumber = before.phone_number_id !== null && after.phone_number_id === null;
  const turnsInbound = before.type === 'outbound' && after.type === 'inbound';
  if (!(losesNumber || turnsInbound)) return [];
  const sending = await takeBack(trx, after.id, 'assistant_changed', now);
  if (losesNumber) await stopCampaignsWithoutNumber(trx, after.account_id, now);
  if (turnsInbound) await stopCampaignsOfAssistant(trx, after.account_id, after.id, now);
  return sending;
};

// Campaigns before assistants before numbers, as everywhere; a change that stops none leaves them alone.
const holdWhatMayStop = async (trx: Db, accountId: number, input: AssistantInput): Promise<void> => {
  if (input.type === 'inbound' || input.phone_number_id === null) await holdCampaigns(trx, accountId);
};

/**
 * Changes the given fields. Running campaigns stop that are left without a number, or whose assistant turns inbound; calls that
 * are reserved then are taken back.
 * @returns the row; and of an assistant that loses something its calls that are being sent at this instant, for waitUntilSent.
 * @throws DomainError assistant_not_found; ValidationError
 */
export const updateAssistant = (
  db: Db,
  accountId: number,
  ref: AssistantRef,
  input: AssistantInput,
  now: Date,
): Promise<{ row: AssistantRow; sending: number[] }> =>
  db.transaction().execute(async (trx) => {
    await holdWhatMayStop(trx, accountId, input);
    const row = await ofAccount(trx, accountId).where(hasRef(ref)).forNoKeyUpdate().executeTakeFirst();
    if (row === undefined) throw new DomainError('assistant_not_found');
    const values = changedValues(valuesOf(row), input);
    const numbers = await lookAtNumbers(trx, accountId, values, row.id);
    refuseBroken(checkAssistant(values, numbers, new Set(Object.keys(input))));
    const changed = await trx
      .updateTable('assistants')
      .set({ ...toColumns(values), updated_at: now })
      .where('account_id', '=', accountId)
      .where('id', '=', row.id)
      .returningAll()
      .executeTakeFirstOrThrow();
    return { row: changed, sending: await stopWhatCannotCall(trx, row, changed, now) };
  });

/** The columns that the webhook switches set. */
export type WebhookChange = Partial<
  Pick<AssistantRow, 'is_webhook_active' | 'webhook_url' | 'inbound_webhook_url' | 'conversation_ended_webhook_url'>
>;

/**
 * Switches a webhook on or off.
 * @throws DomainError assistant_not_found
 */
export const changeWebhook = async (db: Db, accountId: number, ref: AssistantRef, change: WebhookChange, now: Date): Promise<void> => {
  const updated = await db
    .updateTable('assistants')
    .set({ ...change, updated_at: now })
    .where('account_id', '=', accountId)
    .where('deleted_at', 'is', null)
    .where(hasRef(ref))
    .executeTakeFirst();
  if (updated.numUpdatedRows === 0n) throw new DomainError('assistant_not_found');
};

/**
 * Deletes an assistant as far as anybody can see. Its number is free again, its running campaigns stop, and what is reserved in
 * its name is taken back.
 * @returns its calls that are being sent at this instant, for waitUntilSent.
 * @throws DomainError assistant_not_found
 */
export const deleteAssistant = (db: Db, accountId: number, ref: AssistantRef, now: Date): Promise<number[]> =>
  db.transaction().execute(async (trx) => {
    await holdCampaigns(trx, accountId);
    const row = await trx
      .updateTable('assistants')
      .set({ deleted_at: now, updated_at: now, phone_number_id: null })
      .where('account_id', '=', accountId)
      .where('deleted_at', 'is', null)
      .where(hasRef(ref))
      .returning('id')
      .executeTakeFirst();
    if (row === undefined) throw new DomainError('assistant_not_found');
    const sending = await takeBack(trx, row.id, 'assistant_deleted', now);
    await stopCampaignsOfAssistant(trx, accountId, row.id, now);
    return sending;
  });
