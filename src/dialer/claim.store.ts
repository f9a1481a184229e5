// The claim: due contacts of one campaign become reserved attempts, each with its decision row, in one transaction.
// Source: the life of an attempt in the promise; lifecycle 1.2, 1.5 and 2.2.
import { type Kysely, sql } from 'kysely';
import type { CallingWindow } from '../campaigns/calling-window.ts';
import type { Database, Db, LeadRow } from '../db/schema.ts';
import { type ClaimFacts, holdClaimFacts } from './claim-facts.store.ts';
import { afterClaim, assignCallers, dialFacts, MAX_CLAIM, refusalOf, refuseAll, whileBusy } from './claim-rules.ts';
import { refuseCampaign, refuseLeads } from './decisions.store.ts';
import { type LeaseClock, leaseEnd } from './lease.store.ts';
import type { ClaimResult, ClaimTerms, Reservation } from './ledger.ts';
import { mayStart } from './pacing.ts';
import { toPlaceCall, variablesAtDial } from './place-request.ts';
import { startedByNumber } from './rates.store.ts';
import { holdRefused, retireLeads } from './retire.store.ts';
import { windowOf } from './settle-terms.store.ts';

type DueLead = LeadRow & { blocked: boolean; last_caller_id: number | null };

/**
 * Of a row of `leads`: whether a call to it or to another number of its family goes on. A customer's phones ring one at a time,
 * whatever a person has set meanwhile.
 */
export const IS_ON_CALL = sql<boolean>`exists (
  select from leads member join calls on calls.lead_id = member.id and calls.state <> 'ended'
  where member.id = coalesce(leads.primary_id, leads.id) or member.primary_id = coalesce(leads.primary_id, leads.id))`;

// The index holds those who wait, in the order in which they are due; what another transaction has in hand is passed over.
const takeDue = async (trx: Db, campaignId: number, count: number, now: Date): Promise<DueLead[]> => {
  const { rows } = await sql<DueLead>`
    with due as materialized (
      select * from leads
      where campaign_id = ${campaignId} and due_at <= ${now}
        and not ${IS_ON_CALL}
      order by due_at, id
      limit ${count}
      for no key update skip locked
    )
    select due.*,
      exists (select from dnc_numbers d where d.account_id = due.account_id and d.phone_number = due.phone_number) as blocked,
      (select caller_number_id from calls where calls.lead_id = due.id order by attempt_no desc limit 1) as last_caller_id
    from due order by due_at, id`.execute(trx);
  return rows;
};

/** An attempt as it goes into the database. */
interface NewAttempt {
  lead_id: number;
  attempt_no: number;
  phone_number: string;
  caller_number: string;
  caller_number_id: number;
  variables: object;
  due_at: Date | null;
  facts: object;
}

const primaryVariables = async (trx: Db, leads: readonly DueLead[]): Promise<Map<number, Record<string, unknown>>> => {
  const ids = leads.flatMap(({ primary_id }) => primary_id ?? []);
  if (ids.length === 0) return new Map();
  const rows = await trx.selectFrom('leads').select(['id', 'variables']).where('id', 'in', ids).execute();
  return new Map(rows.map(({ id, variables }) => [id, variables]));
};

const insertAttempts = async (
  trx: Kysely<Database>,
  { campaign }: ClaimFacts,
  { worker, leaseMs, carrier }: ClaimTerms,
  clock: LeaseClock,
  attempts: readonly NewAttempt[],
  now: Date,
): Promise<Map<number, number>> => {
  const { rows } = await sql<{ id: number; lead_id: number }>`
    with r as materialized (
      select * from json_to_recordset(${JSON.stringify(attempts)}::json) as r (lead_id bigint, attempt_no integer, phone_number text,
        caller_number text, caller_number_id bigint, variables json, due_at timestamptz, facts json)
    ), made as (
      insert into calls (account_id, assistant_id, campaign_id, campaign_name, lead_id, attempt_no, state, status, phone_number,
        caller_number, caller_number_id, carrier, simulated, worker, lease_until, due_at, variables, created_at, updated_at)
      select ${campaign.account_id}::bigint, ${campaign.assistant_id}::bigint, ${campaign.id}::bigint, ${campaign.name}, r.lead_id,
        r.attempt_no, 'reserved', 'initiated', r.phone_number, r.caller_number, r.caller_number_id, ${carrier.kind},
        ${carrier.simulated}::boolean, ${worker}, ${leaseEnd(clock, now, leaseMs)}, r.due_at, r.variables, ${now}::timestamptz, ${now}::timestamptz
      from r
      returning id, lead_id
    ), said as (
      insert into decisions (account_id, campaign_id, lead_id, call_id, verdict, reason, facts, decided_at, last_at)
      select ${campaign.account_id}::bigint, ${campaign.id}::bigint, r.lead_id, made.id, 'dial', 'due', r.facts, ${now}::timestamptz, ${now}::timestamptz
      from made join r on r.lead_id = made.lead_id
    ), moved as (
      update leads set status = 'scheduled', due_at = null, last_attempt_no = r.attempt_no, updated_at = ${now}::timestamptz
      from r where leads.id = r.lead_id
    ), used as (
      update campaign_phone_numbers pool set uses = pool.uses + n.n, last_used_at = ${now}::timestamptz
      from (select caller_number_id, count(*) as n from r group by 1) n
      where pool.campaign_id = ${campaign.id}::bigint and pool.phone_number_id = n.caller_number_id
    )
    select id, lead_id from made`.execute(trx);
  return new Map(rows.map((row) => [row.lead_id, row.id]));
};

