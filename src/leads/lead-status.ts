// The moves that the status of a lead or of a secondary contact may make, each on its own. Source: lifecycle 1.2 and 1.3. [pure]
import type { LeadStatus } from './lead.ts';

/**
 * What moves a status. `claim`, `send`: the dialer takes the contact, and dials. `give-back-fresh` (no try counted) and
 * `give-back-retry`: an attempt that certainly was not sent, or rang nowhere, is taken back. `complete`, `retry`, `exhaust`:
 * what an attempt came to. `block`: the number is on the blacklist. `set-*`: a person's own decision.
 */
export const LEAD_EVENTS = [
  'claim',
  'send',
  'give-back-fresh',
  'give-back-retry',
  'complete',
  'retry',
  'exhaust',
  'block',
  'set-created',
  'set-completed',
  'set-exhausted',
] as const;
export type LeadEvent = (typeof LEAD_EVENTS)[number];

/** The events that are a person's own decision; no other leads out of `completed`, `reached-max-retries` or `blacklisted`. */
export const PERSON_EVENTS = ['set-created', 'set-completed', 'set-exhausted'] as const satisfies readonly LeadEvent[];

// An undefined cell is a move that cannot be made. `block` moves those that wait, not a live call or what is over;
// `exhaust` also takes one that waits for a retry when the limit was lowered meanwhile.
const MOVES: Record<LeadStatus, Record<LeadEvent, LeadStatus | undefined>> = {
  created: {
    claim: 'scheduled',
    send: 'processing',
    'give-back-fresh': undefined,
    'give-back-retry': undefined,
    complete: undefined,
    retry: undefined,
    exhaust: undefined,
    block: 'blacklisted',
    'set-created': 'created',
    'set-completed': 'completed',
    'set-exhausted': 'reached-max-retries',
  },
  scheduled: {
    claim: undefined,
    send: 'processing',
    'give-back-fresh': 'created',
    'give-back-retry': 'rescheduled',
    complete: undefined,
    retry: undefined,
    exhaust: 'reached-max-retries',
    block: 'blacklisted',
    'set-created': 'created',
    'set-completed': 'completed',
    'set-exhausted': 'reached-max-retries',
  },
  processing: {
    claim: undefined,
    send: undefined,
    'give-back-fresh': 'created',
    'give-back-retry': 'rescheduled',
    complete: 'completed',
    retry: 'rescheduled',
    exhaust: 'reached-max-retries',
    block: undefined,
    'set-created': 'created',
    'set-completed': 'completed',
    'set-exhausted': 'reached-max-retries',
  },
  rescheduled: {
    claim: 'scheduled',
    send: undefined,
    'give-back-fresh': undefined,
    'give-back-retry': undefined,
    complete: undefined,
    retry: undefined,
    exhaust: 'reached-max-retries',
    block: 'blacklisted',
    'set-created': 'created',
    'set-completed': 'completed',
    'set-exhausted': 'reached-max-retries',
  },
  completed: {
    claim: undefined,
    send: undefined,
    'give-back-fresh': undefined,
    'give-back-retry': undefined,
    complete: undefined,
    retry: undefined,
    exhaust: undefined,
    block: undefined,
    'set-created': 'created',
    'set-completed': 'completed',
    'set-exhausted': 'reached-max-retries',
  },
  'reached-max-retries': {
    claim: undefined,
    send: undefined,
    'give-back-fresh': undefined,
    'give-back-retry': undefined,
    complete: undefined,
    retry: undefined,
    exhaust: undefined,
    block: undefined,
    'set-created': 'created',
    'set-completed': 'completed',
    'set-exhausted': 'reached-max-retries',
  },
  blacklisted: {
    claim: undefined,
    send: undefined,
    'give-back-fresh': undefined,
    'give-back-retry': undefined,
    complete: undefined,
    retry: undefined,
    exhaust: undefined,
    block: undefined,
    'set-created': 'created',
    'set-completed': 'completed',
    'set-exhausted': 'reached-max-retries',
  },
};

/** The status that an event leads to; undefined when it cannot happen there, and the status stays. */
export const nextLeadStatus = (from: LeadStatus, event: LeadEvent): LeadStatus | undefined => MOVES[from][event];
