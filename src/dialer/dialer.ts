// The loop: asks who is due, claims, places; sleeps until the next due time, or until it is woken. The only timer of the dialer.
import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { Carrier, CarrierEvent } from '../carriers/carrier.ts';
import { toStorable } from '../carriers/storable.ts';
import type { Scheduler } from '../scheduler.ts';
import { actAroundHeld } from './around-held.ts';
import { createBatcher } from './batcher.ts';
import { DEAD_MS } from './dialers.store.ts';
import { isHopeless } from './hopeless.ts';
import type { CallName, ClaimTerms, DialerIdentity, Ledger, Rates, Reservation } from './ledger.ts';
import { createPlacing } from './place-calls.ts';
import { answerQuestions } from './questions.ts';
import { createServing } from './serve-campaigns.ts';
import { sparsely } from './sparsely.ts';

/** How a dialer works. Times in milliseconds. */
export interface DialerSettings {
  rates: Rates;
  /** A reservation that is not sent by then is decided anew. */
  leaseMs: number;
  /** What the carrier is given to answer a request. */
  placeTimeoutMs: number;
  /** The longest sleep: other processes' writes are seen after it at the latest. */
  idleMs: number;
  /** After this a call that stayed unknown is given up. */
  giveUpMs: number;
}

export const DEFAULT_SETTINGS: DialerSettings = {
  rates: { campaign: 0, number: 0, carrier: 0 },
  leaseMs: 30_000,
  placeTimeoutMs: 10_000,
  idleMs: 1000,
  giveUpMs: 15 * 60_000,
};

export interface DialerDeps {
  ledger: Ledger;
  carrier: Carrier;
  schedule: Scheduler;
  log: Logger;
  settings?: Partial<DialerSettings>;
  /** Hears of every round that has come to its end. Must not throw. */
  onRound?: (() => void) | undefined;
}

/** A dialer at work. */
export interface Dialer {
  /** There may be something to do. Never throws. */
  wake(): void;
  /** Whether it sleeps: until time passes, something wakes it or the carrier says something, it does nothing. */
  asleep(): boolean;
  /**
   * Claims and sends nothing more from this instant on; what was reserved and not sent is given back. Calls that go on have
   * `drainMs` to end, whatever else is being waited for.
   */
  stop(options?: { drainMs: number }): Promise<void>;
}

const MOST_AT_ONCE = 100;
const EVENTS_AT_ONCE = 200;
/** Between two looks at leases and open questions. */
const TIDY_EVERY = 1000;
/** Milliseconds between two beats. */
const BEAT_EVERY = 1000;
/** A dialer counts as dead when it has not beaten for so many of its longest sleeps. */
const SLEEPS_MISSED = 5;

const TELL_HELD_EVERY_MS = 10_000;
const WAITS_FOR_LOCK = 'reports of the carrier wait, since another transaction has their calls or leads in hand; all others go on';

const nameOf = ({ callId, carrierCallId }: CarrierEvent): CallName =>
  callId !== undefined && /^\d{1,15}$/.test(callId) ? { callId: Number(callId) } : { carrierCallId };

