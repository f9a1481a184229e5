// Which calls nobody else has in hand at this instant: with the whole families of their leads.
import { sql } from 'kysely';
import type { Db } from '../db/schema.ts';
import { tryLockFamilies } from '../leads/turn.store.ts';
import type { CallName } from './ledger.ts';

/** Locks calls and the families of their leads until the transaction ends, as far as that can be had without waiting. @returns those calls. */
export const takeFreeCalls = async (trx: Db, callIds: readonly number[]): Promise<number[]> => {
  if (callIds.length === 0) return [];
  const named = await trx
    .selectFrom('calls')
    .select(['id', 'lead_id'])
    .where('id', '=', sql<number>`any(${[...callIds]}::bigint[])`)
    .execute();
  const leads = named.flatMap(({ lead_id }) => lead_id ?? []);
  const held = leads.length === 0 ? new Set() : await tryLockFamilies(trx, leads);
  const reachable = named.flatMap(({ id, lead_id }) => (lead_id === null || held.has(lead_id) ? [id] : []));
  const { rows } = await sql<{ id: number }>`
    select id from calls where id = any(${reachable}::bigint[]) order by id for no key update skip locked`.execute(trx);
  return rows.map(({ id }) => id);
};

/** See Ledger.held. */
export const findHeld = (db: Db, carrier: string, names: readonly CallName[]): Promise<boolean[]> =>
  db.transaction().execute(async (trx) => {
    const { rows } = await sql<{ position: number; id: number }>`
      select n.position - 1 as position, calls.id
      from unnest(${names.map(({ callId }) => callId ?? null)}::bigint[], ${names.map(({ carrierCallId }) => carrierCallId ?? null)}::text[])
        with ordinality as n (call_id, carrier_call_id, position)
      join calls on calls.id = n.call_id or (n.call_id is null and calls.carrier = ${carrier} and calls.carrier_call_id = n.carrier_call_id
        and calls.state <> 'ended')`.execute(trx);
    const free = new Set(
      await takeFreeCalls(
        trx,
        rows.map(({ id }) => id),
      ),
    );
    const held = new Set(rows.flatMap(({ position, id }) => (free.has(id) ? [] : [Number(position)])));
    return names.map((_, position) => held.has(position));
  });
