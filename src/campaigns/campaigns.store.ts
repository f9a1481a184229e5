// Campaigns and the numbers they call from. A deleted campaign is found by nobody here; purge.store.ts clears it away.
import type { Account } from '../accounts/account.ts';
import type { AssistantRef } from '../assistants/assistant-ref.ts';
import { findAssistant } from '../assistants/assistants.store.ts';
import { callsBeingSent, revokeReserved } from '../calls/revoke.store.ts';
import type { AssistantRow, CampaignRow, Db } from '../db/schema.ts';
import { DomainError, type FieldErrors, ValidationError } from '../errors.ts';
import { selectedInvalid } from '../sentences.ts';
import {
  type CampaignSettings,
  campaignZone,
  checkGoalField,
  checkGoalNamed,
  checkSettings,
  toTimeOfDay,
  withDefaults,
} from './campaign.ts';

/** A campaign of the account; undefined when there is none, or when it was deleted. */
export const findCampaign = (db: Db, accountId: number, id: number): Promise<CampaignRow | undefined> =>
  db
    .selectFrom('campaigns')
    .selectAll()
    .where('account_id', '=', accountId)
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .executeTakeFirst();

/** All campaigns of the account by ascending id. */
export const listCampaigns = (db: Db, accountId: number): Promise<CampaignRow[]> =>
  db.selectFrom('campaigns').selectAll().where('account_id', '=', accountId).where('deleted_at', 'is', null).orderBy('id').execute();

/** The ids of the numbers that a campaign calls from, in the order given. */
export const poolOf = async (db: Db, campaignId: number): Promise<number[]> => {
  const rows = await db
    .selectFrom('campaign_phone_numbers')
    .select('phone_number_id')
    .where('campaign_id', '=', campaignId)
    .orderBy('position')
    .execute();
  return rows.map((row) => row.phone_number_id);
};

/** What a request asks of a campaign: settings, and who and what they name. */
export interface CampaignRequest {
  settings: CampaignSettings;
  assistant?: AssistantRef | undefined;
  phoneNumberIds?: readonly number[] | undefined;
}

// Key share: the numbers cannot be removed before the pool that names them is committed.
const checkPool = async (trx: Db, accountId: number, ids: readonly number[] = []): Promise<FieldErrors> => {
  if (ids.length === 0) return {};
  const rows = await trx
    .selectFrom('phone_numbers')
    .select('id')
    .where('account_id', '=', accountId)
    .where('id', 'in', [...ids])
    .orderBy('id')
    .forKeyShare()
    .execute();
  const own = new Set(rows.map((row) => row.id));
  const unknown = ids.flatMap((id, index) => (own.has(id) ? [] : [`phone_number_ids.${index}`]));
  return Object.fromEntries(unknown.map((field) => [field, [selectedInvalid(field)]]));
};

const refuseInvalid = (errors: FieldErrors): void => {
  if (Object.keys(errors).length > 0) throw new ValidationError(errors);
};

const outboundAssistant = async (trx: Db, accountId: number, ref: AssistantRef): Promise<AssistantRow> => {
  const assistant = await findAssistant(trx, accountId, ref);
  if (assistant?.type !== 'outbound') throw new DomainError('outbound_assistant_not_found');
  return assistant;
};

const writePool = async (trx: Db, campaignId: number, ids: readonly number[]): Promise<void> => {
  await trx.deleteFrom('campaign_phone_numbers').where('campaign_id', '=', campaignId).execute();
  if (ids.length === 0) return;
  await trx
    .insertInto('campaign_phone_numbers')
    .values(ids.map((phone_number_id, position) => ({ campaign_id: campaignId, phone_number_id, position })))
    .execute();
};

// The columns that settings name; Kysely passes over those that are undefined.
const toColumns = ({ allowed_days, allowed_hours_start_time: start, allowed_hours_end_time: end, ...same }: CampaignSettings) => ({
  ...same,
  allowed_days: allowed_days === undefined ? undefined : JSON.stringify(allowed_days),
  allowed_hours_start_time: start === undefined ? undefined : toTimeOfDay(start),
  allowed_hours_end_time: end === undefined ? undefined : toTimeOfDay(end),
});

/**
 * Creates a campaign in draft. A time zone that is not given is copied from the account, else from the assistant.
 * @throws ValidationError; then DomainError outbound_assistant_not_found
 */
