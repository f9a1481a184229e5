// Contacts that the check before a dial takes out of the queue.
import { sql } from 'kysely';
import type { CallingWindow } from '../campaigns/calling-window.ts';
import { nextOpening } from '../campaigns/calling-window.ts';
import type { Db } from '../db/schema.ts';
import { passTurn } from '../leads/turn.store.ts';
import type { RefusedLead } from './refusals.ts';

const MINUTE = 60_000;
/** Milliseconds until a refused contact is looked at again whose family somebody else has in hand. */
const SOON = 1000;

/**
 * Locks whole families, as far as nobody else has any of them in hand. A claim holds contacts that it took in the order in which they
 * are due, so it must not wait for others, whose ids may be lower: of two that do, one would wait for the other.
 * @returns the primaries' ids of those that it holds.
 */
const tryLockFamilies = async (trx: Db, leadIds: readonly number[]): Promise<Set<number>> => {
  const { rows } = await sql<{ primary: number }>`
    with wanted as materialized (
      select array_agg(coalesce(primary_id, id)) as ids from leads where id = any(${[...leadIds]}::bigint[])
    ), family as materialized (
      select id, coalesce(primary_id, id) as primary from leads
      where id = any((select ids from wanted)::bigint[]) or primary_id = any((select ids from wanted)::bigint[])
    ), held as materialized (
      select id from leads where id = any(array(select id from family)) order by id for no key update skip locked
    )
    select family.primary from family left join held on held.id = family.id group by 1 having count(held.id) = count(*)`.execute(trx);
  return new Set(rows.map(({ primary }) => Number(primary)));
};

/**
 * Moves refused contacts to where their refusal puts them, and passes the turn on: after a blacklisted contact at once, after
 * one whose attempts are used up after an interval. The caller holds them. One whose family is in another's hand waits for a moment.
 * @returns those that were moved.
 */
export const retireLeads = async (
  trx: Db,
  campaign: { id: number; retry_interval: number },
  refused: readonly RefusedLead[],
  window: CallingWindow,
  now: Date,
): Promise<RefusedLead[]> => {
  if (refused.length === 0) return [];
  const rows = refused.map(({ leadId, reason }) => ({
    id: leadId,
    status: reason === 'blacklisted' ? 'blacklisted' : 'reached-max-retries',
  }));
  const held = await tryLockFamilies(
    trx,
    rows.map(({ id }) => id),
  );
  const retired = await sql<{ id: number; primary: number; status: string }>`
    update leads set status = r.status, due_at = null, updated_at = ${now}::timestamptz
    from json_to_recordset(${JSON.stringify(rows)}::json) as r (id bigint, status text)
    where leads.id = r.id and coalesce(leads.primary_id, leads.id) = any(${[...held]}::bigint[])
    returning leads.id, coalesce(leads.primary_id, leads.id) as primary, leads.status`.execute(trx);
  if (retired.rows.length < rows.length) {
    await sql`
      update leads set due_at = ${new Date(now.getTime() + SOON)}::timestamptz
      where id = any(${rows.map(({ id }) => id)}::bigint[]) and coalesce(primary_id, id) <> all(${[...held]}::bigint[])`.execute(trx);
  }
  const interval = new Date(now.getTime() + campaign.retry_interval * MINUTE);
  await passTurn(
    trx,
    new Map(
      retired.rows.map(({ primary, status }): [number, Date] => {
        const from = status === 'blacklisted' ? now : interval;
        return [Number(primary), nextOpening(window, from) ?? from];
      }),
    ),
  );
  const moved = new Set(retired.rows.map(({ id }) => id));
  return refused.filter(({ leadId }) => moved.has(leadId));
};
