// Keeps what carriers report and carries out what follows: call, contact, the turn in its family and the webhook, in one
// transaction. Doing it twice changes nothing: a report is kept once, and a call that is decided stays decided.
import { sql } from 'kysely';
import { eraseReports } from '../calls/calls.store.ts';
import { foldEvents, type ReportedCall } from '../calls/reported-call.ts';
import type { CarrierEvent } from '../carriers/carrier.ts';
import type { CallRow, Db } from '../db/schema.ts';
import { within } from '../db/transact.ts';
import type { LeadStatus } from '../leads/lead.ts';
import { nextLeadStatus } from '../leads/lead-status.ts';
import { lockFamilies, passTurn } from '../leads/turn.store.ts';
import { daysBefore, REPORTABLE_DAYS } from '../retention/retention.ts';
import type { Decision } from './after-call.ts';
import { takeFreeCalls } from './held.store.ts';
import { type LeaseClock, leaseEnd } from './lease.store.ts';
import { LIVE_LEASE } from './send.store.ts';
import { type CallToSettle, type Settlement, settleCall } from './settle.ts';
import { type CallTerms, readTerms } from './settle-terms.store.ts';

/** What the ledger is given from outside. Times in milliseconds. */
export interface LedgerDeps {
  clock: LeaseClock;
  /** Longer than an originate request may take: after it a call without an answer is `unknown`. */
  sendingMs: number;
  /** The report of an answered call is waited for. */
  reportWaitMs: number;
  /** Enqueues what is to be told of calls that have ended, within the transaction. */
  tell: (trx: Db, callIds: readonly number[], now: Date) => Promise<void>;
  /** Hears what calls came to (dispositions), once each, after it is committed. Must not throw. */
  onEnded?: ((outcomes: readonly string[]) => void) | undefined;
}

const ids = (list: readonly number[]) => sql`any(${[...list]}::bigint[])`;

// The reports of such a call are about to go, or are gone: what is repeated of it now would be all that is known.
const tooLate = (now: Date) => {
  const before = daysBefore(now, REPORTABLE_DAYS);
  return sql<boolean>`(state = 'ended' and created_at < ${before} and least(ended_at, updated_at) < ${before})`;
};

// Ours as text, or by the carrier's name for the call. What belongs to no call of ours is dropped.
const findCalls = async (trx: Db, carrier: string, events: readonly CarrierEvent[], now: Date): Promise<Map<CarrierEvent, number>> => {
  const named = events.flatMap(({ callId }) => (/^\d{1,15}$/.test(callId ?? '') ? Number(callId) : []));
  const theirs = events.filter(({ callId }) => callId === undefined).map(({ carrierCallId }) => carrierCallId);
  const rows = await trx
    .selectFrom('calls')
    .select(['id', 'carrier_call_id'])
    .where('carrier', '=', carrier)
    .where((eb) => eb.not(tooLate(now)))
    .where((eb) => eb.or([eb('id', '=', ids(named) as never), eb('carrier_call_id', '=', sql`any(${theirs}::text[])` as never)]))
    .execute();
  const known = new Set(rows.map(({ id }) => id));
  const byTheirs = new Map(rows.map((row) => [row.carrier_call_id, row.id]));
  const found = new Map<CarrierEvent, number>();
  for (const event of events) {
    const id = event.callId === undefined ? byTheirs.get(event.carrierCallId) : Number(event.callId);
    if (id !== undefined && known.has(id)) found.set(event, id);
  }
  return found;
};

const keepEvents = async (trx: Db, carrier: string, found: ReadonlyMap<CarrierEvent, number>): Promise<void> => {
  // In one order, so that two that keep the same reports do not wait for each other in a ring.
  const rows = [...found]
    .map(([{ dedupeKey, at, body }, call_id]) => ({ dedupeKey, call_id, at, body }))
    .sort((a, b) => (a.dedupeKey < b.dedupeKey ? -1 : 1));
  await sql`
    insert into carrier_events (carrier, dedupe_key, call_id, at, body)
    select ${carrier}, r."dedupeKey", r.call_id, r.at, r.body
    from json_to_recordset(${JSON.stringify(rows)}::json) as r ("dedupeKey" text, call_id bigint, at timestamptz, body json)
    on conflict do nothing`.execute(trx);
};

const readReports = async (trx: Db, callIds: readonly number[]): Promise<Map<number, ReportedCall>> => {
  const rows = await trx
    .selectFrom('carrier_events')
    .select(['call_id', 'at', 'body'])
    .where('call_id', '=', ids(callIds) as never)
    .execute();
  const told = new Map<number, Pick<CarrierEvent, 'at' | 'body'>[]>(callIds.map((id) => [id, []]));
  // Kept by keepEvents alone, in the form of an event.
  for (const { call_id, at, body } of rows) told.get(call_id)?.push({ at, body: body as CarrierEvent['body'] });
  return new Map([...told].map(([id, events]) => [id, foldEvents(events)]));
};

interface Settled {
  row: CallRow;
  reported: ReportedCall;
  settlement: Settlement;
}

