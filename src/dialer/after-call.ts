// What becomes of a contact when its call has come to an end: one Decision, which the settle carries out.           [pure]
import type { Disposition } from '../calls/disposition.ts';
import type { CallingWindow } from '../campaigns/calling-window.ts';
import { afterInterval, decideRetry, type RetryPolicy } from '../campaigns/retry-policy.ts';
import type { LeadStatus } from '../leads/lead.ts';

/** What a decision needs to know of a call and its contact. */
export interface CallFacts {
  disposition: Disposition;
  /** Attempts of the contact that were sent, this one included. */
  tries: number;
  endedAt: Date;
  /** As it is now: a person may have set another during the call. */
  leadStatus: LeadStatus;
  policy: RetryPolicy;
  window: CallingWindow;
}

/** Why a contact is not tried again. */
export type ExhaustReason = 'attempts_used' | 'invalid_number' | 'lost';

/** `none`: what a person has set during the call stands. */
export type Decision = { kind: 'none' } | { kind: 'complete' } | { kind: 'retry'; at: Date } | { kind: 'exhaust'; reason: ExhaustReason };

const toReason = (disposition: Disposition): ExhaustReason => {
  if (disposition === 'invalid-number') return 'invalid_number';
  return disposition === 'lost' ? 'lost' : 'attempts_used';
};

/** The decision on a contact whose call is over. Only a contact that is still `processing` moves. Source: lifecycle 1.2 to 1.5. */
export const afterCall = ({ disposition, tries, endedAt, leadStatus, policy, window }: CallFacts): Decision => {
  if (leadStatus !== 'processing') return { kind: 'none' };
  const decision = decideRetry(policy, window, tries, disposition, endedAt);
  return decision.kind === 'exhaust' ? { kind: 'exhaust', reason: toReason(disposition) } : decision;
};

/**
 * When the next contact of the cascade first waits until: one retry interval after the contact before it was exhausted, moved
 * into the window. Source: lifecycle 1.6.
 */
export const nextContactDueAt = ({ endedAt, policy, window }: Pick<CallFacts, 'endedAt' | 'policy' | 'window'>): Date =>
  afterInterval(policy, window, endedAt);
