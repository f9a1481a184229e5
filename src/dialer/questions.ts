// Calls of which too little is known: the carrier is asked, and what stays unknown for too long is given up.
import type { CarrierEvent } from '../carriers/carrier.ts';
import { toStorable } from '../carriers/storable.ts';
import { isHopeless } from './hopeless.ts';
import type { DialerIdentity, OpenQuestion } from './ledger.ts';
import type { PlaceDeps } from './place-calls.ts';

// The carrier's own record; undefined when it cannot be asked now.
const lookUp = async (
  { carrier, log }: PlaceDeps,
  { callId, carrierCallId, to, sentAt }: OpenQuestion,
): Promise<CarrierEvent | 'live' | 'gone' | undefined> => {
  try {
    const answer = await carrier.lookup(carrierCallId === null ? { callId: String(callId), to, since: sentAt } : { carrierCallId });
    return answer === 'live' || answer === 'gone' ? answer : { ...answer, callId: String(callId) };
  } catch (error) {
    log.warn({ callId, err: error }, 'the carrier could not be asked about a call');
    return undefined;
  }
};

/** Milliseconds for which a call may go on without the carrier being able to say so: longer than any may ring and talk. */
const LONGEST_CALL = 45 * 60_000;
const AT_ONCE = 10;

type Verdict = 'open' | 'answered' | 'gone' | 'hopeless';

// @returns false when the database will never take it.
const keep = async ({ ledger, carrier, schedule, log }: PlaceDeps, answer: CarrierEvent, callId: number): Promise<boolean> => {
  try {
    await ledger.record(carrier.kind, [toStorable(answer)], schedule.now());
    return true;
  } catch (error) {
    if (!isHopeless(error)) throw error;
    log.error({ err: error, callId }, 'the record that the carrier has of a call cannot be kept');
    return false;
  }
};

const ask = async (deps: PlaceDeps, question: OpenQuestion, giveUpMs: number): Promise<Verdict> => {
  if (question.state === 'wrapping') return 'hopeless';
  const answer = await lookUp(deps, question);
  if (answer === 'live') return 'open';
  if (answer !== undefined && answer !== 'gone' && (await keep(deps, answer, question.callId))) return 'answered';
  // It had accepted the call. Said twice, some seconds apart, nobody will know more.
  if (answer === 'gone' && question.state === 'live') return question.wasGone ? 'hopeless' : 'gone';
  const age = deps.schedule.now().getTime() - question.sentAt.getTime();
  // A call that was accepted goes on while its carrier cannot be asked.
  return age >= (question.state === 'live' && answer === undefined ? Math.max(giveUpMs, LONGEST_CALL) : giveUpMs) ? 'hopeless' : 'open';
};

// What one question meets costs the others nothing: it is asked again.
const askSafely = async (deps: PlaceDeps, question: OpenQuestion, giveUpMs: number): Promise<Verdict> => {
  try {
    return await ask(deps, question, giveUpMs);
  } catch (error) {
    deps.log.error({ callId: question.callId, err: error }, 'what the carrier knows of a call could not be recorded');
    return 'open';
  }
};

/**
 * Asks about every open question once, some at a time. `giveUpMs`: how long after it was sent a call may stay unknown.
 * @returns whether any was settled: a line may be free, and somebody's turn may have come.
 */
export const answerQuestions = async (
  deps: PlaceDeps,
  self: DialerIdentity,
  giveUpMs: number,
  stopped: () => boolean,
): Promise<boolean> => {
  const { ledger, schedule, log } = deps;
  const questions = await ledger.questions(self, schedule.now());
  let settled = false;
  for (let from = 0; from < questions.length && !stopped(); from += AT_ONCE) {
    const some = questions.slice(from, from + AT_ONCE);
    const verdicts = await Promise.all(some.map((question) => askSafely(deps, question, giveUpMs)));
    settled ||= verdicts.some((verdict) => verdict === 'answered' || verdict === 'hopeless');
    const hopeless = some.filter((_, index) => verdicts[index] === 'hopeless');
    const gone = some.flatMap(({ callId }, index) => (verdicts[index] === 'gone' ? [callId] : []));
    if (gone.length > 0) await ledger.gone(gone, schedule.now());
    for (const { callId, state } of hopeless) if (state !== 'wrapping') log.warn({ callId }, 'a call stays unknown and is given up');
    if (hopeless.length > 0)
      await ledger.giveUp(
        hopeless.map(({ callId }) => callId),
        schedule.now(),
      );
  }
  return settled;
};