const reserve = async (
  trx: Db,
  facts: ClaimFacts,
  window: CallingWindow,
  terms: ClaimTerms,
  clock: LeaseClock,
  leads: readonly DueLead[],
  now: Date,
): Promise<Reservation[]> => {
  const { campaign, pool, lines } = facts;
  const started = await startedByNumber(trx, pool, terms.rates.number, now);
  const assigned = assignCallers(leads, pool, started, terms.rates.number, now);
  if (assigned.length === 0) return [];
  const ofPrimaries = await primaryVariables(trx, leads);
  const attempts = assigned.map(
    ({ lead, caller }, index): NewAttempt => ({
      lead_id: lead.id,
      attempt_no: lead.last_attempt_no + 1,
      phone_number: lead.phone_number,
      caller_number: caller.phoneNumber,
      caller_number_id: caller.id,
      variables: variablesAtDial(campaign.assistant_variables, ofPrimaries.get(lead.primary_id ?? 0), lead.variables),
      due_at: lead.due_at,
      facts: dialFacts(campaign, lead, window, { campaign: lines.campaign + index + 1, account: lines.account + index + 1 }, now),
    }),
  );
  const ids = await insertAttempts(trx, facts, terms, clock, attempts, now);
  return attempts.map((attempt) => {
    const callId = ids.get(attempt.lead_id) ?? 0;
    return { callId, window, place: toPlaceCall(callId, attempt, campaign, terms.carrier.simulated), dueAt: attempt.due_at ?? undefined };
  });
};

const nextDue = async (trx: Db, campaignId: number): Promise<Date | undefined> => {
  const row = await trx
    .selectFrom('leads')
    .select('due_at')
    .where('campaign_id', '=', campaignId)
    .where('due_at', 'is not', null)
    // Else who waits for the end of a call would be asked for again without a pause.
    .where((eb) => eb.not(IS_ON_CALL))
    .orderBy('due_at')
    .limit(1)
    .executeTakeFirst();
  return row?.due_at ?? undefined;
};

const claim = async (trx: Db, clock: LeaseClock, campaignId: number, terms: ClaimTerms, now: Date): Promise<ClaimResult> => {
  const facts = await holdClaimFacts(trx, campaignId, terms, now);
  if (facts === undefined) return { reserved: [], refused: 'campaign_not_running', again: undefined };
  if (facts === 'busy') return whileBusy(now);
  const { campaign, lines, started } = facts;
  const window = windowOf(campaign);
  const refusal = refuseAll(facts, window, now);
  if (refusal !== undefined) {
    await refuseCampaign(trx, campaign, refusal.reason, refusal.facts, now);
    return { reserved: [], refused: refusal.reason, again: refusal.again };
  }
  const { count, bottleneck } = mayStart(
    {
      campaignCap: campaign.max_calls_in_parallel,
      campaignLive: lines.campaign,
      accountCap: campaign.max_parallel_calls,
      accountLive: lines.account,
      startedLastSecond: started,
      perSecond: { campaign: terms.rates.campaign, carrier: terms.rates.carrier },
    },
    Math.min(terms.limit, MAX_CLAIM),
  );
  const due = count === 0 ? [] : await takeDue(trx, campaignId, count, now);
  const refused = due.flatMap((lead) => refusalOf(campaign, lead) ?? []);
  const retired = await holdRefused(trx, refused, now);
  await refuseLeads(trx, campaign, retired, now);
  await retireLeads(trx, campaign, retired, window, now);
  const out = new Set(refused.map(({ leadId }) => leadId));
  const callable = due.filter(({ id }) => !out.has(id));
  const reserved = await reserve(trx, facts, window, terms, clock, callable, now);
  const result = afterClaim(
    { mayStart: count, due: due.length, retired: refused.length, reserved: reserved.length, bottleneck },
    await nextDue(trx, campaignId),
    now,
  );
  const caps = { campaign: campaign.max_calls_in_parallel, account: campaign.max_parallel_calls, per_second: terms.rates };
  if (result.refused !== undefined) await refuseCampaign(trx, campaign, result.refused, { same: {}, first: caps }, now);
  return { reserved, ...result, refusedLeads: retired.map(({ reason }) => reason) };
};

/** See Ledger.claim. */
export const claimDue = (db: Db, clock: LeaseClock, campaignId: number, terms: ClaimTerms, now: Date): Promise<ClaimResult> =>
  db.transaction().execute((trx) => claim(trx, clock, campaignId, terms, now));
