// Looks for broken promises (D1 to D6): compares what a carrier says has rung with what a ledger has written down, in memory
// or in a database. It decides by its own reckoning, never by the product's.
import type { Ring } from '../../src/carriers/simulated/ring-log.ts';
import type { CallRow, CampaignRow, ChangeRow, Db, DecisionRow, LeadRow } from '../../src/db/schema.ts';
import { dialsForbidden } from './promise-dials.ts';
import { refusedWithoutEnd } from './promise-refusals.ts';

export type Attempt = Pick<
  CallRow,
  'id' | 'account_id' | 'campaign_id' | 'lead_id' | 'attempt_no' | 'state' | 'outcome' | 'phone_number' | 'created_at' | 'sent_at'
>;
export type Person = Pick<LeadRow, 'id' | 'campaign_id' | 'primary_id' | 'position' | 'phone_number' | 'status' | 'due_at'>;

/** What a ledger has written down. `leads`: those that are left at the end, contacts included. */
export interface Rows {
  attempts: readonly Attempt[];
  decisions: readonly DecisionRow[];
  changes: readonly ChangeRow[];
  leads: readonly Person[];
  campaigns: readonly Pick<CampaignRow, 'id' | 'status'>[];
}

/** Something that a person did. What comes after `answered` must heed it. */
export type Act = (
  | { kind: 'stop' | 'start'; campaignId: number }
  | { kind: 'block'; number: string }
  /** `leadIds`: with its contacts. */
  | { kind: 'delete'; leadIds: readonly number[] }
  /** A status that was set: `completed` ends the whole family of a primary (`leadIds`), `exhaust` the one. */
  | { kind: 'complete' | 'exhaust' | 'reset'; leadId: number; leadIds: readonly number[] }
) & {
  begun: Date;
  /** Null: it never was, or nothing was said. */
  answered: Date | null;
  /** Rings in the log when it was answered: tells more than the clock does, where both happen in one process. */
  ringsBefore?: number;
};

/** A campaign's hours and limits, where they stayed the same all along. */
export interface Terms {
  campaignId: number;
  window: { zone: string; days: readonly string[]; start: string; end: string };
  cap: number;
  accountCap: number;
  maxRetries: number;
}

export interface Evidence {
  rings: readonly Ring[];
  rows: Rows;
  acts?: readonly Act[];
  terms?: readonly Terms[];
  /** Whether everything had its time to come to an end. Default true. */
  final?: boolean;
  /** By how much instants in the rows may be off: several processes, each with its clock and its waits for locks. Default 0. */
  toleranceMs?: number;
}

/** A promise that was not kept. */
export interface Broken {
  promise: 'D1' | 'D2' | 'D3' | 'D4' | 'D6';
  /** In a stable word, for tests. */
  what: string;
  callId?: number | undefined;
  leadId?: number | undefined;
  detail?: unknown;
}

/** Outcomes that say: nothing rang. */
const NOT_SENT = ['revoked', 'expired', 'rejected'];

const ringsTwice = ({ rings }: Evidence): Broken[] => {
  const byCall = Map.groupBy(rings, ({ callId }) => callId);
  return [...byCall].flatMap(([callId, all]) =>
    all.length > 1 ? [{ promise: 'D1' as const, what: 'rang_twice', callId: Number(callId), detail: all.map(({ at }) => at) }] : [],
  );
};

const ringsUnfounded = ({ rings, rows }: Evidence): Broken[] => {
  const attempts = new Map(rows.attempts.map((one) => [one.id, one]));
  const dialed = new Set(rows.decisions.filter(({ verdict }) => verdict === 'dial').map(({ call_id }) => call_id));
  return rings.flatMap(({ callId, to }): Broken[] => {
    const id = Number(callId);
    const attempt = attempts.get(id);
    if (attempt === undefined) return [{ promise: 'D3', what: 'rang_without_attempt', callId: id }];
    const broken: Broken[] = [];
    if (!dialed.has(id)) broken.push({ promise: 'D3', what: 'rang_without_decision', callId: id });
    if (attempt.phone_number !== to) broken.push({ promise: 'D3', what: 'rang_another_number', callId: id });
    if (NOT_SENT.includes(attempt.outcome ?? '')) broken.push({ promise: 'D1', what: 'rang_after_given_back', callId: id });
    else if (attempt.sent_at === null) broken.push({ promise: 'D1', what: 'rang_unsent', callId: id });
    return broken;
  });
};

const attemptsTwice = ({ rows: { attempts } }: Evidence): Broken[] => {
  const seen = new Set<string>();
  return attempts.flatMap(({ id, lead_id, attempt_no }): Broken[] => {
    if (lead_id === null) return [];
    const key = `${lead_id} ${attempt_no}`;
    if (seen.has(key)) return [{ promise: 'D1', what: 'attempt_number_twice', callId: id, leadId: lead_id }];
    seen.add(key);
    return [];
  });
};

const loose = ({ rows: { attempts, leads, campaigns }, final = true }: Evidence): Broken[] => {
  if (!final) return [];
  const running = new Set(campaigns.filter(({ status }) => status === 'in-progress').map(({ id }) => id));
  const open = attempts.filter(({ state, outcome }) => state !== 'ended' || outcome === null);
  const busy = new Set(open.map(({ lead_id }) => lead_id));
  return [
    ...open.map(({ id, state }): Broken => ({ promise: 'D2', what: 'attempt_without_outcome', callId: id, detail: state })),
    ...leads.flatMap(({ id, status, due_at, primary_id, campaign_id }): Broken[] => {
      if (busy.has(id)) return [];
      if (status === 'scheduled' || status === 'processing') return [{ promise: 'D2', what: 'lead_stranded', leadId: id, detail: status }];
      const waits = primary_id === null && (status === 'created' || status === 'rescheduled');
      return waits && due_at === null && running.has(campaign_id) ? [{ promise: 'D2', what: 'lead_forgotten', leadId: id }] : [];
    }),
  ];
};

