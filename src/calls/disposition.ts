// What a carrier reports of a call, what that means to the campaign, and what the wire calls it.                  [pure]

/** How a carrier says that a call ended. */
export const OUTCOMES = ['completed', 'busy', 'no-answer', 'declined', 'invalid-number', 'canceled', 'failed'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** Who picked up, as far as it is known. */
export type AnsweredBy = 'human' | 'machine' | 'unknown';

/** What the campaign's goal came to in a call: there is none, it was reached, or it was not. */
export type GoalVerdict = 'none' | 'met' | 'missed';

/** What an attempt means to the campaign. `lost`: it stayed unknown until it was given up. */
export const DISPOSITIONS = [
  'reached',
  'goal-missed',
  'voicemail',
  'no-answer',
  'busy',
  'declined',
  'canceled',
  'failed',
  'invalid-number',
  'lost',
] as const;
export type Disposition = (typeof DISPOSITIONS)[number];

/** The wire's status of a call that is over and done with. Source: lifecycle 3. */
export type FinalStatus = 'completed' | 'busy' | 'no-answer' | 'failed';

/** The wire's status of a call that has ended while its extraction is awaited. Source: lifecycle 3. */
export type EndedStatus = 'ended' | 'ended_by_customer' | 'ended_by_assistant';

// Source: lifecycle 1.4.
const UNANSWERED: Record<Exclude<Outcome, 'completed'>, { status: FinalStatus; disposition: Disposition }> = {
  busy: { status: 'busy', disposition: 'busy' },
  'no-answer': { status: 'no-answer', disposition: 'no-answer' },
  declined: { status: 'busy', disposition: 'declined' },
  'invalid-number': { status: 'failed', disposition: 'invalid-number' },
  canceled: { status: 'no-answer', disposition: 'canceled' },
  failed: { status: 'failed', disposition: 'failed' },
};

// Source: lifecycle 1.4. Who is unknown counts as human; on a machine a goal cannot be true, whatever was extracted.
const ANSWERED: Record<AnsweredBy, Record<GoalVerdict, Disposition>> = {
  human: { none: 'reached', met: 'reached', missed: 'goal-missed' },
  unknown: { none: 'reached', met: 'reached', missed: 'goal-missed' },
  machine: { none: 'voicemail', met: 'voicemail', missed: 'voicemail' },
};

/** What is known of a call that has ended. */
export interface EndedCall {
  outcome: Outcome;
  /** Whether the carrier reported that somebody picked up. */
  answered: boolean;
  /** Null: nobody said. */
  answeredBy: AnsweredBy | null;
  goal: GoalVerdict;
}

// Whoever picked up must not be rung again as if nobody had, so one report of an answer is enough: the event or the outcome.
const unansweredEnd = ({ outcome, answered }: Pick<EndedCall, 'outcome' | 'answered'>) =>
  // A word that a carrier has made up is a failure, and not an answer.
  answered || outcome === 'completed' ? undefined : (UNANSWERED[outcome] ?? UNANSWERED.failed);

/** What an ended call means to the campaign. Source: lifecycle 1.4. */
export const toDisposition = (call: EndedCall): Disposition =>
  unansweredEnd(call)?.disposition ?? ANSWERED[call.answeredBy ?? 'unknown'][call.goal];

/** The wire's last status of an ended call. Source: lifecycle 1.4 and 3. */
export const toFinalStatus = (call: Pick<EndedCall, 'outcome' | 'answered'>): FinalStatus => unansweredEnd(call)?.status ?? 'completed';

const ENDED_BY: Record<'callee' | 'us' | 'network', EndedStatus> = {
  callee: 'ended_by_customer',
  us: 'ended_by_assistant',
  network: 'ended',
};

/** The wire's status from hang-up until the extraction is stored, by who hung up. Source: lifecycle 3. */
export const endedStatus = (by: 'callee' | 'us' | 'network'): EndedStatus => ENDED_BY[by];

/** A carrier's verdict on who picked up, as we keep it: a fax is a machine. Source: lifecycle 1.4. */
export const toAnsweredBy = (result: AnsweredBy | 'fax'): AnsweredBy => (result === 'fax' ? 'machine' : result);

/**
 * Whether the goal was reached: only an explicit true in the field it names says so; no extraction or no such field means missed.
 * `goal` null: the campaign has none. Source: lifecycle 1.4.
 */
export const judgeGoal = (goal: string | null, extraction: Readonly<Record<string, unknown>> | null): GoalVerdict => {
  if (goal === null) return 'none';
  return extraction !== null && Object.hasOwn(extraction, goal) && extraction[goal] === true ? 'met' : 'missed';
};
