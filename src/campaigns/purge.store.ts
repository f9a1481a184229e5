// Clears deleted campaigns away in batches: their calls are let go, their leads deleted, and then their imports and themselves. It
// may stop anywhere and be run again, also by two processes at once.
import { sql } from 'kysely';
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

const idsOf = (rows: readonly { id: number }[]): number[] => rows.map(({ id }) => id);
const among = (ids: readonly number[]) => sql<number>`any(${[...ids]}::bigint[])`;

// Calls stay when their leads and campaigns go, also those that go on: they end without a lead, as documented. The foreign keys
// would let all of them go at once, in one statement and in no order. What has been said of them stays as it is, and no state
// moves, so there is nothing to log. @returns whether there were any.
const letCallsGo = async (trx: Db, leadIds: readonly number[], { id }: DeletedCampaign): Promise<boolean> => {
  // Looked up lead by lead: asked for in the order of ids right away, PostgreSQL reads through all calls there are.
  const { rows: calls } = await sql<{ id: number }>`
    with found as materialized (
      select of_lead.id
      from unnest(${[...leadIds]}::bigint[]) lead (id) cross join lateral (select id from calls where lead_id = lead.id offset 0) of_lead
      limit ${BATCH}
    )
    select id from calls where id in (select id from found) order by id for no key update`.execute(trx);
  if (calls.length === 0) return false;
  await trx
    .updateTable('calls')
    // A lead may have come from another campaign, which its earlier calls belong to still.
    .set({ lead_id: null, campaign_id: sql`nullif(campaign_id, ${id}::bigint)` })
    .where('id', '=', among(idsOf(calls)))
    .execute();
  return true;
};

// The next primaries with their contacts.
const findBatch = async (trx: Db, { id, account_id }: DeletedCampaign): Promise<number[]> => {
  // Contacts are looked up lead by lead, as calls are above.
  const { rows } = await sql<{ id: number }>`
    with batch as materialized (
      select id from leads
      where account_id = ${account_id}::bigint and campaign_id = ${id}::bigint and primary_id is null
      order by id limit ${BATCH}
    )
    select id from batch
    union all
    select contact.id from batch cross join lateral (select id from leads where primary_id = batch.id offset 0) contact`.execute(trx);
  return idsOf(rows);
};

// Primaries and contacts are locked in one order of ids, as everywhere; another process that is at the same batch waits, and then
// finds it gone.
const purgeLeads = (db: Db, campaign: DeletedCampaign): Promise<void> =>
  db.transaction().execute(async (trx) => {
    const found = await findBatch(trx, campaign);
    const held = await trx
      .selectFrom('leads')
      .select(['id', 'primary_id'])
      .where('id', '=', among(found))
      .orderBy('id')
      .forUpdate()
      .execute();
    if (held.length === 0) return;
    // The leads wait for another batch then: there may be any number of calls to them.
    if (await letCallsGo(trx, idsOf(held), campaign)) return;
    const ids = idsOf(held.filter(({ primary_id }) => primary_id === null));
    // Contacts in one statement: the cascade would look for them lead by lead.
    await trx.deleteFrom('leads').where('primary_id', '=', among(ids)).execute();
    await trx.deleteFrom('leads').where('id', '=', among(ids)).execute();
  });

// Those whose lead was deleted before, or lives on in another campaign.
const purgeCalls = (db: Db, campaign: DeletedCampaign): Promise<void> =>
  db.transaction().execute(async (trx) => {
    const calls = await trx
      .selectFrom('calls')
      .select('id')
      .where('campaign_id', '=', campaign.id)
      .orderBy('id')
      .limit(BATCH)
      .forNoKeyUpdate()
      .execute();
    await trx
      .updateTable('calls')
      .set({ campaign_id: null })
      .where('id', '=', among(idsOf(calls)))
      .execute();
  });

// The lock waits for whoever is still putting a lead into the campaign; such a lead is then seen, and there is more to do.
const purgeCampaign = (db: Db, campaign: DeletedCampaign): Promise<void> =>
  db.transaction().execute(async (trx) => {
    const row = await trx.selectFrom('campaigns').select('id').where('id', '=', campaign.id).forUpdate().executeTakeFirst();
    if (row === undefined || (await hasLeads(trx, campaign)) || (await hasCalls(trx, campaign))) return;
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

const hasCalls = async (db: Db, campaign: DeletedCampaign): Promise<boolean> => {
  const call = await db.selectFrom('calls').select('id').where('campaign_id', '=', campaign.id).limit(1).executeTakeFirst();
  return call !== undefined;
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
    while (!(await stopping()) && (await hasCalls(db, campaign))) await purgeCalls(db, campaign);
    if (!(await stopping())) await purgeCampaign(db, campaign);
  }
};