/** Starts a dialer. Several may run on one database; none leads. */
export const startDialer = async ({ ledger, carrier, schedule, log, settings, onRound }: DialerDeps): Promise<Dialer> => {
  const { rates, leaseMs, placeTimeoutMs, idleMs, giveUpMs } = { ...DEFAULT_SETTINGS, ...settings };
  const worker = randomUUID();
  let stopped = false;
  const self: DialerIdentity = {
    worker,
    carrier: carrier.kind,
    ownRecord: !carrier.capabilities.sharedRecord,
    deadMs: Math.max(DEAD_MS, SLEEPS_MISSED * idleMs),
  };
  const deps = { ledger, carrier, schedule, worker, placeTimeoutMs, log, wake: () => wake(), isStopping: () => stopped };
  const terms: ClaimTerms = {
    worker,
    leaseMs,
    rates: { ...rates, carrier: rates.carrier || (carrier.capabilities.maxCps ?? 0) },
    carrier: { kind: carrier.kind, simulated: carrier.kind === 'simulated' },
    limit: MOST_AT_ONCE,
  };
  const place = createPlacing(deps);
  const placing = new Set<Promise<void>>();
  let asking: Promise<void> | undefined;
  let tidiedAt = 0;
  let beatAt: number | undefined;
  let takesOverFrom = 0;
  let woken = false;
  let rouse: (() => void) | undefined;

  const wake = (): void => {
    woken = true;
    rouse?.();
  };

  const send = (reservations: readonly Reservation[]): void => {
    const tracked = place(reservations)
      .catch((error: unknown) => log.error({ err: error }, 'placing calls failed; their leases will lapse'))
      .finally(() => placing.delete(tracked));
    placing.add(tracked);
  };

  const serve = createServing({ ledger, schedule, terms, send, log });

  const beat = async (): Promise<void> => {
    const now = schedule.now().getTime();
    // A clock that was set back is no reason to be silent.
    if (beatAt !== undefined && now - beatAt < BEAT_EVERY && now >= beatAt) return;
    await ledger.beat(self, schedule.now());
    // After an outage of the database all dialers have been silent: whoever is first back gives the others time to say that they live.
    if (beatAt !== undefined && now - beatAt >= self.deadMs / 2) takesOverFrom = schedule.now().getTime() + self.deadMs;
    beatAt = now;
  };

  // Of calls that died with their dialer nobody can know more than that they may have rung.
  const takeOver = async (): Promise<void> => {
    if (schedule.now().getTime() < takesOverFrom) return;
    const died = await ledger.takeOver(self, schedule.now());
    if (died.length === 0) return;
    log.warn({ callIds: died }, 'calls died with their dialer and are given up');
    await ledger.giveUp(died, schedule.now());
    wake();
  };

  const tidy = async (): Promise<void> => {
    const age = schedule.now().getTime() - tidiedAt;
    // Negative: the clock was set back.
    if (age >= 0 && age < TIDY_EVERY) return;
    tidiedAt = schedule.now().getTime();
    await ledger.lapse(schedule.now());
    await takeOver();
    // Carriers may be slow to answer; nobody waits for that.
    asking ??= answerQuestions(deps, self, giveUpMs, () => stopped)
      .then((settled) => (settled ? wake() : undefined))
      .catch((error: unknown) => log.error({ err: error }, 'open questions could not be asked; they will be'))
      .finally(() => {
        asking = undefined;
      });
    await ledger.completeIdle(schedule.now());
  };

  // @returns when to look again.
  const tick = async (): Promise<Date | undefined> => {
    // Whoever does not say that it works must hold no calls: others would take them for a dead one's. Also where rounds fail half-way.
    await beat();
    await tidy();
    const adopted = await ledger.adopt(terms, schedule.now());
    if (adopted.length > 0) send(adopted);
    return serve(await ledger.running(schedule.now()), () => stopped);
  };

  const sleep = async (ms: number): Promise<void> => {
    if (woken || stopped) return;
    await new Promise<void>((resolve) => {
      const cancel = schedule.after(ms, resolve);
      rouse = () => {
        cancel();
        resolve();
      };
    });
    rouse = undefined;
  };

  const run = async (): Promise<void> => {
    while (!stopped) {
      woken = false;
      let next: Date | undefined;
      try {
        next = await tick();
        onRound?.();
      } catch (error) {
        log.error({ err: error }, 'the dialer failed; it goes on');
      }
      const until = next === undefined ? idleMs : next.getTime() - schedule.now().getTime();
      await sleep(Math.min(idleMs, Math.max(SHORTEST_SLEEP, until)));
    }
  };

  // One report that the database will never take must not keep all others out: it is set aside, and the log says which call it was of.
  const recordOneByOne = async (events: readonly CarrierEvent[]): Promise<void> => {
    for (const event of events) {
      try {
        await ledger.record(carrier.kind, [event], schedule.now());
      } catch (error) {
        if (!isHopeless(error)) throw error;
        log.error({ err: error, callId: event.callId, type: event.body.type }, 'a report of the carrier cannot be kept and is dropped');
      }
    }
  };

  const tellHeld = sparsely(schedule, TELL_HELD_EVERY_MS, (held: readonly CarrierEvent[]) => {
    log.warn({ callId: held[0]?.callId, reports: held.length }, WAITS_FOR_LOCK);
  });
  const recordAll = async (events: readonly CarrierEvent[]): Promise<void> => {
    try {
      await ledger.record(carrier.kind, events, schedule.now());
    } catch (error) {
      if (!isHopeless(error)) throw error;
      await recordOneByOne(events);
    }
  };
  const record = createBatcher<CarrierEvent>(EVENTS_AT_ONCE, schedule, async (events) => {
    const held = await actAroundHeld(ledger, carrier.kind, events, nameOf, recordAll);
    if (held.length > 0) tellHeld(held);
    // An end frees a line.
    if (events.some(({ body }) => body.type === 'ended')) wake();
    return held;
  });
  await carrier.start({ emit: (event) => record(toStorable(event)), now: schedule.now, log });
  const running = run();
  return {
    wake,
    asleep: () => rouse !== undefined && !woken,
    stop: async ({ drainMs } = { drainMs: 0 }) => {
      stopped = true;
      rouse?.();
      // What a lock in the database holds up may take that long too, and no longer: the next dialer takes it up.
      const cancelEnd = schedule.after(drainMs, () => {
        place.end();
        record.end();
      });
      // That lock is no reason to cut calls short. Nothing new is placed any more.
      const finishing = running.then(() => Promise.all([asking, ...placing]));
      await Promise.all([finishing, carrier.stop({ drainMs })]);
      cancelEnd();
      await record.idle();
      record.end();
      await ledger.leave(worker).catch((error: unknown) => log.warn({ err: error }, 'a dialer that stops could not say so'));
    },
  };
};

/** So that a campaign whose lines another dialer holds is not asked without a pause. */
const SHORTEST_SLEEP = 5;
