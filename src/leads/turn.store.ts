// Whose turn it is in a family of numbers: exactly that member waits to be dialed, and only a waiting member has a due_at.
// Callers hold the families (locked in the order of ids).
import { sql } from 'kysely';
import type { Db } from '../db/schema.ts';
import type { LeadStatus } from './lead.ts';
import { whoseTurn } from './next-contact.ts';

interface Member {
  id: number;
  primary_id: number | null;
  status: LeadStatus;
  due_at: Date | null;
  lost: boolean;
}

const WAITING: readonly LeadStatus[] = ['created', 'rescheduled'];

const readFamilies = async (trx: Db, primaryIds: readonly number[]): Promise<Map<number, Member[]>> => {
  const { rows } = await sql<Member>`
    select id, primary_id, due_at,
      -- Who opted out after the last attempt is not chased on other numbers either.
      case when primary_id is null and status = 'reached-max-retries' and exists (
        select from dnc_numbers d where d.account_id = leads.account_id and d.phone_number = leads.phone_number
      ) then 'blacklisted' else status end as status,
      status = 'reached-max-retries' and exists (
        select from calls where calls.lead_id = leads.id and calls.attempt_no = leads.last_attempt_no and calls.outcome = 'lost'
      ) as lost
    from leads
    where id = any(${[...primaryIds]}::bigint[]) or primary_id = any(${[...primaryIds]}::bigint[])
    order by coalesce(position, 0), id`.execute(trx);
  const families = new Map<number, Member[]>();
  for (const row of rows) {
    const key = row.primary_id ?? row.id;
    families.set(key, [...(families.get(key) ?? []), row]);
  }
  return families;
};

interface Turn {
  id: number;
  due_at: Date | null;
}

const turnsOf = (family: readonly Member[], dueAt: Date): Turn[] => {
  const turn = whoseTurn(family, new Set(family.filter(({ lost }) => lost).map(({ id }) => id)));
  return family.flatMap(({ id, status, due_at }): Turn[] => {
    const waits = id === turn && WAITING.includes(status);
    if (waits === (due_at !== null)) return [];
    return [{ id, due_at: waits ? dueAt : null }];
  });
};

/**
 * Puts the turn right in some families, after anything that may have moved it. Whose turn it newly is waits from `dueAt`
 * (of the family, by the primary's id); who waits already keeps the time.
 */
export const passTurn = async (trx: Db, dueAt: ReadonlyMap<number, Date>): Promise<void> => {
  if (dueAt.size === 0) return;
  const families = await readFamilies(trx, [...dueAt.keys()]);
  const turns = [...families].flatMap(([id, family]) => {
    const from = dueAt.get(id);
    return from === undefined ? [] : turnsOf(family, from);
  });
  if (turns.length === 0) return;
  await sql`
    update leads set due_at = r.due_at
    from json_to_recordset(${JSON.stringify(turns)}::json) as r (id bigint, due_at timestamptz)
    where leads.id = r.id`.execute(trx);
};

/** Locks whole families, in the order of ids, which is everybody's order. @returns the ids of the primaries. */
export const lockFamilies = async (trx: Db, leadIds: readonly number[]): Promise<number[]> => {
  if (leadIds.length === 0) return [];
  const named = await trx
    .selectFrom('leads')
    .select((eb) => eb.fn.coalesce('primary_id', 'id').as('primary'))
    .distinct()
    .where('id', 'in', [...leadIds])
    .execute();
  const primaries = named.map(({ primary }) => Number(primary)).sort((a, b) => a - b);
  if (primaries.length === 0) return [];
  await sql`
    select from leads where id = any(${primaries}::bigint[]) or primary_id = any(${primaries}::bigint[])
    order by id for no key update`.execute(trx);
  return primaries;
};

/**
 * Locks whole families, as far as nobody else has any of them in hand: for those who serve many and wait for nobody. A claim holds contacts that it took in the order in which they
 * are due, so it must not wait for others, whose ids may be lower: of two that do, one would wait for the other.
 * @returns those of `leadIds` whose whole families it holds.
 */
export const tryLockFamilies = async (trx: Db, leadIds: readonly number[]): Promise<Set<number>> => {
  const { rows } = await sql<{ id: number }>`
    with wanted as materialized (
      select array_agg(coalesce(primary_id, id)) as ids from leads where id = any(${[...leadIds]}::bigint[])
    ), family as materialized (
      select id, coalesce(primary_id, id) as primary from leads
      where id = any((select ids from wanted)::bigint[]) or primary_id = any((select ids from wanted)::bigint[])
    ), held as materialized (
      select id from leads where id = any(array(select id from family)) order by id for no key update skip locked
    )
    select unnest(array_agg(family.id)) as id from family left join held on held.id = family.id
    group by family.primary having count(held.id) = count(*)`.execute(trx);
  const held = new Set(rows.map(({ id }) => id));
  return new Set(leadIds.filter((id) => held.has(id)));
};
