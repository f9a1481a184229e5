// Clears deleted campaigns away in batches: their calls are let go, their leads deleted, and then their imports and themselves. It
// may stop anywhere and be run again, also by two processes at once. It waits for nobody: what somebody else holds is passed over, and
// left to a later run.
import { sql } from 'kysely';
import type { Db } from '../db/schema.ts';

// A batch is one transaction. Carrier reports and people wait for the rows that it holds, so it is kept to some tenths of a second.
const BATCH = 250;

interface DeletedCampaign {
  id: number;
  account_id: number;
}

const listDeleted = (db: Db): Promise<DeletedCampaign[]> =>
  db.selectFrom('campaigns').select(['id', 'account_id']).where('deleted_at', 'is not', null).orderBy('deleted_at').orderBy('id').execute();

/** Of a batch: done; there was nothing to do; or somebody else holds what is left. */
type BatchResult = 'done' | 'nothing' | 'held';

const idsOf = (rows: readonly { id: number }[]): number[] => rows.map(({ id }) => id);
const among = (ids: readonly number[]) => sql<number>`any(${[...ids]}::bigint[])`;

// Calls stay when their leads and campaigns go, also those that go on: they end without a lead, as documented. The foreign keys
// would let all of them go at once, in one statement and in no order. What has been said of them stays as it is, and no state
// moves, so there is nothing to log.
const letCallsGo = async (trx: Db, leadIds: readonly number[], { id }: DeletedCampaign): Promise<BatchResult> => {
  // Looked up lead by lead: asked for in the order of ids right away, PostgreSQL reads through all calls there are.
  const { rows: found } = await sql<{ id: number }>`
    select of_lead.id
    from unnest(${[...leadIds]}::bigint[]) lead (id) cross join lateral (select id from calls where lead_id = lead.id offset 0) of_lead
    limit ${BATCH}`.execute(trx);
  if (found.length === 0) return 'nothing';
  const calls = await trx
    .selectFrom('calls')
    .select('id')
    .where('id', '=', among(idsOf(found)))
    .orderBy('id')
    .forNoKeyUpdate()
    .skipLocked()
    .execute();
  if (calls.length === 0) return 'held';
  await trx
    .updateTable('calls')
    // A lead may have come from another campaign, which its earlier calls belong to still.
    .set({ lead_id: null, campaign_id: sql`nullif(campaign_id, ${id}::bigint)` })
    .where('id', '=', among(idsOf(calls)))
    .execute();
  return 'done';
};

interface Member {
  id: number;
  primary_id: number | null;
}

// The next primaries that nobody else holds, and those of their contacts. Held in no order: whoever waits for nobody is in no ring.
const holdBatch = async (trx: Db, { id, account_id }: DeletedCampaign): Promise<Member[]> => {
  const primaries = await trx
    .selectFrom('leads')
    .select(['id', 'primary_id'])
    .where('account_id', '=', account_id)
    .where('campaign_id', '=', id)
    .where('primary_id', 'is', null)
    .orderBy('id')
    .limit(BATCH)
    .forUpdate()
    .skipLocked()
    .execute();
  if (primaries.length === 0) return [];
  const ofThem = (query: 'all' | 'free') =>
    trx
      .selectFrom('leads')
      .select(['id', 'primary_id'])
      .where('primary_id', '=', among(idsOf(primaries)))
      .$if(query === 'free', (free) => free.forUpdate().skipLocked())
      .execute();
  const held = new Set(idsOf(await ofThem('free')));
  const contacts = await ofThem('all');
  // A family goes whole or not at all.
  const apart = new Set(contacts.flatMap((contact) => (held.has(contact.id) ? [] : (contact.primary_id ?? []))));
  return [...primaries, ...contacts].filter((member) => !apart.has(member.primary_id ?? member.id));
};