const writeCalls = async (trx: Db, { clock, reportWaitMs }: LedgerDeps, settled: readonly Settled[], now: Date): Promise<void> => {
  const rows = settled.map(({ row, reported, settlement: { call } }) => ({
    id: row.id,
    ...call,
    answered_at: reported.answeredAt,
    answered_by: reported.answeredAt === null ? null : reported.answeredBy,
    ended_at: call.state === 'ended' || call.state === 'wrapping' ? (reported.ended?.at ?? row.ended_at ?? now) : null,
    carrier_cost: reported.ended?.cost ?? null,
    extraction: reported.report?.extraction ?? null,
    transcript: reported.report?.transcript ?? null,
    wait: call.state === row.state ? null : call.state === 'live' ? LIVE_LEASE : call.state === 'wrapping' ? reportWaitMs : null,
  }));
  // A record that was deleted stays empty, whatever is still reported of its call.
  await sql`
    update calls set state = r.state, status = r.status, outcome = r.outcome, reason = coalesce(r.reason, calls.reason),
      duration = r.duration, answered_at = r.answered_at, answered_by = coalesce(r.answered_by, case when r.answered_at is not null then 'unknown' end),
      ended_at = r.ended_at, carrier_cost = r.carrier_cost,
      extraction = case when calls.deleted_at is null then r.extraction end,
      transcript = case when calls.deleted_at is null then r.transcript end,
      lease_until = case when r.state = 'ended' then null when r.wait is null then calls.lease_until else ${leaseEnd(clock, now, 0)} + r.wait * interval '1 millisecond' end,
      updated_at = ${now}::timestamptz
    from json_to_recordset(${JSON.stringify(rows)}::json) as r (id bigint, state text, status text, outcome text, reason text,
      duration integer, answered_at timestamptz, answered_by text, ended_at timestamptz, carrier_cost double precision, extraction json,
      transcript json, wait double precision)
    where calls.id = r.id`.execute(trx);
};

const EVENTS = { complete: 'complete', retry: 'retry', exhaust: 'exhaust' } as const;

const moveLead = (from: LeadStatus, decision: Decision | undefined): LeadStatus | undefined =>
  decision === undefined || decision.kind === 'none' ? undefined : nextLeadStatus(from, EVENTS[decision.kind]);

const writeLeads = async (trx: Db, settled: readonly Settled[], leads: ReadonlyMap<number, LeadStatus>, now: Date): Promise<void> => {
  const rows = settled.flatMap(({ row, settlement: { decision } }) => {
    const from = leads.get(row.lead_id ?? 0);
    const status = from === undefined ? undefined : moveLead(from, decision);
    return status === undefined ? [] : [{ id: row.lead_id, status, due_at: decision?.kind === 'retry' ? decision.at : null }];
  });
  if (rows.length === 0) return;
  await sql`
    with moved as (
      update leads set status = r.status, due_at = r.due_at, updated_at = ${now}::timestamptz
      from json_to_recordset(${JSON.stringify(rows)}::json) as r (id bigint, status text, due_at timestamptz)
      where leads.id = r.id
      returning leads.primary_id
    )
    update leads set updated_at = ${now}::timestamptz from moved where leads.id = moved.primary_id`.execute(trx);
};

// Of what could not be known the history says so.
const tellLost = async (trx: Db, settled: readonly Settled[], now: Date): Promise<void> => {
  const lost = settled.filter(({ row, settlement }) => row.outcome === null && settlement.call.outcome === 'lost' && row.lead_id !== null);
  if (lost.length === 0) return;
  await trx
    .insertInto('decisions')
    .values(
      lost.map(({ row }) => ({
        account_id: row.account_id,
        campaign_id: row.campaign_id,
        lead_id: row.lead_id,
        call_id: row.id,
        verdict: 'refuse' as const,
        reason: 'attempt_unknown',
        facts: JSON.stringify({ sent_at: row.sent_at?.toISOString() ?? null }),
        decided_at: now,
        last_at: now,
      })),
    )
    .execute();
};

const passTurns = async (trx: Db, settled: readonly Settled[], primaries: ReadonlyMap<number, number>): Promise<void> => {
  const due = new Map<number, Date>();
  for (const { row, settlement } of settled) {
    const primary = primaries.get(row.lead_id ?? 0);
    if (primary !== undefined && settlement.decision !== undefined && settlement.nextDueAt !== undefined)
      due.set(primary, settlement.nextDueAt);
  }
  await passTurn(trx, due);
};

const lockCalls = (trx: Db, callIds: readonly number[]): Promise<CallRow[]> =>
  trx
    .selectFrom('calls')
    .selectAll()
    .where('id', '=', ids(callIds) as never)
    .orderBy('id')
    .forNoKeyUpdate()
    .execute();

const readLeads = async (trx: Db, leadIds: readonly number[]) => {
  const rows = await trx
    .selectFrom('leads')
    .select(['id', 'primary_id', 'campaign_id', 'status', 'call_tries', 'last_attempt_no'])
    .where('id', '=', ids(leadIds) as never)
    .execute();
  return new Map(rows.map((row) => [row.id, row]));
};

