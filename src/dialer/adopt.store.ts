// Reservations of make_call: whichever dialer is first takes them.
import { sql } from 'kysely';
import type { CallRow, Db } from '../db/schema.ts';
import { type LeaseClock, leaseEnd } from './lease.store.ts';
import type { ClaimTerms, Reservation } from './ledger.ts';
import { toPlaceCall } from './place-request.ts';

type Adopted = CallRow & {
  assistant_settings: Record<string, unknown>;
  post_call_schema: { name: string; type: string; description: string }[];
};

/** See Ledger.adopt. */
export const adoptCalls = async (
  db: Db,
  clock: LeaseClock,
  { worker, leaseMs, carrier, limit }: ClaimTerms,
  now: Date,
): Promise<Reservation[]> => {
  const { rows } = await sql<Adopted>`
    with free as (
      select id from calls where state = 'reserved' and worker = '' and lease_until > ${clock(now)}
        and not exists (select from carrier_pauses p where p.carrier = ${carrier.kind} and p.paused_until > ${now}::timestamptz)
      order by id limit ${limit} for no key update skip locked
    )
    update calls set worker = ${worker}, lease_until = ${leaseEnd(clock, now, leaseMs)}
    from free, assistants where calls.id = free.id and assistants.id = calls.assistant_id
    returning calls.*, assistants.settings as assistant_settings, assistants.post_call_schema`.execute(db);
  return rows.map((row) => ({
    callId: row.id,
    window: undefined,
    place: toPlaceCall(row.id, row, { ...row, goal_completion_variable: null, simulation: null }, carrier.simulated),
  }));
};
