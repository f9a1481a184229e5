// Clears deleted campaigns away: their leads in batches, then their imports and themselves. It may stop anywhere and be
// run again, also by two processes at once.
import type { Db } from '../db/schema.ts';

// A batch is one transaction. On the embedded database everybody else waits for it, so it is kept short.
const BATCH = 1_000;

interface DeletedCampaign {
  id: number;
  account_id: number;
}

const nextDeleted = (db: Db): Promise<DeletedCampaign | undefined> =>
  db
    .selectFrom('campaigns')
    .select(['id', 'account_id'])
    .where('deleted_at', 'is not', null)
    .orderBy('account_id')
    .orderBy('id')
    .limit(1)
    .executeTakeFirst();

// Locked in the order of ids, as everywhere; another process that is at the same batch waits, and then finds it gone.
const purgeLeads = (db: Db, campaign: DeletedCampaign): Promise<void> =>
  db.transaction().execute(async (trx) => {
    const batch = await trx
      .selectFrom('leads')
      .select('id')
      .where('account_id', '=', campaign.account_id)
      .where('campaign_id', '=', campaign.id)
      .where('primary_id', 'is', null)
      .orderBy('id')
      .limit(BATCH)
      .forUpdate()
      .execute();
    if (batch.length === 0) return;
    const ids = batch.map((row) => row.id);
    // Contacts in one statement: the cascade would look for them lead by lead.
    await trx.deleteFrom('leads').where('primary_id', 'in', ids).execute();
    await trx.deleteFrom('leads').where('id', 'in', ids).execute();
  });

// The lock waits for whoever is still putting a lead into the campaign; such a lead is then seen, and there is more to do.
const purgeCampaign = (db: Db, campaign: DeletedCampaign): Promise<void> =>
  db.transaction().execute(async (trx) => {
    const row = await trx.selectFrom('campaigns').select('id').where('id', '=', campaign.id).forUpdate().executeTakeFirst();
    if (row === undefined || (await hasLeads(trx, campaign))) return;
    await trx.deleteFrom('imports').where('campaign_id', '=', campaign.id).execute();
    await trx.deleteFrom('campaigns').where('id', '=', campaign.id).execute();
  });

const hasLeads = async (db: Db, campaign: DeletedCampaign): Promise<boolean> => {
  const lead = await db
    .selectFrom('leads')
    .select('id')
    .where('account_id', '=', campaign.account_id)
    .where('campaign_id', '=', campaign.id)
    .where('primary_id', 'is', null)
    .limit(1)
    .executeTakeFirst();
  return lead !== undefined;
};

/**
 * Purges every deleted campaign. Returns early, between two batches, once `stopping` says so; it may take its time to
 * answer, to let others have their turn.
 */
export const purgeDeletedCampaigns = async (db: Db, stopping: () => boolean | Promise<boolean>): Promise<void> => {
  while (!(await stopping())) {
    const campaign = await nextDeleted(db);
    if (campaign === undefined) return;
    while (!(await stopping()) && (await hasLeads(db, campaign))) await purgeLeads(db, campaign);
    if (!(await stopping())) await purgeCampaign(db, campaign);
  }
};
