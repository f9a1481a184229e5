// Stops running campaigns that can no longer call, for whoever takes away what they call with, in the same transaction.
// Each takes its own row (assistant, number) before the campaigns; a start takes its campaign first, but that one is not
// running yet, so it is not among those that are locked here.
import type { Expression, ExpressionBuilder, SqlBool } from 'kysely';
import type { Database, Db } from '../db/schema.ts';

type Condition = (eb: ExpressionBuilder<Database, 'campaigns'>) => Expression<SqlBool>;

const stopRunning = async (trx: Db, accountId: number, now: Date, condition: Condition): Promise<void> => {
  // Two removals at once would each still see what the other takes; and campaigns are locked in the order of ids everywhere.
  await trx
    .selectFrom('campaigns')
    .select('id')
    .where('account_id', '=', accountId)
    .where('deleted_at', 'is', null)
    .where('status', '=', 'in-progress')
    .orderBy('id')
    .forNoKeyUpdate()
    .execute();
  await trx
    .updateTable('campaigns')
    .set({ status: 'stopped', updated_at: now })
    .where('account_id', '=', accountId)
    .where('deleted_at', 'is', null)
    .where('status', '=', 'in-progress')
    .where(condition)
    .execute();
};

const withoutNumber: Condition = (eb) =>
  eb.and([
    eb.not(
      eb.exists(
        eb.selectFrom('campaign_phone_numbers').select('campaign_id').whereRef('campaign_phone_numbers.campaign_id', '=', 'campaigns.id'),
      ),
    ),
    eb.not(
      eb.exists(
        eb
          .selectFrom('assistants')
          .select('assistants.id')
          .whereRef('assistants.id', '=', 'campaigns.assistant_id')
          .where('assistants.phone_number_id', 'is not', null),
      ),
    ),
  ]);

/** Stops the account's running campaigns that have no number left to call from. */
export const stopCampaignsWithoutNumber = (trx: Db, accountId: number, now: Date): Promise<void> =>
  stopRunning(trx, accountId, now, withoutNumber);

/** Stops the running campaigns of an assistant that is deleted, or calls nobody any more. */
export const stopCampaignsOfAssistant = (trx: Db, accountId: number, assistantId: number, now: Date): Promise<void> =>
  stopRunning(trx, accountId, now, (eb) => eb('campaigns.assistant_id', '=', assistantId));
