// What a claim goes by, told from the facts alone; both ledgers ask here.                                            [pure]
import { type CallingWindow, isOpen, localTime, nextOpening } from '../campaigns/calling-window.ts';
import type { CampaignRow, LeadRow } from '../db/schema.ts';
import { type CallerNumber, pickCaller } from '../numbers/rotation.ts';
import type { ClaimResult, RefusalReason } from './ledger.ts';
import { type Bottleneck, numberMayStart } from './pacing.ts';
import type { RefusalFacts, RefusedLead } from './refusals.ts';

/** Attempts that a claim reserves at most. */
export const MAX_CLAIM = 200;

interface Refusal {
  reason: RefusalReason;
  facts: RefusalFacts;
  again: Date | undefined;
}

/** What speaks against a whole campaign's calls. */
export interface CampaignFacts {
  campaign: { status: CampaignRow['status'] };
  pool: readonly unknown[];
  pausedUntil: Date | undefined;
}

/** Whether the campaign may call at all now, before anybody is looked at. */
export const refuseAll = ({ campaign, pool, pausedUntil }: CampaignFacts, window: CallingWindow, now: Date): Refusal | undefined => {
  const refuse = (reason: RefusalReason, same: object, first: object, again: Date | undefined): Refusal => ({
    reason,
    facts: { same: { ...same }, first: { ...first } },
    again,
  });
  if (campaign.status !== 'in-progress') return refuse('campaign_not_running', { status: campaign.status }, {}, undefined);
  if (!isOpen(window, now)) {
    const opens = nextOpening(window, now);
    const { zone, start, end, days } = window;
    const hours = `${start.slice(0, 5)}-${end.slice(0, 5)}`;
    return refuse(
      'outside_window',
      { opens_at: opens?.toISOString() ?? null, zone, hours },
      { local_time: localTime(zone, now), days },
      opens,
    );
  }
  if (pool.length === 0) return refuse('no_number', {}, {}, undefined);
  if (pausedUntil !== undefined) return refuse('carrier_paused', {}, { until: pausedUntil.toISOString() }, pausedUntil);
  return undefined;
};

/** Why a contact that is due is not called after all. */
export const refusalOf = (
  campaign: Pick<CampaignRow, 'max_retries'>,
  lead: Pick<LeadRow, 'id' | 'call_tries'> & { blocked: boolean },
): RefusedLead | undefined => {
  if (lead.blocked) return { leadId: lead.id, reason: 'blacklisted', facts: {} };
  if (lead.call_tries < campaign.max_retries) return undefined;
  return { leadId: lead.id, reason: 'attempts_used', facts: { tries: lead.call_tries, of: campaign.max_retries } };
};

/** Each with its caller; a number that has started its share of the second is left out, and who gets none waits. */
export const assignCallers = <Lead extends { last_caller_id: number | null }, Caller extends CallerNumber>(
  leads: readonly Lead[],
  pool: readonly Caller[],
  started: ReadonlyMap<number, number>,
  rate: number,
  now: Date,
) => {
  let numbers = pool.map((number) => ({ ...number }));
  const starts = new Map(started);
  return leads.flatMap((lead) => {
    const free = numbers.filter(({ id }) => numberMayStart({ startedLastSecond: starts.get(id) ?? 0, perSecond: rate }, 1) > 0);
    const id = pickCaller(free, lead.last_caller_id);
    const caller = free.find((number) => number.id === id);
    if (caller === undefined) return [];
    starts.set(caller.id, (starts.get(caller.id) ?? 0) + 1);
    numbers = numbers.map((number) => (number.id === caller.id ? { ...number, uses: number.uses + 1, lastUsedAt: now } : number));
    return [{ lead, caller }];
  });
};

/** Everything that the promise asks a decision to show. `lines`: this call's included. */
export const dialFacts = (
  campaign: Pick<CampaignRow, 'status' | 'max_retries' | 'max_calls_in_parallel'> & { max_parallel_calls: number },
  lead: Pick<LeadRow, 'call_tries' | 'due_at'>,
  window: CallingWindow,
  lines: { campaign: number; account: number },
  now: Date,
) => ({
  campaign: campaign.status,
  local_time: localTime(window.zone, now),
  zone: window.zone,
  blacklisted: false,
  attempt: lead.call_tries + 1,
  of: campaign.max_retries,
  campaign_lines: [lines.campaign, campaign.max_calls_in_parallel],
  account_lines: [lines.account, campaign.max_parallel_calls],
  due_at: lead.due_at?.toISOString(),
});

/** How a claim went, in numbers of contacts. */
export interface Claimed {
  /** That might have been reserved. */
  mayStart: number;
  /** That were due, and not in another transaction's hand. */
  due: number;
  /** Of those, taken out of the queue. */
  retired: number;
  reserved: number;
  bottleneck: Bottleneck | undefined;
}

/** Milliseconds until a campaign is asked again that nothing but time can help. */
const SOON = 250;
/** The same where another dialer is at work on its account, which is over in a moment. */
const BUSY = 50;

/** What a claim comes to that another dialer's keeps from being made. */
export const whileBusy = (now: Date): ClaimResult => ({ reserved: [], refused: undefined, again: new Date(now.getTime() + BUSY) });

/** What keeps the campaign from more calls, and when to ask again. `nextDue`: when the next of those who wait is due. */
export const afterClaim = (claimed: Claimed, nextDue: Date | undefined, now: Date): Omit<ClaimResult, 'reserved'> => {
  const { mayStart, due, retired, reserved, bottleneck } = claimed;
  const soon = new Date(now.getTime() + SOON);
  if (nextDue === undefined || nextDue > now) return { refused: undefined, again: nextDue };
  // Whoever is due is in another transaction's hand.
  if (mayStart > 0 && due === 0) return { refused: undefined, again: soon };
  // Who was taken out of the queue has made room for others.
  if (retired > 0) return { refused: undefined, again: now };
  const why = reserved < due ? 'number_rate' : bottleneck;
  if (why === undefined) return { refused: undefined, again: nextDue };
  // Lines are freed by calls that end, which wake the dialer; a rate only by time.
  return { refused: why, again: why.endsWith('_rate') ? soon : undefined };
};