// Whoever could not be known is not rung again unless a person says so; nor is anybody while the last call goes on. That is read off
// the order of the log, not off its instants: a lead's claims and the ends of its calls are written under one lock, but each
// with an instant from before it waited for that lock.
const redialed = ({ rows }: Evidence): Broken[] => {
  const byLead = Map.groupBy(rows.attempts, ({ lead_id }) => lead_id);
  const changesOfLeads = Map.groupBy(
    rows.changes.filter(({ what }) => what === 'lead'),
    ({ lead_id }) => lead_id,
  );
  const ended = new Map<number | null, number>();
  for (const { id, what, call_id, to_status } of rows.changes) {
    if (what === 'call' && to_status === 'ended') ended.set(call_id, Math.min(id, ended.get(call_id) ?? id));
  }
  return [...byLead].flatMap(([leadId, all]): Broken[] => {
    if (leadId === null) return [];
    const changes = changesOfLeads.get(leadId) ?? [];
    const moves = (to: string): number[] => changes.flatMap(({ id, to_status }) => (to_status === to ? id : []));
    const claims = moves('scheduled');
    const resets = moves('created');
    const ordered = [...all].sort((a, b) => a.id - b.id);
    return ordered.slice(1).flatMap((attempt, index): Broken[] => {
      const last = ordered[index];
      if (last === undefined) return [];
      const broken: Broken[] = [];
      const [before = 0, claimed = 0] = claims.slice(index, index + 2);
      if (claimed < (ended.get(last.id) ?? Number.POSITIVE_INFINITY)) {
        broken.push({ promise: 'D1', what: 'dialed_during_call', callId: attempt.id, leadId });
      }
      const isReset = resets.some((reset) => reset > before && reset < claimed);
      if (last.outcome === 'lost' && !isReset) broken.push({ promise: 'D2', what: 'redialed_unknown', callId: attempt.id, leadId });
      return broken;
    });
  });
};

const lifts = (act: Act, later: Act): boolean => {
  if (act.kind === 'stop') return later.kind === 'start' && later.campaignId === act.campaignId;
  if (act.kind !== 'complete' && act.kind !== 'exhaust') return false;
  return (later.kind === 'reset' || later.kind === 'exhaust' || later.kind === 'complete') && later.leadId === act.leadId && later !== act;
};

const concerns = (act: Act, attempt: Attempt, leadId: number | null): boolean => {
  switch (act.kind) {
    case 'stop':
      return attempt.campaign_id === act.campaignId;
    case 'block':
      return attempt.phone_number === act.number;
    case 'delete':
    case 'complete':
      return act.leadIds.includes(leadId ?? 0);
    case 'exhaust':
      return act.leadId === leadId;
    case 'start':
    case 'reset':
      return false;
  }
};

const stale = ({ rings, rows, acts = [], toleranceMs = 0 }: Evidence): Broken[] => {
  const attempts = new Map(rows.attempts.map((one) => [one.id, one]));
  // A deleted lead's attempts have lost it; their decisions have not.
  const leads = new Map(rows.decisions.filter(({ verdict }) => verdict === 'dial').map(({ call_id, lead_id }) => [call_id, lead_id]));
  return rings.flatMap(({ callId, at }, index): Broken[] => {
    const attempt = attempts.get(Number(callId));
    if (attempt === undefined) return [];
    const rang = new Date(at).getTime();
    const isAfter = ({ answered, ringsBefore }: Act): boolean =>
      answered !== null && (ringsBefore === undefined ? rang > answered.getTime() + toleranceMs : index >= ringsBefore);
    const stands = (act: Act): boolean =>
      !acts.some((later) => lifts(act, later) && later.begun >= act.begun && later.begun.getTime() <= rang + toleranceMs);
    return acts
      .filter((act) => concerns(act, attempt, leads.get(attempt.id) ?? attempt.lead_id) && isAfter(act) && stands(act))
      .map((act) => ({ promise: 'D6' as const, what: `rang_after_${act.kind}`, callId: attempt.id, detail: at }));
  });
};

/** Every promise that the evidence shows broken; none: it shows none. */
export const brokenPromises = (evidence: Evidence): Broken[] => [
  ...ringsTwice(evidence),
  ...ringsUnfounded(evidence),
  ...attemptsTwice(evidence),
  ...loose(evidence),
  ...redialed(evidence),
  ...dialsForbidden(evidence),
  ...refusedWithoutEnd(evidence),
  ...stale(evidence),
];

/** What a database has written down. */
export const readRows = async (db: Db): Promise<Rows> => ({
  attempts: await db.selectFrom('calls').selectAll().orderBy('id').execute(),
  decisions: await db.selectFrom('decisions').selectAll().orderBy('id').execute(),
  changes: await db.selectFrom('changes').selectAll().orderBy('id').execute(),
  leads: await db.selectFrom('leads').selectAll().orderBy('id').execute(),
  campaigns: await db.selectFrom('campaigns').select(['id', 'status']).execute(),
});
