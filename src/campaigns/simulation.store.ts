// A campaign's simulation in the database: a setting like the others, so it changes only while the campaign is not running.
import type { Db } from '../db/schema.ts';
import { DomainError } from '../errors.ts';
import { lockCampaign } from './campaigns.store.ts';

/**
 * Sets how a campaign's simulated calls turn out; null: the last digits of each number decide.
 * @throws DomainError campaign_not_found, campaign_running
 */
export const setSimulation = (
  db: Db,
  accountId: number,
  id: number,
  simulation: Record<string, unknown> | null,
  now: Date,
): Promise<void> =>
  db.transaction().execute(async (trx) => {
    const campaign = await lockCampaign(trx, accountId, id);
    if (campaign === undefined) throw new DomainError('campaign_not_found');
    if (campaign.status === 'in-progress') throw new DomainError('campaign_running');
    await trx
      .updateTable('campaigns')
      .set({ simulation: simulation === null ? null : JSON.stringify(simulation), updated_at: now })
      .where('account_id', '=', accountId)
      .where('id', '=', id)
      .execute();
  });
