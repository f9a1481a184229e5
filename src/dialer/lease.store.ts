// The clock that leases run on: the database's in production, so that a jump of a machine's clock cannot make two of them
// believe different things; a parameter in tests.
import { type RawBuilder, sql } from 'kysely';

/** The instant that leases are set and judged by, where the dialer's own clock says `now`. */
export type LeaseClock = (now: Date) => RawBuilder<Date>;

export const databaseClock: LeaseClock = () => sql<Date>`clock_timestamp()`;

export const givenClock: LeaseClock = (now) => sql<Date>`${now}::timestamptz`;

/** The end of a lease that begins now. `ms` in milliseconds. */
export const leaseEnd = (clock: LeaseClock, now: Date, ms: number): RawBuilder<Date> =>
  sql<Date>`(${clock(now)} + ${ms}::double precision * interval '1 millisecond')`;
