// A lead's history, merged from five sources. Counts and the keys of a page come from indexes; only the rows that the page
// shows are read.
import { type RawBuilder, sql } from 'kysely';
import type { Db } from '../db/schema.ts';
import type { Slice } from '../db/slice.ts';
import { inSnapshot } from '../db/snapshot.ts';
import { DomainError } from '../errors.ts';
import type { HistoryEntry } from './history.ts';

interface Subject {
  id: number;
  campaign_id: number;
  created_at: Date;
}

/** Rows of one kind: their table, the instant that orders them, and which they are. */
interface Source {
  kind: HistoryEntry['kind'];
  from: RawBuilder<unknown>;
  at: RawBuilder<unknown>;
}

// A decision on the whole campaign stands for as long as it is repeated, so one from before the lead came may concern it,
// too. Those last ones are looked through; a campaign seldom refuses for more than one or two reasons at a time.
const STANDING = 20;

const sourcesOf = ({ id, campaign_id, created_at }: Subject): Source[] => {
  const ofCampaign = sql`campaign_id = ${campaign_id}::bigint and lead_id is null`;
  const since = sql`${created_at}::timestamptz`;
  return [
    { kind: 'decision', from: sql`decisions where lead_id = ${id}::bigint`, at: sql.ref('decided_at') },
    { kind: 'decision', from: sql`decisions where ${ofCampaign} and decided_at >= ${since}`, at: sql.ref('decided_at') },
    {
      kind: 'decision',
      from: sql`(
        select id, decided_at, last_at from decisions where ${ofCampaign} and decided_at < ${since}
        order by decided_at desc, id desc limit ${STANDING}
      ) standing where last_at >= ${since}`,
      at: sql.ref('decided_at'),
    },
    { kind: 'call', from: sql`calls where lead_id = ${id}::bigint`, at: sql.ref('created_at') },
    { kind: 'change', from: sql`changes where lead_id = ${id}::bigint and what = 'lead'`, at: sql.ref('at') },
    {
      kind: 'change',
      from: sql`changes where campaign_id = ${campaign_id}::bigint and what = 'campaign' and at >= ${since}`,
      at: sql.ref('at'),
    },
  ];
};

const count = async (trx: Db, sources: readonly Source[]): Promise<number> => {
  const counts = sources.map(({ from }) => sql`(select count(*) from ${from})`);
  const { rows } = await sql<{ total: number }>`select (${sql.join(counts, sql` + `)})::bigint as total`.execute(trx);
  return rows[0]?.total ?? 0;
};

// What happens in one instant is told in this order: the lead is taken, it is decided, the attempt is made.
const RANK = { change: 1, decision: 2, call: 3 } as const;
const KINDS = { 1: 'change', 2: 'decision', 3: 'call' } as const;

interface Key {
  rank: 1 | 2 | 3;
  id: number;
}

// No source gives more than the page and what comes before it. A page of the second half is sought from the end.
const pageOfKeys = async (trx: Db, sources: readonly Source[], total: number, { offset, limit }: Slice): Promise<Key[]> => {
  const size = Math.min(limit, total - offset);
  const after = total - offset - size;
  const [way, skipped] = after < offset ? [sql.raw('asc'), after] : [sql.raw('desc'), offset];
  const branches = sources.map(
    ({ kind, from, at }) => sql`
      (select ${RANK[kind]}::integer as rank, id, ${at} as at from ${from} order by ${at} ${way}, id ${way} limit ${skipped + size})`,
  );
  const { rows } = await sql<Key>`
    select rank, id from (${sql.join(branches, sql` union all `)}) merged
    order by at ${way}, rank ${way}, id ${way} offset ${skipped} limit ${size}`.execute(trx);
  return after < offset ? rows.reverse() : rows;
};

const among = (keys: readonly Key[], kind: HistoryEntry['kind']) =>
  sql<number>`any(${keys.filter(({ rank }) => KINDS[rank] === kind).map(({ id }) => id)}::bigint[])`;

const readCalls = (trx: Db, keys: readonly Key[]) =>
  trx
    .selectFrom('calls')
    .select(['id', 'account_id', 'assistant_id', 'campaign_id', 'campaign_name', 'lead_id', 'attempt_no', 'state', 'status', 'outcome'])
    .select(['reason', 'phone_number', 'caller_number', 'caller_number_id', 'carrier', 'simulated', 'carrier_call_id', 'worker'])
    .select(['lease_until', 'due_at', 'sent_at', 'answered_at', 'ended_at', 'answered_by', 'duration', 'recording_url', 'carrier_cost'])
    .select(['created_at', 'updated_at', 'deleted_at'])
    .where('id', '=', among(keys, 'call'))
    .execute();

const readEntries = async (trx: Db, keys: readonly Key[]): Promise<HistoryEntry[]> => {
  const decisions = await trx.selectFrom('decisions').selectAll().where('id', '=', among(keys, 'decision')).execute();
  const calls = await readCalls(trx, keys);
  const changes = await trx.selectFrom('changes').selectAll().where('id', '=', among(keys, 'change')).execute();
  const entries: HistoryEntry[] = [
    ...decisions.map((row) => ({ kind: 'decision', row }) as const),
    ...calls.map((row) => ({ kind: 'call', row }) as const),
    ...changes.map((row) => ({ kind: 'change', row }) as const),
  ];
  const byKey = new Map(entries.map((entry) => [`${RANK[entry.kind]} ${entry.row.id}`, entry]));
  return keys.flatMap(({ rank, id }) => byKey.get(`${rank} ${id}`) ?? []);
};

/**
 * One page of what has happened to a lead or contact, the newest first, and how much there is in all.
 * @throws DomainError lead_not_found
 */
export const listHistory = (db: Db, accountId: number, id: number, slice: Slice): Promise<{ entries: HistoryEntry[]; total: number }> =>
  inSnapshot(db, async (trx) => {
    const lead = await trx
      .selectFrom('leads')
      .innerJoin('campaigns', 'campaigns.id', 'leads.campaign_id')
      .select(['leads.id', 'leads.campaign_id', 'leads.created_at'])
      .where('leads.id', '=', id)
      .where('leads.account_id', '=', accountId)
      .where('campaigns.deleted_at', 'is', null)
      .executeTakeFirst();
    if (lead === undefined) throw new DomainError('lead_not_found');
    const sources = sourcesOf(lead);
    const total = await count(trx, sources);
    if (slice.offset >= total) return { entries: [], total };
    return { entries: await readEntries(trx, await pageOfKeys(trx, sources, total, slice)), total };
  });