const purgeLeads = (db: Db, campaign: DeletedCampaign): Promise<BatchResult> =>
  db.transaction().execute(async (trx) => {
    const held = await holdBatch(trx, campaign);
    if (held.length === 0) return (await hasLeads(trx, campaign)) ? 'held' : 'nothing';
    // The leads wait for another batch then: there may be any number of calls to them.
    const calls = await letCallsGo(trx, idsOf(held), campaign);
    if (calls !== 'nothing') return calls;
    const ids = idsOf(held.filter(({ primary_id }) => primary_id === null));
    // Contacts in one statement: the cascade would look for them lead by lead.
    await trx.deleteFrom('leads').where('primary_id', '=', among(ids)).execute();
    await trx.deleteFrom('leads').where('id', '=', among(ids)).execute();
    return 'done';
  });

// Those whose lead was deleted before, or lives on in another campaign.
const purgeCalls = (db: Db, campaign: DeletedCampaign): Promise<BatchResult> =>
  db.transaction().execute(async (trx) => {
    const calls = await trx
      .selectFrom('calls')
      .select('id')
      .where('campaign_id', '=', campaign.id)
      .orderBy('id')
      .limit(BATCH)
      .forNoKeyUpdate()
      .skipLocked()
      .execute();
    if (calls.length === 0) return (await hasCalls(trx, campaign)) ? 'held' : 'nothing';
    await trx
      .updateTable('calls')
      .set({ campaign_id: null })
      .where('id', '=', among(idsOf(calls)))
      .execute();
    return 'done';
  });

// Whoever is still putting a lead into the campaign, or adding rows of an import, holds one of these rows.
const holdWhole = async (trx: Db, { id }: DeletedCampaign): Promise<boolean> => {
  const campaigns = await trx.selectFrom('campaigns').select('id').where('id', '=', id).forUpdate().skipLocked().execute();
  if (campaigns.length === 0) return false;
  const imports = () => trx.selectFrom('imports').select('id').where('campaign_id', '=', id);
  return (await imports().forUpdate().skipLocked().execute()).length === (await imports().execute()).length;
};

const purgeCampaign = (db: Db, campaign: DeletedCampaign): Promise<BatchResult> =>
  db.transaction().execute(async (trx) => {
    if (!(await holdWhole(trx, campaign))) return 'held';
    if ((await hasLeads(trx, campaign)) || (await hasCalls(trx, campaign))) return 'held';
    await trx.deleteFrom('imports').where('campaign_id', '=', campaign.id).execute();
    await trx.deleteFrom('campaigns').where('id', '=', campaign.id).execute();
    return 'done';
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

const isGone = async (db: Db, { id }: DeletedCampaign): Promise<boolean> =>
  (await db.selectFrom('campaigns').select('id').where('id', '=', id).executeTakeFirst()) === undefined;

const hasCalls = async (db: Db, campaign: DeletedCampaign): Promise<boolean> => {
  const call = await db.selectFrom('calls').select('id').where('campaign_id', '=', campaign.id).limit(1).executeTakeFirst();
  return call !== undefined;
};

/** Says whether the purge is to end; it may take its time to answer. */
export type Stopping = () => boolean | Promise<boolean>;

// @returns whether the campaign is gone, by whomever.
const purgeOne = async (db: Db, campaign: DeletedCampaign, stopping: Stopping): Promise<boolean> => {
  for (const purgeBatch of [purgeLeads, purgeCalls]) {
    let result: BatchResult = 'done';
    while (result === 'done') {
      if (await stopping()) return false;
      result = await purgeBatch(db, campaign);
    }
    if (result === 'held') return false;
  }
  if (await stopping()) return false;
  return (await purgeCampaign(db, campaign)) === 'done' || (await isGone(db, campaign));
};

/**
 * Purges every deleted campaign, one after the other. One that somebody else holds is passed over, and so is one that fails, which
 * `onError` hears of. Returns early, between two batches, once `stopping` says so.
 * @returns whether all of them are gone; where not, it is to be run again.
 */
export const purgeDeletedCampaigns = async (
  db: Db,
  stopping: Stopping,
  onError: (error: unknown, campaignId: number) => void,
): Promise<boolean> => {
  let all = true;
  for (const campaign of await listDeleted(db)) {
    try {
      all = (await purgeOne(db, campaign, stopping)) && all;
    } catch (error) {
      all = false;
      onError(error, campaign.id);
    }
  }
  return all;
};
