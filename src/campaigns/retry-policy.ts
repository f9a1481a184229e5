// Whether a contact is tried again after an attempt, and when. Source: lifecycle 1.4 and 1.5.                      [pure]
import type { Disposition } from '../calls/disposition.ts';
import { type CallingWindow, nextOpening } from './calling-window.ts';

export interface RetryPolicy {
  /** Attempts per contact in all, the first one included. */
  maxRetries: number;
  /** From the end of one attempt to the next. */
  retryIntervalMinutes: number;
  retryOnVoicemail: boolean;
  /** The extracted field that must be true; null: the campaign does not retry for a goal. */
  goal: string | null;
}

export type RetryDecision = { kind: 'complete' } | { kind: 'retry'; at: Date } | { kind: 'exhaust' };

// A dead number is not rung again; nor is one of which nobody knows whether it rang.
const STEPS: Record<Exclude<Disposition, 'voicemail' | 'goal-missed'>, RetryDecision['kind']> = {
  reached: 'complete',
  'no-answer': 'retry',
  busy: 'retry',
  declined: 'retry',
  canceled: 'retry',
  failed: 'retry',
  'invalid-number': 'exhaust',
  lost: 'exhaust',
};

const wantedStep = (policy: RetryPolicy, disposition: Disposition): RetryDecision['kind'] => {
  const forGoal = policy.goal !== null;
  if (disposition === 'voicemail') return policy.retryOnVoicemail || forGoal ? 'retry' : 'complete';
  if (disposition === 'goal-missed') return forGoal ? 'retry' : 'complete';
  return STEPS[disposition];
};

/** One retry interval after `endedAt`, moved to the first moment inside the window; unmoved when the window never opens. */
export const afterInterval = (policy: RetryPolicy, window: CallingWindow, endedAt: Date): Date => {
  const due = new Date(endedAt.getTime() + policy.retryIntervalMinutes * 60_000);
  return nextOpening(window, due) ?? due;
};

/**
 * What follows an attempt. `tries`: attempts sent so far, this one included. `endedAt`: when it ended.
 * Only what would be retried can be exhausted by the number of tries: who was reached at the last one is complete.
 */
export const decideRetry = (
  policy: RetryPolicy,
  window: CallingWindow,
  tries: number,
  disposition: Disposition,
  endedAt: Date,
): RetryDecision => {
  const kind = wantedStep(policy, disposition);
  if (kind !== 'retry') return { kind };
  return tries >= policy.maxRetries ? { kind: 'exhaust' } : { kind, at: afterInterval(policy, window, endedAt) };
};
