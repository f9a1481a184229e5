// From `reserved` to the carrier's answer. Each move is a compare-and-set on the state, so that it is made once.
import { sql } from 'kysely';
import { giveBack } from '../calls/revoke.store.ts';
import type { Db } from '../db/schema.ts';
import { takeFreeCalls } from './held.store.ts';
import { type LeaseClock, leaseEnd } from './lease.store.ts';
import type { AcceptedCall } from './ledger.ts';

const list = (ids: readonly number[]) => sql`any(${[...ids]}::bigint[])`;

/** See Ledger.send. From here on the attempt counts as a try. `sendingMs`: without an answer by then the call is `unknown`. */
export const markSending = async (
  db: Db,
  clock: LeaseClock,
  sendingMs: number,
  callIds: readonly number[],
  worker: string,
  now: Date,
): Promise<number[]> => {
  if (callIds.length === 0) return [];
  // Leads before calls, as everywhere. An attempt whose lead was deleted has lost it, and stays.
  const { rows } = await sql<{ id: number }>`
    with held as materialized (
      select id from leads where id in (select lead_id from calls where id = ${list(callIds)}) order by id for no key update
    ), sent as (
      update calls set state = 'sending', sent_at = ${now}::timestamptz, lease_until = ${leaseEnd(clock, now, sendingMs)},
        updated_at = ${now}::timestamptz
      where id = ${list(callIds)} and state = 'reserved' and worker = ${worker} and lease_until > ${clock(now)}
        and (attempt_no is null or lead_id in (select id from held))
      returning id, lead_id
    ), tried as (
      update leads set status = 'processing', call_tries = call_tries + 1, updated_at = ${now}::timestamptz
      from sent where leads.id = sent.lead_id
    )
    select id from sent`.execute(db);
  return rows.map(({ id }) => id);
};

/** See Ledger.release. */
export const releaseReserved = (db: Db, callIds: readonly number[], reason: string, now: Date): Promise<void> =>
  db.transaction().execute(async (trx) => {
    // What another transaction has in hand is left to its lease.
    await giveBack(trx, await takeFreeCalls(trx, callIds), 'revoked', reason, now);
  });

/** Milliseconds: how exactly it is known when a carrier last accepted a call. Each time would be a write for each batch of calls. */
export const ACCEPTED_EVERY_MS = 100;

// The carrier works: what it has asked for in the meantime stands, our own back-off does not. @returns whether a pause is over.
const carrierWorks = async (db: Db, callIds: readonly number[], now: Date): Promise<boolean> => {
  const before = new Date(now.getTime() - ACCEPTED_EVERY_MS);
  const { rows } = await sql<{ n: number }>`
    with kinds as materialized (
      select distinct carrier from calls where id = ${list(callIds)}
    ), accepts as (
      insert into carrier_accepts (carrier, accepted_at)
      select carrier, ${now}::timestamptz from kinds
      where not exists (select from carrier_accepts a where a.carrier = kinds.carrier and a.accepted_at > ${before}::timestamptz)
      on conflict (carrier) do update set accepted_at = greatest(carrier_accepts.accepted_at, excluded.accepted_at)
    ), over as (
      delete from carrier_pauses p using kinds
      where p.carrier = kinds.carrier and (p.asked_until is null or p.asked_until <= ${now}::timestamptz)
      returning p.paused_until > ${now}::timestamptz as ended
    ), shorter as (
      update carrier_pauses p set paused_until = p.asked_until, strikes = 0 from kinds
      where p.carrier = kinds.carrier and p.asked_until > ${now}::timestamptz and (p.strikes > 0 or p.paused_until > p.asked_until)
    )
    select count(*)::integer as n from over where ended`.execute(db);
  return (rows[0]?.n ?? 0) > 0;
};

/** See Ledger.accepted. An event may have come before the answer; then only the carrier's name for the call is new. */
export const markAccepted = async (db: Db, clock: LeaseClock, calls: readonly AcceptedCall[], now: Date): Promise<boolean> => {
  if (calls.length === 0) return false;
  // By their ids, as those who record events lock them: both come at the same instant.
  await sql`
    with held as materialized (
      select id from calls where id = ${list(calls.map(({ callId }) => callId))} order by id for no key update
    )
    update calls set carrier_call_id = r."carrierCallId",
      state = case when state in ('sending', 'unknown') then 'live' else state end,
      lease_until = case when state in ('sending', 'unknown') then ${leaseEnd(clock, now, LIVE_LEASE)} else lease_until end,
      updated_at = ${now}::timestamptz
    from held join json_to_recordset(${JSON.stringify(calls)}::json) as r ("callId" bigint, "carrierCallId" text) on r."callId" = held.id
    where calls.id = held.id`.execute(db);
  return carrierWorks(
    db,
    calls.map(({ callId }) => callId),
    now,
  );
};

/** Milliseconds after which a call that has not ended is asked about, again and again: its end may have been lost. */
export const LIVE_LEASE = 60_000;

/** See Ledger.unconfirmed. */
export const markUnknown = async (db: Db, clock: LeaseClock, callIds: readonly number[], now: Date): Promise<void> => {
  if (callIds.length === 0) return;
  await sql`
    with held as materialized (select id from calls where id = ${list(callIds)} and state = 'sending' order by id for no key update)
    update calls set state = 'unknown', lease_until = ${clock(now)}, updated_at = ${now}::timestamptz
    from held where calls.id = held.id and calls.state = 'sending'`.execute(db);
};
