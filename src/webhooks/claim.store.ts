// Which messages are sent next, and who is at them: a worker claims what is due under a short lease and renews it while it works.
// So what a worker held that died is free again after some seconds.
import { sql } from 'kysely';
import type { Db, WebhookMessageRow } from '../db/schema.ts';
import { type LeaseClock, leaseEnd } from '../dialer/lease.store.ts';

/** Milliseconds for which a claim holds unless it is renewed. */
export const LEASE_MS = 6000;

/** A message that has a text to send. */
export type FullMessage = WebhookMessageRow & { payload: string };

/** How much may be claimed. */
export interface ClaimTerms {
  /** Messages, in all. */
  limit: number;
  /** Messages of one account to one host that may be held at once, by all workers together. */
  perGroup: number;
  /** Messages of one account that may be held at once, by all workers together. */
  perAccount: number;
  /** Those that the claimer is at: it does not take one of them for its own successor's when its lease has lapsed. */
  held: readonly number[];
}

/** What a claim came to. */
export interface Claim {
  /** `attempts` is the number of the attempt that each of them begins. */
  claimed: FullMessage[];
  /** Whether other messages were due that somebody else was just claiming. */
  contended: boolean;
}

/**
 * Begins an attempt on messages that are due and that nobody is at. Those groups of account and host come first that hold the
 * fewest, and within a group who is due the longest.
 */
export const claimMessages = async (
  db: Db,
  clock: LeaseClock,
  { limit, perGroup, perAccount, held }: ClaimTerms,
  now: Date,
): Promise<Claim> => {
  const isFree = sql`(m.lease_until is null or (m.lease_until <= ${clock(now)} and m.id <> all(${[...held]}::bigint[])))`;
  // `groups` steps over the index from one account and host to the next: a long backlog of one costs the others nothing.
  // Of more groups than messages are wanted only those with the best first message can have one that is taken.
  // Two that claim at once may choose the same: neither waits for the other, and what one has locked is left to it.
  const { rows } = await sql<{ sought: number } & FullMessage>`
    with recursive groups as (
      (select account_id, host from webhook_messages where state = 'pending' order by account_id, host limit 1)
      union all
      select following.account_id, following.host from groups cross join lateral (
        select m.account_id, m.host from webhook_messages m
        where m.state = 'pending' and (m.account_id, m.host) > (groups.account_id, groups.host)
        order by m.account_id, m.host limit 1
      ) following
    ), held as materialized (
      select account_id, host, count(*)::int as n from webhook_messages
      where state = 'pending' and lease_until is not null and lease_until > ${clock(now)} group by 1, 2
    ), held_by_account as (
      select account_id, sum(n)::int as n from held group by 1
    ), firsts as (
      select groups.account_id, groups.host, coalesce(held.n, 0) as n, coalesce(h.n, 0) as of_account, first.next_attempt_at
      from groups left join held on held.account_id = groups.account_id and held.host = groups.host
      left join held_by_account h on h.account_id = groups.account_id
      cross join lateral (
        select m.next_attempt_at from webhook_messages m
        where m.state = 'pending' and m.account_id = groups.account_id and m.host = groups.host
          and m.next_attempt_at <= ${now}::timestamptz and ${isFree}
        order by m.next_attempt_at limit case when coalesce(held.n, 0) < ${perGroup}::int then 1 else 0 end
      ) first
    ), eligible as (
      select firsts.*, of_account + row_number() over (partition by account_id order by n, next_attempt_at) as nth from firsts
    ), nearest as materialized (
      select * from eligible where nth <= ${perAccount}::int order by n, next_attempt_at limit ${limit}::int
    ), due as (
      select next.id, next.next_attempt_at, g.account_id, g.of_account,
        g.n + row_number() over (partition by g.account_id, g.host order by next.next_attempt_at) as place
      from nearest g cross join lateral (
        select m.id, m.next_attempt_at from webhook_messages m
        where m.state = 'pending' and m.account_id = g.account_id and m.host = g.host
          and m.next_attempt_at <= ${now}::timestamptz and ${isFree}
        order by m.next_attempt_at limit least(${limit}::int, ${perGroup}::int - g.n)
      ) next
    ), ranked as (
      select due.*, of_account + row_number() over (partition by account_id order by place, next_attempt_at) as nth from due
    ), chosen as materialized (
      select id from ranked where nth <= ${perAccount}::int order by place, next_attempt_at limit ${limit}::int
    ), locked as materialized (
      select m.id from webhook_messages m
      where m.id in (select id from chosen) and m.state = 'pending' and m.next_attempt_at <= ${now}::timestamptz and ${isFree}
      for no key update skip locked
    ), claimed as (
      update webhook_messages m set attempts = m.attempts + 1, lease_until = ${leaseEnd(clock, now, LEASE_MS)}
      from locked where m.id = locked.id returning m.*
    )
    select sought.n as sought, claimed.* from (select count(*)::int as n from chosen) sought left join claimed on true`.execute(db);
  const claimed = rows.flatMap(({ sought, ...message }) => (message.id === null ? [] : [message]));
  return { claimed, contended: claimed.length < (rows[0]?.sought ?? 0) };
};

/** What tells an attempt from others of its message. */
export type Attempt = Pick<WebhookMessageRow, 'id' | 'attempts' | 'replays'>;

/**
 * Holds attempts for another `ms`. One that is no longer the latest of its message is left alone, and so is a message that
 * somebody has locked: its lease has time until the next renewal.
 */
export const renewLeases = async (db: Db, clock: LeaseClock, attempts: readonly Attempt[], now: Date, ms = LEASE_MS): Promise<void> => {
  if (attempts.length === 0) return;
  const column = (name: keyof Attempt) => attempts.map((attempt) => attempt[name]);
  await sql`
    with locked as materialized (
      select m.id from webhook_messages m
      join unnest(${column('id')}::bigint[], ${column('attempts')}::int[], ${column('replays')}::int[]) as a (id, attempts, replays)
        on a.id = m.id and a.attempts = m.attempts and a.replays = m.replays
      where m.state = 'pending' and m.lease_until is not null
      for no key update of m skip locked
    )
    update webhook_messages m set lease_until = ${leaseEnd(clock, now, ms)} from locked where m.id = locked.id`.execute(db);
};
