// From reservations to the carrier: sent once, right after the database has agreed, and never again.
import type { Logger } from 'pino';
import { isOpen } from '../campaigns/calling-window.ts';
import type { Carrier, PlaceResult } from '../carriers/carrier.ts';
import type { Scheduler } from '../scheduler.ts';
import { createBatcher } from './batcher.ts';
import type { AcceptedCall, Ledger, RejectedCall, Reservation } from './ledger.ts';

const MOST = 500;

export interface PlaceDeps {
  ledger: Ledger;
  carrier: Carrier;
  schedule: Scheduler;
  worker: string;
  /** Milliseconds that the carrier is given to answer a request. Shorter than the lease of `sending`. */
  placeTimeoutMs: number;
  log: Logger;
  /** Whether this dialer stops: nothing leaves any more. */
  isStopping: () => boolean;
}

/** `ours`: the carrier has not been asked. */
type Answered = { callId: number; result: PlaceResult; ours?: boolean };

// Once, whatever happens: an error or a timeout says nothing about whether the request has left.
const placeOnce = async ({ carrier, schedule, placeTimeoutMs }: PlaceDeps, { callId, place }: Reservation): Promise<Answered> => {
  const abort = new AbortController();
  const cancel = schedule.after(placeTimeoutMs, () => abort.abort());
  try {
    return { callId, result: await carrier.place(place, abort.signal) };
  } catch (error) {
    return { callId, result: { kind: 'unknown', error } };
  } finally {
    cancel();
  }
};

const isAccepted = ({ callId, result }: Answered): AcceptedCall[] =>
  result.kind === 'accepted' ? [{ callId, carrierCallId: result.carrierCallId }] : [];
const isRejected = ({ callId, result, ours }: Answered): RejectedCall[] =>
  result.kind === 'rejected' ? [{ callId, code: result.code, retryAfterMs: result.retryAfterMs, ours }] : [];
const isUnknown = ({ callId, result }: Answered): number[] => (result.kind === 'unknown' ? [callId] : []);

/** Milliseconds after which even a slow carrier is not asked any more: a stop is answered before a call could leave that late. */
const LATEST = 10_000;

// Nothing has left, so the try is taken back.
const takenBack = (callId: number, code: 'sent_too_late' | 'window_closed' | 'dialer_stopped'): Answered => ({
  callId,
  result: { kind: 'rejected', code, message: 'It was not sent.' },
  ours: true,
});

// A call of make_call asks for no window.
const isStillOpen = ({ window }: Reservation, now: Date): boolean => window === undefined || isOpen(window, now);

const ofCampaigns = (reservations: readonly Reservation[]): number[] =>
  reservations.filter(({ window }) => window !== undefined).map(({ callId }) => callId);

/** Sends reservations. The promise it gives is settled when the carrier's answers are recorded. */
export const createPlacing = (deps: PlaceDeps) => {
  const { ledger, schedule, worker, log } = deps;
  const recordAnswers = createBatcher<Answered>(MOST, async (answers) => {
    const now = schedule.now();
    const accepted = answers.flatMap(isAccepted);
    const rejected = answers.flatMap(isRejected);
    const unknown = answers.flatMap(isUnknown);
    // Each on its own: what one of them meets must not cost the others their answer.
    const outcomes = await Promise.allSettled([
      accepted.length > 0 ? ledger.accepted(accepted, now) : undefined,
      rejected.length > 0 ? ledger.rejected(rejected, now) : undefined,
      unknown.length > 0 ? ledger.unconfirmed(unknown, now) : undefined,
    ]);
    for (const outcome of outcomes)
      if (outcome.status === 'rejected') log.error({ err: outcome.reason }, 'answers of the carrier could not be recorded');
    for (const { callId, code, ours } of rejected)
      log.warn({ callId, code }, ours ? 'a call was taken back before it left' : 'the carrier refused a call');
    for (const callId of unknown) log.warn({ callId }, 'the carrier did not answer: the call may have left, and is not sent again');
  });

  return async (reservations: readonly Reservation[]): Promise<void> => {
    const now = schedule.now();
    // Those of make_call are left to their lease: to give one back would end it.
    if (deps.isStopping()) return ledger.release(ofCampaigns(reservations), 'dialer_stopped', now);
    const inTime = reservations.filter((one) => isStillOpen(one, now));
    const closed = reservations.filter((one) => !inTime.includes(one)).map(({ callId }) => callId);
    if (closed.length > 0) await ledger.release(closed, 'window_closed', now);
    if (inTime.length === 0) return;
    const began = performance.now();
    const sent = new Set(
      await ledger.send(
        inTime.map(({ callId }) => callId),
        worker,
        now,
      ),
    );
    const placed = inTime.filter(({ callId }) => sent.has(callId));
    // The database may have agreed long ago: its answer was late, or this process was frozen. Meanwhile others may hold the calls for
    // unknown, and somebody may have been told that nothing leaves any more. Nothing has, so the tries are taken back.
    // By either clock: the machine's may have been set back.
    const took = Math.max(schedule.now().getTime() - now.getTime(), performance.now() - began);
    const isLate = took >= Math.min(deps.placeTimeoutMs, LATEST);
    const place = async (one: Reservation): Promise<void> => {
      if (deps.isStopping()) return recordAnswers(takenBack(one.callId, 'dialer_stopped'));
      if (isLate) return recordAnswers(takenBack(one.callId, 'sent_too_late'));
      // It may have closed while the database was asked.
      if (!isStillOpen(one, schedule.now())) return recordAnswers(takenBack(one.callId, 'window_closed'));
      return recordAnswers(await placeOnce(deps, one));
    };
    await Promise.all(placed.map(place));
  };
};
