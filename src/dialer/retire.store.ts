// Contacts that the check before a dial takes out of the queue.
import { sql } from 'kysely';
import type { CallingWindow } from '../campaigns/calling-window.ts';
import { nextOpening } from '../campaigns/calling-window.ts';
import type { Db } from '../db/schema.ts';
import { passTurn, tryLockFamilies } from '../leads/turn.store.ts';
import type { RefusedLead } from './refusals.ts';

const MINUTE = 60_000;
/** Milliseconds until a refused contact is looked at again whose family somebody else has in hand. */
const SOON = 1000;

/**
 * Holds the families of refused contacts, whom the caller holds already. One whose family is in another's hand is put off for a moment.
 * @returns those that may be retired now.
 */
export const holdRefused = async (trx: Db, refused: readonly RefusedLead[], now: Date): Promise<RefusedLead[]> => {
  if (refused.length === 0) return [];
  const ids = refused.map(({ leadId }) => leadId);
  const held = await tryLockFamilies(trx, ids);
  const mine = refused.filter(({ leadId }) => held.has(leadId));
  const others = ids.filter((id) => !held.has(id));
  if (others.length > 0) {
    const soon = new Date(now.getTime() + SOON);
    await sql`update leads set due_at = ${soon}::timestamptz where id = any(${others}::bigint[])`.execute(trx);
  }
  return mine;
};

/**
 * Moves refused contacts to where their refusal puts them, and passes the turn on: after a blacklisted contact at once, after
 * one whose attempts are used up after an interval. The caller holds their families.
 */
export const retireLeads = async (
  trx: Db,
  campaign: { id: number; retry_interval: number },
  refused: readonly RefusedLead[],
  window: CallingWindow,
  now: Date,
): Promise<void> => {
  if (refused.length === 0) return;
  const rows = refused.map(({ leadId, reason }) => ({
    id: leadId,
    status: reason === 'blacklisted' ? 'blacklisted' : 'reached-max-retries',
  }));
  const retired = await sql<{ primary: number; status: string }>`
    update leads set status = r.status, due_at = null, updated_at = ${now}::timestamptz
    from json_to_recordset(${JSON.stringify(rows)}::json) as r (id bigint, status text)
    where leads.id = r.id
    returning coalesce(leads.primary_id, leads.id) as primary, leads.status`.execute(trx);
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
};
