// Counts all leads anew and puts right what the kept counts say otherwise. They are kept by the database in every transaction, so there
// should never be anything to do; this is how anybody can see that.
import { type RawBuilder, sql } from 'kysely';
import type { Db } from '../db/schema.ts';
import { LEAD_STATUSES } from './lead.ts';

/** Kept counts that were wrong: totals of spans, and of single blocks and days. */
export interface WrongCounts {
  totals: number;
  cells: number;
}

// The lock of fold_lead_counts() in migrations/0005: nobody else changes the kept counts meanwhile.
const FOLD_LOCK = 7_246_005;

const KEPT = {
  lead_spans: ['account_id', 'campaign_id', 'span'],
  lead_cells: ['account_id', 'campaign_id', 'block', 'day'],
} as const;

const columns = (names: readonly string[], of?: string): RawBuilder<unknown> =>
  sql.join(names.map((name) => (of === undefined ? sql.ref(name) : sql.ref(`${of}.${name}`))));

// What should be kept: what there is, less what has happened since and is still to be added.
const truth = (keys: readonly string[]): RawBuilder<unknown> => sql`
  select ${columns(keys)}, ${sql.join(
    LEAD_STATUSES.map((status) => sql`coalesce(sum(n) filter (where status = ${sql.lit(status)}), 0)::integer as ${sql.ref(status)}`),
  )}
  from (
    select account_id, campaign_id as own, status, lead_day(created_at) as day, lead_block(id) as block, lead_block(id) >> 6 as span, count(*) as n
    from leads where primary_id is null group by 1, 2, 3, 4, 5
    union all
    select account_id, campaign_id, status, day, block, block >> 6, -n from lead_count_changes
  ) counted cross join lateral (values (0::bigint), (own)) as scopes (campaign_id)
  group by ${columns(keys)}`;

const repair = async (trx: Db, table: keyof typeof KEPT): Promise<number> => {
  const keys = KEPT[table];
  const kept = sql.table(table);
  const values = (of: string) => sql.join(LEAD_STATUSES.map((status) => sql`coalesce(${sql.ref(`${of}.${status}`)}, 0)`));
  const same = (left: string, right: string) =>
    sql.join(
      keys.map((key) => sql`${sql.ref(`${left}.${key}`)} = ${sql.ref(`${right}.${key}`)}`),
      sql` and `,
    );
  const { rows } = await sql<{ n: number }>`
    with truth as materialized (${truth(keys)}),
    wrong as materialized (
      select ${sql.join(keys.map((key) => sql`coalesce(${sql.ref(`truth.${key}`)}, ${sql.ref(`kept.${key}`)}) as ${sql.ref(key)}`))},
        ${sql.join(LEAD_STATUSES.map((status) => sql`coalesce(${sql.ref(`truth.${status}`)}, 0) as ${sql.ref(status)}`))}
      from truth full join ${kept} kept on ${same('truth', 'kept')}
      where (${values('truth')}) <> (${values('kept')})
    ),
    mended as (
      insert into ${kept} as kept (${columns([...keys, ...LEAD_STATUSES])})
      select ${columns([...keys, ...LEAD_STATUSES])} from wrong
      on conflict (${columns(keys)}) do update
        set ${sql.join(LEAD_STATUSES.map((status) => sql`${sql.ref(status)} = ${sql.ref(`excluded.${status}`)}`))}
    )
    select count(*) as n from wrong`.execute(trx);
  await sql`delete from ${kept} where n = 0`.execute(trx);
  return Number(rows[0]?.n ?? 0);
};

/**
 * Counts anew and repairs. Reads all leads once for each of the two kinds of counts; whoever writes meanwhile does not wait.
 * @returns how many counts were wrong; none of them is afterwards.
 */
export const recountLeads = (db: Db): Promise<WrongCounts> =>
  db.transaction().execute(async (trx) => {
    await sql`select pg_advisory_xact_lock(${FOLD_LOCK}::bigint)`.execute(trx);
    return { totals: await repair(trx, 'lead_spans'), cells: await repair(trx, 'lead_cells') };
  });
