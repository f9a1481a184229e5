// What a rehearsal came to, told from what the ledger has written down.                                              [pure]
import { type CallingWindow, localTime, nextOpening } from '../campaigns/calling-window.ts';
import type { CallRow } from '../db/schema.ts';
import type { MemoryLead, MemoryState } from '../dialer/memory-ledger.ts';
import { LEAD_STATUSES, type LeadStatus } from '../leads/lead.ts';

/** Why a number was not called, or not called any more. */
export type SkipReason = 'blacklisted' | 'attempts_used' | 'done_before' | 'on_a_call_before' | 'not_its_turn' | 'not_called_in_time';

/** Keys are the machine's (--json). */
export interface SimulationReport {
  campaign: { id: number; name: string; timezone: string };
  seed: number | string;
  from: string;
  until: string;
  /** When the last call was over and nobody was left; null: not by `until`. */
  finished_at: string | null;
  /** Leads that are still to be called, or are being called, at the end. */
  left: number;
  attempts: { sent: number; refused_by_carrier: number; taken_back: number };
  /** By the hour on the campaign's own clock. */
  calls_per_hour: { hour: string; calls: number }[];
  outcomes: Partial<Record<string, number>>;
  leads: Partial<Record<LeadStatus, number>>;
  /** Secondary contacts. */
  contacts: Partial<Record<LeadStatus, number>>;
  /** Numbers, of leads and contacts, that were never called. */
  skipped: Partial<Record<SkipReason, number>>;
  /** What kept the campaign as a whole from calling: how many times it began to. */
  held_back: Partial<Record<string, number>>;
  /** The longest that anybody who was due waited for the dial while the window was open. */
  longest_wait_seconds: number;
  lines: { most: number; of: number; mean: number };
}

/** How the rehearsal went, beside what is in the ledger. */
export interface Course {
  seed: number | string;
  from: Date;
  until: Date;
  finishedAt: Date | undefined;
  /** Statuses at the beginning, by id. */
  before: ReadonlyMap<number, LeadStatus>;
}

const SECOND = 1000;

const count = <Key extends string>(
  keys: readonly Key[],
  order: readonly Key[] = [...new Set(keys)].sort(),
): Partial<Record<Key, number>> => {
  const counts: Partial<Record<Key, number>> = {};
  for (const key of order) {
    const many = keys.filter((one) => one === key).length;
    if (many > 0) counts[key] = many;
  }
  return counts;
};

const isSent = (row: CallRow): row is CallRow & { sent_at: Date } => row.sent_at !== null && row.outcome !== 'rejected';

const perHour = (zone: string, sent: readonly { sent_at: Date }[]): SimulationReport['calls_per_hour'] => {
  const hours = new Map<string, number>();
  for (const { sent_at } of sent) {
    const hour = `${localTime(zone, sent_at).slice(0, -2)}00`;
    hours.set(hour, (hours.get(hour) ?? 0) + 1);
  }
  return [...hours].map(([hour, calls]) => ({ hour, calls }));
};

const skipReason = (lead: MemoryLead, before: LeadStatus | undefined): SkipReason => {
  if (before === 'processing') return 'on_a_call_before';
  if (lead.status === 'blacklisted') return 'blacklisted';
  if (before === 'completed' || before === 'reached-max-retries') return 'done_before';
  if (lead.status === 'reached-max-retries') return 'attempts_used';
  return lead.dueAt === null ? 'not_its_turn' : 'not_called_in_time';
};

const longestWait = (window: CallingWindow, sent: readonly { sent_at: Date; due_at: Date | null }[]): number => {
  let longest = 0;
  for (const { sent_at, due_at } of sent) {
    if (due_at === null) continue;
    const from = nextOpening(window, due_at) ?? due_at;
    longest = Math.max(longest, sent_at.getTime() - from.getTime());
  }
  return longest / SECOND;
};

const linesOf = (sent: readonly { sent_at: Date; ended_at: Date | null }[], end: Date): { most: number; mean: number } => {
  const moves = sent.flatMap(({ sent_at, ended_at }): [at: number, by: number][] => [
    [sent_at.getTime(), 1],
    [(ended_at ?? end).getTime(), -1],
  ]);
  moves.sort(([a, by], [b, other]) => a - b || by - other);
  let [lines, most, busyMs, lineMs, last] = [0, 0, 0, 0, 0];
  for (const [at, by] of moves) {
    if (lines > 0) busyMs += at - last;
    lineMs += lines * (at - last);
    lines += by;
    most = Math.max(most, lines);
    last = at;
  }
  return { most, mean: busyMs === 0 ? 0 : Math.round((lineMs / busyMs) * 10) / 10 };
};

/** Reports on one campaign. */
export const reportOn = (state: MemoryState, campaignId: number, { seed, from, until, finishedAt, before }: Course): SimulationReport => {
  const campaign = state.campaigns.get(campaignId);
  if (campaign === undefined) throw new RangeError(`there is no campaign ${campaignId}`);
  const rows = [...state.calls.values()].map(({ row }) => row);
  const sent = rows.filter(isSent);
  const leads = [...state.leads.values()];
  const primaries = leads.filter(({ primaryId }) => primaryId === null);
  const skipped = leads.filter(({ lastAttemptNo, id }) => lastAttemptNo === 0 || before.get(id) === 'processing');
  const called = new Set(sent.map(({ lead_id }) => lead_id));
  const isLeft = ({ family }: MemoryLead): boolean => family.some(({ dueAt, open }) => dueAt !== null || open > 0);
  const statuses = (of: readonly MemoryLead[]) =>
    count(
      of.map(({ status }) => status),
      LEAD_STATUSES,
    );
  return {
    campaign: { id: campaign.id, name: campaign.name, timezone: campaign.window.zone },
    seed,
    from: from.toISOString(),
    until: until.toISOString(),
    finished_at: finishedAt?.toISOString() ?? null,
    left: primaries.filter(isLeft).length,
    attempts: {
      sent: sent.length,
      refused_by_carrier: rows.filter(({ outcome }) => outcome === 'rejected').length,
      taken_back: rows.filter(({ outcome }) => outcome === 'revoked' || outcome === 'expired').length,
    },
    calls_per_hour: perHour(campaign.window.zone, sent),
    outcomes: count(sent.map(({ outcome, state: is }) => outcome ?? is)),
    leads: statuses(primaries),
    contacts: statuses(leads.filter(({ primaryId }) => primaryId !== null)),
    skipped: count(skipped.filter(({ id }) => !called.has(id)).map((lead) => skipReason(lead, before.get(lead.id)))),
    held_back: count(state.decisions.flatMap(({ lead_id, verdict, reason }) => (lead_id === null && verdict === 'refuse' ? [reason] : []))),
    longest_wait_seconds: longestWait(campaign.window, sent),
    lines: { ...linesOf(sent, finishedAt ?? until), of: Math.min(campaign.cap, campaign.accountCap) },
  };
};
