// How often a carrier may refuse one contact. A refusal says nothing of whose fault it is, so they are told apart by what happens
// meanwhile: a carrier that accepts others refuses the contact, and one that accepts nobody has an outage.                    [pure]
import type { RefusalScope } from '../carriers/carrier.ts';

/** Refusals of a contact in a row. */
export interface Refusals {
  /** Those that speak against the contact: the carrier accepted others since the one before. */
  against: number;
  inAll: number;
  /** When the last one was. */
  at: Date;
}

/** After so many that speak against it, the contact has had a failed call: some 50 minutes, by its waits. */
export const MOST_AGAINST = 8;
/** After so many in all, too, so that it ends whatever the carrier says: at the longest pause between them, 17 hours of an outage. */
export const MOST_IN_ALL = 1000;

const FIRST_WAIT_MS = 5000;
const LONGEST_WAIT_MS = 15 * 60_000;
const GROWTH = 4;

/** Counts one more. `acceptedAt`: when the carrier last accepted any call. */
export const countRefusal = (last: Refusals | undefined, acceptedAt: Date | undefined, now: Date): Refusals => {
  const speaksAgainst = last !== undefined && acceptedAt !== undefined && acceptedAt > last.at;
  return { against: (last?.against ?? 0) + (speaksAgainst ? 1 : 0), inAll: (last?.inAll ?? 0) + 1, at: now };
};

/** Whether the carrier is to be left alone for it: a refusal that speaks against its contact is that contact's own. */
export const isStrike = ({ against }: Refusals): boolean => against === 0;

/** Milliseconds that the contact itself waits, behind all others, whether or not the carrier is left alone. */
export const ownWaitMs = ({ against }: Refusals): number =>
  against === 0 ? 0 : Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * GROWTH ** (against - 1));

/** Whether it ends like a failed call: the try counts, and the retry policy decides. */
export const isSpent = ({ against, inAll }: Refusals): boolean => against >= MOST_AGAINST || inAll >= MOST_IN_ALL;

/** A refusal as its decision tells it. */
export interface RefusedCall {
  callId: number;
  code: string;
  scope: RefusalScope;
  /** Undefined: they are not counted, since there is no contact, or it is the number's. */
  refusals: Refusals | undefined;
  /** When the contact is asked for again; undefined: it has had its call. */
  again: Date | undefined;
}

/** The decision's reason and facts. */
export const refusalDecision = ({ code, scope, refusals, again }: RefusedCall) => ({
  reason: scope === 'number' ? ('number_refused' as const) : ('carrier_refused' as const),
  facts: {
    code,
    ...(refusals === undefined ? {} : { refusals: refusals.inAll, against: [refusals.against, MOST_AGAINST] }),
    again: again?.toISOString() ?? null,
  },
});

/** The report that stands for a refusal which ends a call: as if the network had said so. */
export const refusalEvent = (callId: number, code: string, now: Date) => ({
  callId: String(callId),
  carrierCallId: '',
  dedupeKey: `refused/${callId}`,
  at: now,
  body: { type: 'ended' as const, outcome: 'failed' as const, by: 'network' as const, reason: code, talkMs: 0 },
});
