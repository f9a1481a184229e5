// From reservations to the carrier: sent once, right after the database has agreed, and never again.
import type { Logger } from 'pino';
import { isOpen } from '../campaigns/calling-window.ts';
import type { Carrier, PlaceResult } from '../carriers/carrier.ts';
import type { Scheduler } from '../scheduler.ts';
import { actAroundHeld } from './around-held.ts';
import { createBatcher } from './batcher.ts';
import type { AcceptedCall, Ledger, RejectedCall, Reservation } from './ledger.ts';
import { sparsely } from './sparsely.ts';

const MOST = 500;
const TELL_HELD_EVERY_MS = 10_000;

export interface PlaceDeps {
  ledger: Ledger;
  carrier: Carrier;
  schedule: Scheduler;
  worker: string;
  /** Milliseconds that the carrier is given to answer a request. Shorter than the lease of `sending`. */
  placeTimeoutMs: number;
  log: Logger;
  /** There may be something to do: a line is free, or a pause of the carrier is over. */
  wake?(): void;
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
  result.kind === 'rejected' ? [{ callId, code: result.code, scope: result.scope, retryAfterMs: result.retryAfterMs, ours }] : [];
const isUnknown = ({ callId, result }: Answered): { callId: number }[] => (result.kind === 'unknown' ? [{ callId }] : []);

/** Milliseconds after which even a slow carrier is not asked any more: a stop is answered before a call could leave that late. */
const LATEST = 10_000;

// Nothing has left, so the try is taken back.
const takenBack = (callId: number, code: 'sent_too_late' | 'window_closed' | 'dialer_stopped'): Answered => ({
  callId,
  result: { kind: 'rejected', scope: 'carrier', code, message: 'It was not sent.' },
  ours: true,
});

// A call of make_call asks for no window.
const isStillOpen = ({ window }: Reservation, now: Date): boolean => window === undefined || isOpen(window, now);

/** Milliseconds after which calls are sent that another transaction has had in hand; after the last of them their lease lapses. */
const SEND_AGAIN_MS = [250, 500, 1000];

const pause = ({ after }: Pick<Scheduler, 'after'>, ms: number): Promise<void> => new Promise((resolve) => void after(ms, resolve));

/** Records answers of the carrier. What another transaction has in hand comes again, and keeps nobody waiting. */
const createRecording = ({ ledger, carrier, schedule, log, wake }: PlaceDeps) => {
  // What fails is not recorded again: the calls become unknown, and the carrier is asked.
  const around = async <Item extends { callId: number }>(items: readonly Item[], act: (some: readonly Item[]) => Promise<void>) => {
    try {
      return items.length === 0 ? [] : await actAroundHeld(ledger, carrier.kind, items, ({ callId }) => ({ callId }), act);
    } catch (error) {
      log.error({ err: error }, 'answers of the carrier could not be recorded');
      return [];
    }
  };
  const logAnswer = ({ callId, result, ours }: Answered): void => {
    if (result.kind === 'rejected')
      log.warn({ callId, code: result.code }, ours ? 'a call was taken back before it left' : 'the carrier refused a call');
    if (result.kind === 'unknown') log.warn({ callId }, 'the carrier did not answer: the call may have left, and is not sent again');
  };
  const tellHeld = sparsely(schedule, TELL_HELD_EVERY_MS, (held: ReadonlySet<number>) => {
    log.warn({ callId: [...held][0], answers: held.size }, 'answers of the carrier wait for a lock that another transaction has');
  });
  return createBatcher<Answered>(MOST, schedule, async (answers) => {
    const now = schedule.now();
    // Each on its own: what one of them meets must not cost the others their answer. What was accepted comes first, since a refusal is
    // judged by it, and since it waits for nobody's leads.
    const accepted = await around(answers.flatMap(isAccepted), async (some) => {
      if (await ledger.accepted(some, now)) wake?.();
    });
    const [rejected, unknown] = await Promise.all([
      around(answers.flatMap(isRejected), async (some) => {
        await ledger.rejected(some, now);
        // Their lines are free.
        wake?.();
      }),
      around(answers.flatMap(isUnknown), (some) =>
        ledger.unconfirmed(
          some.map(({ callId }) => callId),
          now,
        ),
      ),
    ]);
    const held = new Set([...accepted, ...rejected, ...unknown].map(({ callId }) => callId));
    for (const answer of answers) if (!held.has(answer.callId)) logAnswer(answer);
    if (held.size > 0) tellHeld(held);
    return answers.filter(({ callId }) => held.has(callId));
  });
};
const ofCampaigns = (reservations: readonly Reservation[]): number[] =>
  reservations.filter(({ window }) => window !== undefined).map(({ callId }) => callId);

/** Sends reservations. The promise it gives is settled when the carrier's answers are recorded, or, after `end`, cannot be. */
export const createPlacing = (deps: PlaceDeps) => {
  const { ledger, carrier, schedule, worker, log } = deps;
  const recordAnswers = createRecording(deps);

  const send = async (reservations: readonly Reservation[], now: Date): Promise<{ sent: Set<number>; held: Reservation[] }> => {
    const sent = new Set<number>();
    const held = await actAroundHeld(
      ledger,
      carrier.kind,
      reservations,
      ({ callId }) => ({ callId }),
      async (some) => {
        const ids = some.map(({ callId }) => callId);
        for (const id of await ledger.send(ids, worker, now)) sent.add(id);
      },
    );
    return { sent, held };
  };

  const placeOpen = async (reservations: readonly Reservation[], now: Date): Promise<Reservation[]> => {
    const began = performance.now();
    const { sent, held } = await send(reservations, now);
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
    await Promise.all(reservations.filter(({ callId }) => sent.has(callId)).map(place));
    return held;
  };

  const placeAll = async (reservations: readonly Reservation[]): Promise<void> => {
    let waiting = reservations;
    for (const pauseMs of [...SEND_AGAIN_MS, undefined]) {
      const now = schedule.now();
      // Those of make_call are left to their lease: to give one back would end it.
      if (deps.isStopping()) return ledger.release(ofCampaigns(waiting), 'dialer_stopped', now);
      const inTime = waiting.filter((one) => isStillOpen(one, now));
      const closed = waiting.filter((one) => !inTime.includes(one)).map(({ callId }) => callId);
      if (closed.length > 0) await ledger.release(closed, 'window_closed', now);
      waiting = inTime.length === 0 ? [] : await placeOpen(inTime, now);
      if (waiting.length === 0) return;
      log.warn(
        { callId: waiting[0]?.callId, calls: waiting.length },
        'calls could not be sent, since another transaction has them in hand',
      );
      if (pauseMs !== undefined) await pause(schedule, pauseMs);
    }
  };
  return Object.assign(placeAll, { end: recordAnswers.end });
};
