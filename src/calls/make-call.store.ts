// Reserves a call of make_call: checked and committed with its decision, and any dialer may send it. Nothing rings here.

import { sql } from 'kysely';
import type { AssistantRef } from '../assistants/assistant-ref.ts';
import { holdAssistant } from '../assistants/assistants.store.ts';
import { holdBlacklist, isBlacklisted } from '../blacklist/blacklist.store.ts';
import type { Db, Variables } from '../db/schema.ts';
import { databaseClock, givenClock, leaseEnd } from '../dialer/lease.store.ts';
import { numberMayStart } from '../dialer/pacing.ts';
import { variablesAtDial } from '../dialer/place-request.ts';
import { lockRate, startedSince } from '../dialer/rates.store.ts';
import type { E164 } from '../phone.ts';
import { countLines, lockLines } from './lines.store.ts';
import { giveBack } from './revoke.store.ts';

/** Whom to call, as whom, and who places it. */
export interface CallRequest {
  accountId: number;
  assistant: AssistantRef;
  phoneNumber: E164;
  variables: Variables;
  carrier: { kind: string; simulated: boolean };
  /** Calls that may start within any second; 0: no limit. */
  rates: { number: number; carrier: number };
  /** Whether the lease runs on the database's clock, or on `now`. */
  databaseLeases: boolean;
}

/** Why there is no call. All but the first two are kept as decisions. */
export type CallRefusal =
  | 'assistant_unknown'
  | 'assistant_inbound'
  | 'blacklisted'
  | 'no_number'
  | 'account_lines_full'
  | 'number_rate'
  | 'carrier_rate';

/** Stands for the claimer of a reservation that any dialer may take. */
export const ANY_WORKER = '';

/** Why a call of make_call is dialed. */
export const MAKE_CALL = 'make_call';

/** How long a reservation waits for a dialer. After that it expires: whoever asked is not there any more. */
const LEASE_MS = 30_000;

type Facts = Record<string, unknown>;

// Make_call's decisions belong to no lead and no campaign. Whoever asks again and again is one row; the account's lines are
// locked, so nobody writes in between.
const recordRefusal = async (trx: Db, { accountId, phoneNumber }: CallRequest, reason: CallRefusal, facts: Facts, now: Date) => {
  const last = await trx
    .selectFrom('decisions')
    .select(['id', 'verdict', 'reason', 'facts'])
    .where('account_id', '=', accountId)
    .where('lead_id', 'is', null)
    .where('campaign_id', 'is', null)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (last?.verdict === 'refuse' && last.reason === reason && last.facts.phone_number === phoneNumber) {
    await trx
      .updateTable('decisions')
      .set((eb) => ({ times: eb('times', '+', 1), last_at: now }))
      .where('id', '=', last.id)
      .execute();
    return;
  }
  await trx
    .insertInto('decisions')
    .values({
      account_id: accountId,
      verdict: 'refuse',
      reason,
      facts: JSON.stringify({ phone_number: phoneNumber, ...facts }),
      decided_at: now,
      last_at: now,
    })
    .execute();
};

// Key share: a number that is being removed is waited for, and then it is gone.
const findCaller = async (trx: Db, accountId: number, id: number | null) =>
  id === null
    ? undefined
    : trx
        .selectFrom('phone_numbers')
        .select(['id', 'phone_number'])
        .where('account_id', '=', accountId)
        .where('id', '=', id)
        .forKeyShare()
        .executeTakeFirst();

