// The purge of deleted campaigns, run to its end.
import { purgeDeletedCampaigns, type Stopping } from '../../src/campaigns/purge.store.ts';
import type { Db } from '../../src/db/schema.ts';

/** Purges all deleted campaigns but those that somebody holds. @throws what the first of them has failed with. */
export const purgeAll = (db: Db, stopping: Stopping): Promise<boolean> =>
  purgeDeletedCampaigns(db, stopping, (error) => {
    throw error;
  });
