// The leads list: one count and one page, however many leads an account has.
import { type Expression, type SelectQueryBuilder, sql } from 'kysely';
import type { Database, Db } from '../db/schema.ts';
import type { Slice } from '../db/slice.ts';
import { inSnapshot } from '../db/snapshot.ts';
import type { ContactRow, FoundLead } from './lead.ts';
import type { LeadFilter } from './lead-filter.ts';

type LeadsQuery<Out> = SelectQueryBuilder<Database, 'leads', Out>;

// Leads of a deleted campaign stay until they are purged; they are nobody's any more. There is rarely such a campaign.
const deletedCampaigns = async (db: Db, accountId: number): Promise<number[]> => {
  const rows = await db
    .selectFrom('campaigns')
    .select('id')
    .where('account_id', '=', accountId)
    .where('deleted_at', 'is not', null)
    .execute();
  return rows.map(({ id }) => id);
};

const matching = (db: Db, accountId: number, deleted: readonly number[], filter: LeadFilter): LeadsQuery<object> => {
  let query: LeadsQuery<object> = db.selectFrom('leads').where('account_id', '=', accountId).where('primary_id', 'is', null);
  if (deleted.length > 0) query = query.where('campaign_id', 'not in', deleted);
  if (filter.status !== undefined) query = query.where('status', '=', filter.status);
  if (filter.campaignId !== undefined) query = query.where('campaign_id', '=', filter.campaignId);
  if (filter.phonePattern !== undefined) query = query.where('phone_number', 'like', filter.phonePattern);
  return query;
};

const isDated = ({ createdFrom, createdBefore }: LeadFilter): boolean => createdFrom !== undefined || createdBefore !== undefined;

const onDays = <Out>(query: LeadsQuery<Out>, { createdFrom, createdBefore }: LeadFilter, at: Expression<Date>): LeadsQuery<Out> =>
  query
    .$if(createdFrom !== undefined, (dated) => dated.where((eb) => eb(at, '>=', eb.val(createdFrom ?? null))))
    .$if(createdBefore !== undefined, (dated) => dated.where((eb) => eb(at, '<', eb.val(createdBefore ?? null))));

/** How many leads match; with days also between which ids they lie. */
interface Extent {
  total: number;
  first?: number | null;
  last?: number | null;
}

const measure = (query: LeadsQuery<object>, filter: LeadFilter): Promise<Extent> => {
  const counted = query.select((eb) => eb.fn.countAll<number>().as('total'));
  if (!isDated(filter)) return counted.executeTakeFirstOrThrow();
  return onDays(counted, filter, sql.ref('created_at'))
    .select((eb) => [eb.fn.min('id').as('first'), eb.fn.max('id').as('last')])
    .executeTakeFirstOrThrow();
};

// By its days a page would be found through their index and then sorted, all of it for the sake of one page. Between the
// first and last id it is read in order; the idle sum keeps the days themselves from choosing the index after all.
const betweenIds = (query: LeadsQuery<object>, filter: LeadFilter, { first, last }: Extent): LeadsQuery<object> =>
  isDated(filter)
    ? onDays(query, filter, sql`created_at + interval '0'`)
        .where('id', '>=', first ?? 0)
        .where('id', '<=', last ?? 0)
    : query;

// OFFSET walks what it skips, so a page of the second half is sought from the end.
const pageOfIds = (query: LeadsQuery<object>, total: number, { offset, limit }: Slice) => {
  const size = Math.min(limit, total - offset);
  const after = total - offset - size;
  return after < offset
    ? query.select('id').orderBy('id', 'desc').offset(after).limit(size)
    : query.select('id').orderBy('id').offset(offset).limit(size);
};

/** The leads of those ids in the order of their ids, with campaign and contacts. */
const leadsOf = async (db: Db, ids: ReturnType<typeof pageOfIds>): Promise<FoundLead[]> => {
  const rows = await db
    .selectFrom(ids.as('page'))
    .innerJoin('leads', 'leads.id', 'page.id')
    .innerJoin('campaigns', 'campaigns.id', 'leads.campaign_id')
    .select(['leads.id', 'leads.campaign_id', 'leads.phone_number', 'leads.variables', 'leads.status'])
    .select(['leads.created_at', 'leads.updated_at', 'campaigns.name as campaign_name'])
    .execute();
  const contacts = await contactsOf(
    db,
    rows.map(({ id }) => id),
  );
  return rows.sort((a, b) => a.id - b.id).map((row) => ({ ...row, contacts: contacts.get(row.id) ?? [] }));
};

/** Secondary contacts by their primary's id, in calling order. */
export const contactsOf = async (db: Db, primaryIds: readonly number[]): Promise<Map<number, ContactRow[]>> => {
  if (primaryIds.length === 0) return new Map();
  const rows = await db
    .selectFrom('leads')
    .select(['id', 'primary_id', 'phone_number', 'variables', 'status', 'created_at', 'updated_at'])
    .where('primary_id', 'in', primaryIds)
    .orderBy('primary_id')
    .orderBy('position')
    .execute();
  return Map.groupBy(rows, (row) => row.primary_id ?? 0);
};

/** One page of an account's primaries by ascending id, and how many match in all. */
export const listLeads = (db: Db, accountId: number, filter: LeadFilter, slice: Slice): Promise<{ leads: FoundLead[]; total: number }> =>
  inSnapshot(db, async (trx) => {
    const query = matching(trx, accountId, await deletedCampaigns(trx, accountId), filter);
    const extent = await measure(query, filter);
    const { total } = extent;
    if (slice.offset >= total) return { leads: [], total };
    return { leads: await leadsOf(trx, pageOfIds(betweenIds(query, filter, extent), total, slice)), total };
  });
