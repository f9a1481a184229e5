// From `reserved` to the carrier's answer. Each move is a compare-and-set on the state, so that it is made once.
import { sql } from 'kysely';
import { giveBack } from '../calls/revoke.store.ts';
import type { Db } from '../db/schema.ts';
import { lockFamilies, passTurn } from '../leads/turn.store.ts';
import { nextPause } from './carrier-pause.ts';
import { type LeaseClock, leaseEnd } from './lease.store.ts';
import type { AcceptedCall, RejectedCall } from './ledger.ts';

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
    await giveBack(trx, callIds, 'revoked', reason, now);
  });

/** See Ledger.accepted. An event may have come before the answer; then only the carrier's name for the call is new. */
export const markAccepted = async (db: Db, clock: LeaseClock, calls: readonly AcceptedCall[], now: Date): Promise<void> => {
  if (calls.length === 0) return;
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
  // The carrier works again; what it has asked for in the meantime stands.
  await sql`
    delete from carrier_pauses where carrier in (select carrier from calls where id = ${list(calls.map(({ callId }) => callId))})
      and paused_until <= ${now}::timestamptz`.execute(db);
};

/** Milliseconds after which a call that has not ended is asked about, again and again: its end may have been lost. */
export const LIVE_LEASE = 60_000;

/** @returns until when. */
const pauseCarrier = async (trx: Db, carrier: string, { code, retryAfterMs }: RejectedCall, now: Date): Promise<Date> => {
  const row = await trx
    .selectFrom('carrier_pauses')
    .select(['strikes', 'paused_until'])
    .where('carrier', '=', carrier)
    .forUpdate()
    .executeTakeFirst();
  const { strikes, until } = nextPause(row && { strikes: row.strikes, until: row.paused_until }, retryAfterMs, now);
  const values = { strikes, reason: code, paused_until: until };
  await trx
    .insertInto('carrier_pauses')
    .values({ carrier, ...values })
    .onConflict((conflict) => conflict.column('carrier').doUpdateSet(values))
    .execute();
  return until;
};

// The longest pause that one of them asks for counts for all.
const worst = (calls: readonly RejectedCall[]): RejectedCall | undefined =>
  calls.reduce<RejectedCall | undefined>((most, call) => ((most?.retryAfterMs ?? -1) >= (call.retryAfterMs ?? 0) ? most : call), undefined);

/**
 * See Ledger.rejected. Nothing rang: the try is taken back, and the contact is due when the carrier is asked again, behind those
 * who have waited as long. A call of make_call has simply failed.
 */
export const markRejected = (db: Db, calls: readonly RejectedCall[], now: Date): Promise<void> =>
  db.transaction().execute(async (trx) => {
    if (calls.length === 0) return;
    const ids = calls.map(({ callId }) => callId);
    const named = await trx
      .selectFrom('calls')
      .select(['lead_id', 'carrier'])
      .where('id', '=', list(ids) as never)
      .execute();
    const primaries = await lockFamilies(
      trx,
      named.flatMap(({ lead_id }) => lead_id ?? []),
    );
    const { rows } = await sql<{ carrier: string }>`
      with held as materialized (
        select id from calls where id = ${list(ids)} and state in ('sending', 'unknown') order by id for no key update
      )
      update calls set state = 'ended', outcome = 'rejected', reason = r.code, status = 'failed', lease_until = null,
        sent_at = case when calls.attempt_no is null then calls.sent_at end, ended_at = ${now}::timestamptz, updated_at = ${now}::timestamptz
      from held join json_to_recordset(${JSON.stringify(calls)}::json) as r ("callId" bigint, code text) on r."callId" = held.id
      where calls.id = held.id and calls.state in ('sending', 'unknown')
      returning calls.carrier`.execute(trx);
    const [first] = rows;
    if (first === undefined) return;
    const reason = worst(calls.filter(({ ours }) => ours !== true));
    const until = reason === undefined ? now : await pauseCarrier(trx, first.carrier, reason, now);
    await sql`
      update leads set call_tries = greatest(call_tries - 1, 0), due_at = ${until}::timestamptz,
        status = case when call_tries <= 1 then 'created' else 'rescheduled' end, updated_at = ${now}::timestamptz
      from calls
      where calls.id = ${list(ids)} and calls.outcome = 'rejected' and calls.ended_at = ${now}::timestamptz
        and leads.id = calls.lead_id and leads.status = 'processing' and leads.last_attempt_no = calls.attempt_no`.execute(trx);
    // Its turn may have gone to another number of the lead meanwhile, or the cascade may have ended.
    await passTurn(trx, new Map(primaries.map((id) => [id, until])));
  });

/** See Ledger.unconfirmed. */
export const markUnknown = async (db: Db, clock: LeaseClock, callIds: readonly number[], now: Date): Promise<void> => {
  if (callIds.length === 0) return;
  await sql`
    with held as materialized (select id from calls where id = ${list(callIds)} and state = 'sending' order by id for no key update)
    update calls set state = 'unknown', lease_until = ${clock(now)}, updated_at = ${now}::timestamptz
    from held where calls.id = held.id and calls.state = 'sending'`.execute(db);
};