// Of a call that was removed between the look and the lock, whoever removed it has not seen the reports of this transaction.
const dropReports = async (trx: Db, callIds: readonly number[], calls: readonly CallRow[]): Promise<void> => {
  const there = new Set(calls.map(({ id }) => id));
  const gone = callIds.filter((id) => !there.has(id));
  if (gone.length === 0) return;
  await trx
    .deleteFrom('carrier_events')
    .where('call_id', '=', ids(gone) as never)
    .execute();
};

// @returns what the calls came to that have ended with this.
const settle = async (trx: Db, deps: LedgerDeps, callIds: readonly number[], giveUp: boolean, now: Date): Promise<string[]> => {
  const calls = await lockCalls(trx, callIds);
  await dropReports(trx, callIds, calls);
  const reports = await readReports(
    trx,
    calls.map(({ id }) => id),
  );
  // What is told of a call whose record was deleted settles it, and is not kept.
  await eraseReports(
    trx,
    calls.filter(({ deleted_at }) => deleted_at !== null).map(({ id }) => id),
  );
  const leads = await readLeads(
    trx,
    calls.flatMap(({ lead_id }) => lead_id ?? []),
  );
  const terms: ReadonlyMap<number, CallTerms> = await readTerms(
    trx,
    calls,
    new Map([...leads].map(([id, { campaign_id }]) => [id, campaign_id])),
  );
  const settled = calls.flatMap((row): Settled[] => {
    const reported = reports.get(row.id);
    // Certainly not sent, or certainly refused: nothing that is said of it later can be true.
    // A reserved one was never sent: a report of it is of another database's call.
    if (reported === undefined || row.state === 'reserved' || ['revoked', 'expired', 'rejected'].includes(row.outcome ?? '')) return [];
    const lead = leads.get(row.lead_id ?? 0);
    const one: CallToSettle = {
      call: row,
      reported,
      evaluates: terms.get(row.id)?.evaluates ?? false,
      // The end of an older attempt cannot undo a newer one.
      lead: lead?.last_attempt_no !== row.attempt_no ? undefined : { status: lead.status, tries: lead.call_tries },
      terms: terms.get(row.id)?.terms,
      giveUp,
    };
    return [{ row, reported, settlement: settleCall(one, now) }];
  });
  if (settled.length === 0) return [];
  await writeCalls(trx, deps, settled, now);
  await writeLeads(trx, settled, new Map([...leads].map(([id, { status }]) => [id, status])), now);
  await tellLost(trx, settled, now);
  await passTurns(trx, settled, new Map([...leads].map(([id, { primary_id }]) => [id, primary_id ?? id])));
  const ended = settled.filter(({ row, settlement }) => row.state !== 'ended' && settlement.call.state === 'ended');
  const endedIds = ended.map(({ row }) => row.id);
  if (ended.length > 0) await deps.tell(trx, endedIds, now);
  return ended.flatMap(({ settlement }) => settlement.call.outcome ?? []);
};

const leadsOf = async (trx: Db, callIds: readonly number[]): Promise<number[]> => {
  const rows = await trx
    .selectFrom('calls')
    .select('lead_id')
    .where('id', '=', ids(callIds) as never)
    .execute();
  return rows.flatMap(({ lead_id }) => lead_id ?? []);
};

// Counted when it is committed: what is undone has not happened.
export const andTell = async ({ onEnded }: LedgerDeps, settling: Promise<string[]>): Promise<void> => {
  const outcomes = await settling;
  if (outcomes.length > 0) onEnded?.(outcomes);
};

/** Keeps reports, each of a call, and settles the calls. The caller holds their families. @returns the outcomes of calls that have ended. */
export const settleReported = async (
  trx: Db,
  deps: LedgerDeps,
  carrier: string,
  found: ReadonlyMap<CarrierEvent, number>,
  now: Date,
): Promise<string[]> => {
  await keepEvents(trx, carrier, found);
  return settle(trx, deps, [...new Set(found.values())], false, now);
};

/** See Ledger.record. */
export const recordEvents = (db: Db, deps: LedgerDeps, carrier: string, events: readonly CarrierEvent[], now: Date): Promise<void> =>
  andTell(
    deps,
    db.transaction().execute(async (trx) => {
      const found = await findCalls(trx, carrier, events, now);
      const callIds = [...new Set(found.values())].sort((a, b) => a - b);
      if (callIds.length === 0) return [];
      // Families before calls, as everywhere.
      await lockFamilies(trx, await leadsOf(trx, callIds));
      return settleReported(trx, deps, carrier, found, now);
    }),
  );

/** See Ledger.giveUp. */
export const giveUpCalls = (db: Db, deps: LedgerDeps, callIds: readonly number[], now: Date): Promise<void> =>
  andTell(
    deps,
    // One that another transaction has in hand is given up the next time.
    within(db, async (trx) => settle(trx, deps, await takeFreeCalls(trx, callIds), true, now)),
  );
