// Stops running campaigns that can no longer call, for whoever takes away what they call with, in the same transaction.
// Whoever does holds the campaigns before its own row (assistant, number), in the order that is everybody's.
import { type Expression, type ExpressionBuilder, type SqlBool, sql } from 'kysely';
import { revokeReserved } from '../calls/revoke.store.ts';
import type { Database, Db } from '../db/schema.ts';
import { refuseCampaign } from '../dialer/decisions.store.ts';
import type { RefusalReason } from '../dialer/ledger.ts';

type Condition = (eb: ExpressionBuilder<Database, 'campaigns'>) => Expression<SqlBool>;

const ofAccount = (trx: Db, accountId: number) =>
  trx.selectFrom('campaigns').select('id').where('account_id', '=', accountId).where('deleted_at', 'is', null);

// Somebody may hold one of the campaigns for long, as a bulk request does. Whoever waited for it holding the campaigns before it would
// keep the claims of those waiting, too. So each that is held now is waited for alone, and let go again.
const outwait = async (trx: Db, accountId: number): Promise<void> => {
  await sql`savepoint outwait`.execute(trx);
  const free = await ofAccount(trx, accountId).forNoKeyUpdate().skipLocked().execute();
  await sql`rollback to savepoint outwait`.execute(trx);
  const wasFree = new Set(free.map(({ id }) => id));
  const all = await ofAccount(trx, accountId).orderBy('id').execute();
  for (const { id } of all.filter((campaign) => !wasFree.has(campaign.id))) {
    await ofAccount(trx, accountId).where('id', '=', id).forNoKeyUpdate().execute();
    await sql`rollback to savepoint outwait`.execute(trx);
  }
  await sql`release savepoint outwait`.execute(trx);
};

/**
 * Holds the account's campaigns, to be called before an assistant or a number is locked that may be taken away from them. Also
 * those that do not run: one that is started in between would have to be locked afterwards, out of order. Of two removals at
 * once the second waits here; else each would still see what the other takes.
 */
export const holdCampaigns = async (trx: Db, accountId: number): Promise<void> => {
  await outwait(trx, accountId);
  await ofAccount(trx, accountId).orderBy('id').forNoKeyUpdate().execute();
};

const stopRunning = async (trx: Db, accountId: number, now: Date, reason: RefusalReason, condition: Condition): Promise<void> => {
  const stopped = await trx
    .updateTable('campaigns')
    .set({ status: 'stopped', updated_at: now })
    .where('account_id', '=', accountId)
    .where('deleted_at', 'is', null)
    .where('status', '=', 'in-progress')
    .where(condition)
    .returning(['id', 'account_id'])
    .execute();
  await revokeReserved(trx, { campaignIds: stopped.map(({ id }) => id) }, 'campaign_stopped', now);
  for (const campaign of stopped) await refuseCampaign(trx, campaign, reason, { same: { status: 'stopped' }, first: {} }, now);
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

/** Stops the account's running campaigns that have no number left to call from. The caller holds them. */
export const stopCampaignsWithoutNumber = (trx: Db, accountId: number, now: Date): Promise<void> =>
  stopRunning(trx, accountId, now, 'no_number', withoutNumber);

/** Stops the running campaigns of an assistant that is deleted, or calls nobody any more. The caller holds them. */
export const stopCampaignsOfAssistant = (trx: Db, accountId: number, assistantId: number, now: Date): Promise<void> =>
  stopRunning(trx, accountId, now, 'campaign_not_running', (eb) => eb('campaigns.assistant_id', '=', assistantId));
