// Takes reserved attempts back before they are sent: after a stop, an edit, an opt-out or a deletion none of them may leave.
// One that is being sent at this instant is beyond recall; waitUntilSent tells when it has left.
import { type SqlBool, sql } from 'kysely';
import type { Db } from '../db/schema.ts';
import { DomainError } from '../errors.ts';
import { enqueuePostCalls } from '../webhooks/webhooks.store.ts';

/** Whose attempts. Of a lead: its contacts' too. */
export type AttemptsOf =
  | { campaignIds: readonly number[] }
  | { callIds: readonly number[] }
  | { leadIds: readonly number[] }
  | { callerIds: readonly number[] }
  | { assistantIds: readonly number[] }
  | { accountId: number; numbers: readonly string[] };

const within = (which: AttemptsOf) => {
  if ('campaignIds' in which) return sql<SqlBool>`calls.campaign_id = any(${[...which.campaignIds]}::bigint[])`;
  if ('callIds' in which) return sql<SqlBool>`calls.id = any(${[...which.callIds]}::bigint[])`;
  if ('leadIds' in which) {
    const ids = sql`any(${[...which.leadIds]}::bigint[])`;
    return sql<SqlBool>`calls.lead_id in (select id from leads where id = ${ids} or primary_id = ${ids})`;
  }
  if ('callerIds' in which) return sql<SqlBool>`calls.caller_number_id = any(${[...which.callerIds]}::bigint[])`;
  if ('assistantIds' in which) return sql<SqlBool>`calls.assistant_id = any(${[...which.assistantIds]}::bigint[])`;
  return sql<SqlBool>`calls.account_id = ${which.accountId} and calls.phone_number = any(${[...which.numbers]}::text[])`;
};

/** Why a call of make_call came to nothing: the decision's word, whose facts say more. */
export const NOT_SENT = 'call_not_sent';

// Nobody else will speak of a call of make_call again: its history says why it came to nothing, and its webhook tells.
const tellNotSent = async (trx: Db, callIds: readonly number[], outcome: string, reason: string, now: Date): Promise<void> => {
  if (callIds.length === 0) return;
  await sql`
    insert into decisions (account_id, call_id, verdict, reason, facts, decided_at, last_at)
    select account_id, id, 'refuse', ${NOT_SENT}, json_build_object('phone_number', phone_number, 'outcome', ${outcome}::text, 'why', ${reason}::text),
      ${now}::timestamptz, ${now}::timestamptz
    from calls where id = any(${[...callIds]}::bigint[]) order by id`.execute(trx);
  await enqueuePostCalls(trx, callIds, now);
};

/**
 * Ends reserved attempts as `outcome` and gives their contacts back as they were: nothing has rung, so nothing counts.
 * Leads are locked before their calls, here as everywhere.
 */
export const giveBack = async (
  trx: Db,
  callIds: readonly number[],
  outcome: 'revoked' | 'expired',
  reason: string,
  now: Date,
): Promise<number[]> => {
  if (callIds.length === 0) return [];
  const ids = [...callIds];
  await sql`
    select from leads where id in (select lead_id from calls where id = any(${ids}::bigint[]))
    order by id for no key update`.execute(trx);
  const { rows } = await sql<{ id: number; attempt_no: number | null }>`
    with back as (
      update calls set state = 'ended', outcome = ${outcome}, reason = ${reason}, status = 'failed', ended_at = ${now}::timestamptz,
        lease_until = null, updated_at = ${now}::timestamptz
      where id = any(${ids}::bigint[]) and state = 'reserved'
      returning id, lead_id, attempt_no, due_at
    ), freed as (
      update leads set status = case when call_tries = 0 then 'created' else 'rescheduled' end, due_at = back.due_at,
        updated_at = ${now}::timestamptz
      from back where leads.id = back.lead_id and leads.status = 'scheduled'
    )
    select id, attempt_no from back`.execute(trx);
  const single = rows.flatMap(({ id, attempt_no }) => (attempt_no === null ? [id] : []));
  await tellNotSent(trx, single, outcome, reason, now);
  return rows.map(({ id }) => id);
};

/** Revokes the reserved attempts of campaigns, leads, numbers or assistants. The caller holds what keeps new ones from being reserved. */
export const revokeReserved = async (trx: Db, which: AttemptsOf, reason: string, now: Date): Promise<void> => {
  const rows = await trx.selectFrom('calls').select('id').where('state', '=', 'reserved').where(within(which)).orderBy('id').execute();
  await giveBack(
    trx,
    rows.map(({ id }) => id),
    'revoked',
    reason,
    now,
  );
};

/** The calls whose originate request may leave at this instant. */
export const callsBeingSent = async (db: Db, which: AttemptsOf): Promise<number[]> => {
  const rows = await db.selectFrom('calls').select('id').where('state', '=', 'sending').where(within(which)).execute();
  return rows.map(({ id }) => id);
};

const LOOK_EVERY = 20;
/** Longer than the latest request may leave and its carrier be waited for (place-calls.ts, CARRIER_TIMEOUT). */
const LONGEST_WAIT = 35_000;

/**
 * Waits until no originate request of those can leave any more. After it, an answer may say "stopped". For outside of transactions.
 * @throws DomainError still_sending after 35 seconds: what was asked is done, but one request may still be on its way.
 */
export const waitUntilSent = async (db: Db, which: AttemptsOf): Promise<void> => {
  for (let waited = 0; waited < LONGEST_WAIT; waited += LOOK_EVERY) {
    if ((await callsBeingSent(db, which)).length === 0) return;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY));
  }
  throw new DomainError('still_sending');
};