export const insertCampaign = (
  db: Db,
  account: Account,
  request: CampaignRequest & { settings: { name: string }; assistant: AssistantRef },
  now: Date,
): Promise<CampaignRow> =>
  db.transaction().execute(async (trx) => {
    const settings = withDefaults(request.settings, account.maxCallsInParallel);
    const { retry_on_goal_incomplete: retries, goal_completion_variable: goal } = settings;
    refuseInvalid({
      ...checkSettings(settings, account.maxCallsInParallel),
      ...checkGoalNamed(retries, goal),
      ...(await checkPool(trx, account.id, request.phoneNumberIds)),
    });
    const assistant = await outboundAssistant(trx, account.id, request.assistant);
    refuseInvalid(checkGoalField(retries, goal, assistant.post_call_schema));
    const row = await trx
      .insertInto('campaigns')
      .values({
        ...settings,
        account_id: account.id,
        assistant_id: assistant.id,
        name: request.settings.name,
        timezone: campaignZone(settings.timezone, account.timezone, assistant.timezone),
        allowed_days: JSON.stringify(settings.allowed_days),
        created_at: now,
        updated_at: now,
      })
      .returningAll()
      .executeTakeFirstOrThrow();
    await writePool(trx, row.id, request.phoneNumberIds ?? []);
    return row;
  });

// A goal is judged as it will stand, but only by a request that touches it: an assistant that has lost the field since
// must not keep its campaigns from being renamed.
const checkChangedGoal = async (trx: Db, current: CampaignRow, request: CampaignRequest, assistant: AssistantRow | undefined) => {
  const { settings } = request;
  const touched = assistant ?? settings.retry_on_goal_incomplete ?? settings.goal_completion_variable;
  if (touched === undefined) return;
  const retries = settings.retry_on_goal_incomplete ?? current.retry_on_goal_incomplete;
  const goal = settings.goal_completion_variable === undefined ? current.goal_completion_variable : settings.goal_completion_variable;
  refuseInvalid(checkGoalNamed(retries, goal));
  const judge = assistant ?? (await findAssistant(trx, current.account_id, { id: current.assistant_id }));
  refuseInvalid(checkGoalField(retries, goal, judge?.post_call_schema ?? []));
};

/**
 * Changes a campaign that is not running.
 * @throws DomainError campaign_not_found, campaign_running; ValidationError; then DomainError outbound_assistant_not_found
 */
export const updateCampaign = (db: Db, account: Account, id: number, request: CampaignRequest, now: Date): Promise<CampaignRow> =>
  db.transaction().execute(async (trx) => {
    const current = await lockCampaign(trx, account.id, id);
    if (current === undefined) throw new DomainError('campaign_not_found');
    if (current.status === 'in-progress') throw new DomainError('campaign_running');
    refuseInvalid({
      ...checkSettings(request.settings, account.maxCallsInParallel),
      ...(await checkPool(trx, account.id, request.phoneNumberIds)),
    });
    const assistant = request.assistant === undefined ? undefined : await outboundAssistant(trx, account.id, request.assistant);
    const named = [...Object.values(request.settings), request.assistant, request.phoneNumberIds];
    if (named.every((value) => value === undefined)) return current;
    await checkChangedGoal(trx, current, request, assistant);
    if (request.phoneNumberIds !== undefined) await writePool(trx, id, request.phoneNumberIds);
    return trx
      .updateTable('campaigns')
      .set({ ...toColumns(request.settings), assistant_id: assistant?.id, updated_at: now })
      .where('account_id', '=', account.id)
      .where('id', '=', id)
      .returningAll()
      .executeTakeFirstOrThrow();
  });

/** Like findCampaign, and holds the row: until the transaction ends nobody else moves, changes or deletes the campaign. */
export const lockCampaign = (trx: Db, accountId: number, id: number): Promise<CampaignRow | undefined> =>
  trx
    .selectFrom('campaigns')
    .selectAll()
    .where('account_id', '=', accountId)
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .forNoKeyUpdate()
    .executeTakeFirst();

/**
 * Deletes a campaign as far as anybody can see; a running one stops, and what it has reserved is taken back. Its leads and its
 * pool are left to the purge: one row to lock, so that it can stand in nobody's way.
 * @returns its calls that are being sent at this instant, for waitUntilSent; undefined when the account has no such campaign.
 */
export const deleteCampaign = (db: Db, accountId: number, id: number, now: Date): Promise<number[] | undefined> =>
  db.transaction().execute(async (trx) => {
    const deleted = await trx
      .updateTable('campaigns')
      .set((eb) => ({
        deleted_at: now,
        updated_at: now,
        status: eb
          .case()
          .when('status', '=', 'in-progress')
          .then('stopped' as const)
          .else(eb.ref('status'))
          .end(),
      }))
      .where('account_id', '=', accountId)
      .where('id', '=', id)
      .where('deleted_at', 'is', null)
      .executeTakeFirst();
    if (deleted.numUpdatedRows === 0n) return undefined;
    await revokeReserved(trx, { campaignIds: [id] }, 'campaign_deleted', now);
    // Now, since the purge may have been there before anybody looks again.
    return callsBeingSent(trx, { campaignIds: [id] });
  });
