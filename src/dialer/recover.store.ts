// After a crash, or when nobody answers: leases that lapse, calls of which nothing is known, campaigns that are done.
import { sql } from 'kysely';
import { ON_LINE } from '../calls/lines.store.ts';
import { giveBack } from '../calls/revoke.store.ts';
import type { Db } from '../db/schema.ts';
import { IS_ON_CALL } from './claim.store.ts';
import { isOthersAlone } from './dialers.store.ts';
import { type LeaseClock, leaseEnd } from './lease.store.ts';
import type { DialerIdentity, OpenQuestion, RunningCampaign } from './ledger.ts';
import { LIVE_LEASE } from './send.store.ts';

const AT_ONCE = 200;
/** Milliseconds until a call is asked about again. */
export const ASK_AGAIN = 15_000;

// Taken, and held, as far as nobody else has them in hand: a lock that is forgotten costs its own lead's call its time, and no others.
const takeLapsed = async (trx: Db, clock: LeaseClock, now: Date): Promise<number[]> => {
  const { rows } = await sql<{ id: number }>`
    with ofLeads as (
      select calls.id from calls join leads on leads.id = calls.lead_id
      where calls.lease_until <= ${clock(now)} and calls.state = 'reserved' order by calls.lease_until limit ${AT_ONCE}
      for no key update of calls, leads skip locked
    ), single as (
      select id from calls where lease_until <= ${clock(now)} and state = 'reserved' and lead_id is null order by lease_until limit ${AT_ONCE}
      for no key update skip locked
    )
    select id from ofLeads union all select id from single`.execute(trx);
  return rows.map(({ id }) => id);
};

/** See Ledger.lapse. */
export const lapseLeases = async (db: Db, clock: LeaseClock, now: Date): Promise<void> => {
  await db.transaction().execute(async (trx) => giveBack(trx, await takeLapsed(trx, clock, now), 'expired', 'lease_lapsed', now));
  await sql`
    with held as materialized (
      select id from calls where lease_until <= ${clock(now)} and state = 'sending' order by lease_until limit ${AT_ONCE} for no key update skip locked
    )
    update calls set state = 'unknown', lease_until = ${clock(now)}, updated_at = ${now}::timestamptz
    from held where calls.id = held.id and calls.state = 'sending'`.execute(db);
};

/** Milliseconds that a call goes on of which the carrier says that it is gone: it may have said so too early, or its end is on its way. */
export const GONE_GRACE = 5000;

/** See Ledger.gone. */
export const markGone = async (db: Db, clock: LeaseClock, callIds: readonly number[], now: Date): Promise<void> => {
  await sql`
    with held as materialized (
      select id from calls where id = any(${[...callIds]}::bigint[]) and state = 'live' order by id for no key update skip locked
    )
    update calls set gone_at = coalesce(gone_at, ${clock(now)}), lease_until = ${leaseEnd(clock, now, GONE_GRACE)}
    from held where calls.id = held.id and calls.state = 'live'`.execute(db);
};

/** See Ledger.questions. Two dialers do not ask the same one: who reads a question moves it on. */
export const takeQuestions = async (db: Db, clock: LeaseClock, self: DialerIdentity, now: Date): Promise<OpenQuestion[]> => {
  const { rows } = await sql<OpenQuestion>`
    with asked as (
      select id from calls
      where lease_until <= ${clock(now)} and state in ('live', 'unknown', 'wrapping') and not ${isOthersAlone(clock, self, now)}
      order by lease_until limit ${AT_ONCE} for no key update skip locked
    )
    update calls set lease_until = case when state = 'live' then ${leaseEnd(clock, now, LIVE_LEASE)} else ${leaseEnd(clock, now, ASK_AGAIN)} end
    from asked where calls.id = asked.id
    returning calls.id as "callId", carrier_call_id as "carrierCallId", phone_number as "to", coalesce(sent_at, created_at) as "sentAt", state,
      coalesce(gone_at <= ${leaseEnd(clock, now, -GONE_GRACE)}, false) as "wasGone"`.execute(db);
  return rows;
};

/** See Ledger.running. */
export const listRunning = async (db: Db, now: Date): Promise<RunningCampaign[]> => {
  // A row's xmin is the transaction that wrote it: whatever changes a row changes its version, by whichever clock.
  // A carrier's pause that begins, or ends early, changes what every campaign may do.
  const { rows } = await sql<RunningCampaign>`
    with busy as materialized (
      select account_id, campaign_id, count(*) as lines from calls where state <> 'ended' and state in (${sql.join(ON_LINE)}) group by 1, 2
    ), busy_accounts as (
      select account_id, sum(lines) as lines from busy group by 1
    )
    select c.id, c.account_id as "accountId", concat_ws(' ', c.xmin, a.xmin, s.xmin, paused.carriers) as version,
      coalesce(own.lines >= c.max_calls_in_parallel, false) or coalesce(total.lines >= a.max_parallel_calls, false) as "linesFull",
      (select due_at from leads where campaign_id = c.id and due_at is not null and not ${IS_ON_CALL} order by due_at limit 1) as "nextDueAt"
    from campaigns c
    join accounts a on a.id = c.account_id
    join assistants s on s.id = c.assistant_id
    cross join (select string_agg(carrier, ' ' order by carrier) as carriers from carrier_pauses where paused_until > ${now}::timestamptz) paused
    left join busy own on own.campaign_id = c.id
    left join busy_accounts total on total.account_id = c.account_id
    where c.status = 'in-progress' and c.deleted_at is null order by c.id`.execute(db);
  return rows;
};

const CALLS_NOBODY = sql<boolean>`
  not exists (select from leads where leads.campaign_id = campaigns.id and leads.due_at is not null)
  and not exists (select from calls where calls.account_id = campaigns.account_id and calls.campaign_id = campaigns.id and calls.state <> 'ended')`;

// Who came in the middle of a call waits for its end: the call stays with the campaign that made it, what follows is done in this one.
const noneIsOnCall = (campaign: 'campaigns' | 'quiet') => sql<boolean>`
  not exists (
    select from calls join leads on leads.id = calls.lead_id
    where calls.account_id = ${sql.ref(`${campaign}.account_id`)} and calls.state <> 'ended'
      and leads.campaign_id = ${sql.ref(`${campaign}.id`)})`;

/** See Ledger.completeIdle. Whoever adds a lead holds its campaign, so none slips in between. */
export const completeIdleCampaigns = async (db: Db, now: Date): Promise<void> => {
  // In two steps: the calls of an account are looked through only for the few campaigns that have nobody else.
  const idle = await sql<{ id: number }>`
    with quiet as materialized (
      select id, account_id from campaigns
      where status = 'in-progress' and deleted_at is null and mark_complete_when_no_leads and ${CALLS_NOBODY}
    )
    select id from quiet where ${noneIsOnCall('quiet')} order by id`.execute(db);
  for (const { id } of idle.rows) {
    await db.transaction().execute(async (trx) => {
      const { rows } = await sql`select 1 from campaigns where id = ${id} for no key update skip locked`.execute(trx);
      if (rows.length === 0) return;
      await sql`
        update campaigns set status = 'completed', updated_at = ${now}::timestamptz
        where id = ${id} and status = 'in-progress' and deleted_at is null and ${CALLS_NOBODY} and ${noneIsOnCall('campaigns')}`.execute(
        trx,
      );
    });
  }
};
