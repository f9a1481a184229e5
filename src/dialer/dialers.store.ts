// The dialers at work, as each says of itself, and what those leave behind that died.
import { sql } from 'kysely';
import { giveBack } from '../calls/revoke.store.ts';
import type { Db } from '../db/schema.ts';
import { takeFreeCalls } from './held.store.ts';
import type { LeaseClock } from './lease.store.ts';
import type { DialerIdentity } from './ledger.ts';

/** Milliseconds without a beat after which a dialer counts as dead. */
export const DEAD_MS = 10_000;

const AT_ONCE = 200;
const DAY_MS = 86_400_000;

const ago = (clock: LeaseClock, now: Date, ms: number) => sql<Date>`(${clock(now)} - ${ms}::double precision * interval '1 millisecond')`;

/** See Ledger.beat. */
export const beat = async (db: Db, clock: LeaseClock, { worker, carrier, ownRecord }: DialerIdentity, now: Date): Promise<void> => {
  const { rows } = await sql<{ isNew: boolean }>`
    insert into dialers (worker, carrier, started_at, beat_at, own_record)
    values (${worker}, ${carrier}, ${clock(now)}, ${clock(now)}, ${ownRecord}::boolean)
    on conflict (worker) do update set beat_at = excluded.beat_at
    returning xmax = 0 as "isNew"`.execute(db);
  // Those that have been dead for a day; whoever starts sweeps.
  if (rows[0]?.isNew === true) await sql`delete from dialers where beat_at < ${ago(clock, now, DAY_MS)}`.execute(db);
};

/** See Ledger.leave. */
export const leave = async (db: Db, worker: string): Promise<void> => {
  await sql`delete from dialers where worker = ${worker}`.execute(db);
};

/**
 * Of a row of `calls`: whether only its own dialer may ask about it, since its carrier's record is in that dialer's process, which lives,
 * and is not this one.
 */
export const isOthersAlone = (clock: LeaseClock, { worker, deadMs }: DialerIdentity, now: Date) => sql<boolean>`exists (
  select from dialers d
  where d.worker = calls.worker and d.worker <> ${worker} and d.own_record and d.beat_at > ${ago(clock, now, deadMs)})`;

interface Left {
  id: number;
  state: string;
  own: boolean;
}

// Calls whose record others share go on and have their ends reported; they are listed until somebody has taken them up.
const listLeft = async (db: Db, clock: LeaseClock, { worker, ownRecord, deadMs }: DialerIdentity, now: Date): Promise<Left[]> => {
  const { rows } = await sql<Left>`
    select c.id, c.state, coalesce(d.own_record, ${ownRecord}::boolean) as own
    from calls c left join dialers d on d.worker = c.worker
    where c.state <> 'ended' and c.worker <> '' and c.worker <> ${worker}
      and (d.beat_at is null or d.beat_at <= ${ago(clock, now, deadMs)})
    order by c.id limit ${AT_ONCE}`.execute(db);
  return rows;
};

/** See Ledger.takeOver. */
export const takeOver = async (db: Db, clock: LeaseClock, self: DialerIdentity, now: Date): Promise<number[]> => {
  const left = await listLeft(db, clock, self, now);
  const idsOf = (matches: (one: Left) => boolean): number[] => left.filter(matches).map(({ id }) => id);
  const reserved = idsOf(({ state }) => state === 'reserved');
  if (reserved.length > 0)
    await db.transaction().execute(async (trx) => giveBack(trx, await takeFreeCalls(trx, reserved), 'expired', 'dialer_died', now));
  const shared = idsOf(({ state, own }) => state !== 'reserved' && !own);
  if (shared.length > 0) {
    // A report that is awaited may still come: that wait stays as long as it is.
    await sql`
      with taken as materialized (
        select id from calls where id = any(${shared}::bigint[]) and state in ('sending', 'live', 'unknown', 'wrapping')
        order by id for no key update skip locked
      )
      update calls set worker = ${self.worker}, state = case when state = 'sending' then 'unknown' else state end,
        lease_until = case when state = 'wrapping' then lease_until else ${clock(now)} end, updated_at = ${now}::timestamptz
      from taken where calls.id = taken.id`.execute(db);
  }
  return idsOf(({ state, own }) => state !== 'reserved' && own);
};