const insertReserved = async (
  trx: Db,
  { accountId, phoneNumber, carrier, databaseLeases }: CallRequest,
  { assistantId, caller, variables }: { assistantId: number; caller: { id: number; phone_number: string }; variables: Variables },
  now: Date,
): Promise<number> => {
  const { id } = await trx
    .insertInto('calls')
    .values({
      account_id: accountId,
      assistant_id: assistantId,
      campaign_id: null,
      campaign_name: null,
      lead_id: null,
      attempt_no: null,
      state: 'reserved',
      status: 'initiated',
      phone_number: phoneNumber,
      caller_number: caller.phone_number,
      caller_number_id: caller.id,
      carrier: carrier.kind,
      simulated: carrier.simulated,
      worker: ANY_WORKER,
      lease_until: leaseEnd(databaseLeases ? databaseClock : givenClock, now, LEASE_MS),
      due_at: now,
      variables: JSON.stringify(variables),
      created_at: now,
      updated_at: now,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  return id;
};

const readLines = async (trx: Db, accountId: number): Promise<{ used: number; limit: number }> => {
  const { max_parallel_calls: limit } = await trx
    .selectFrom('accounts')
    .select('max_parallel_calls')
    .where('id', '=', accountId)
    .executeTakeFirstOrThrow();
  const { account: used } = await countLines(trx, accountId, null);
  return { used, limit };
};

const isReached = (perSecond: number, startedLastSecond: number): boolean => numberMayStart({ startedLastSecond, perSecond }, 1) === 0;

/**
 * Reserves a call within the transaction, with its decision row; a refusal is a row, too, and the transaction is to be
 * committed all the same. The account's lines, its blacklist and the assistant are held until then: who deletes the assistant
 * or turns it inbound waits and takes the call back, or is seen here.
 */
export const reserveCall = async (
  trx: Db,
  request: CallRequest,
  now: Date,
): Promise<{ kind: 'reserved'; callId: number } | { kind: 'refused'; reason: CallRefusal }> => {
  const { accountId, phoneNumber, carrier, rates } = request;
  await lockLines(trx, accountId);
  await holdBlacklist(trx, accountId);
  const assistant = await holdAssistant(trx, accountId, request.assistant);
  if (assistant === undefined) return { kind: 'refused', reason: 'assistant_unknown' };
  if (assistant.type !== 'outbound') return { kind: 'refused', reason: 'assistant_inbound' };
  const refuse = async (reason: CallRefusal, facts: Facts) => {
    await recordRefusal(trx, request, reason, { assistant_id: assistant.id, ...facts }, now);
    return { kind: 'refused', reason } as const;
  };
  if (await isBlacklisted(trx, accountId, phoneNumber)) return refuse('blacklisted', {});
  const caller = await findCaller(trx, accountId, assistant.phone_number_id);
  if (caller === undefined) return refuse('no_number', {});
  // All accounts share it, so that it comes when there is nothing of this one's left to wait for.
  await lockRate(trx, carrier.kind, rates.carrier);
  const lines = await readLines(trx, accountId);
  if (lines.used >= lines.limit) return refuse('account_lines_full', { account_lines: [lines.used, lines.limit] });
  if (isReached(rates.number, await startedSince(trx, 'caller_number_id', caller.id, rates.number, now)))
    return refuse('number_rate', { caller_number: caller.phone_number, per_second: rates.number });
  if (isReached(rates.carrier, await startedSince(trx, 'carrier', carrier.kind, rates.carrier, now)))
    return refuse('carrier_rate', { per_second: rates.carrier });
  const variables = variablesAtDial(assistant.variables, request.variables);
  const callId = await insertReserved(trx, request, { assistantId: assistant.id, caller, variables }, now);
  const facts = { phone_number: phoneNumber, assistant_id: assistant.id, blacklisted: false, account_lines: [lines.used + 1, lines.limit] };
  await trx
    .insertInto('decisions')
    .values({
      account_id: accountId,
      call_id: callId,
      verdict: 'dial',
      reason: MAKE_CALL,
      facts: JSON.stringify({ ...facts, caller_number: caller.phone_number }),
      decided_at: now,
      last_at: now,
    })
    .execute();
  return { kind: 'reserved', callId };
};

const EXPIRED_AT_ONCE = 100;

/**
 * Ends calls of make_call that no dialer has sent within their lease (by the database's clock): there is none, it died, or its carrier
 * was paused. Those that somebody else has in hand are left for the next time.
 * @returns how many; as many as EXPIRED_AT_ONCE: there may be more.
 */
export const expireUnsent = (db: Db, now: Date): Promise<number> =>
  db.transaction().execute(async (trx) => {
    const { rows } = await sql<{ id: number }>`
      select id from calls where state = 'reserved' and attempt_no is null and lease_until <= clock_timestamp()
      order by id limit ${EXPIRED_AT_ONCE} for no key update skip locked`.execute(trx);
    const expired = await giveBack(
      trx,
      rows.map(({ id }) => id),
      'expired',
      'lease_lapsed',
      now,
    );
    return expired.length;
  });
