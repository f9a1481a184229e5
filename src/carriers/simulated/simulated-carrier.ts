// The simulated carrier: nobody is phoned. It runs the planned course of each call on whatever time it is given, tells
// about it as badly as the script asks for, and keeps a record of its own for `lookup`. Like a real carrier it forgets
// nothing and forgives nothing: a call that is placed twice rings twice.

import type { Scheduler } from '../../scheduler.ts';
import type { Carrier, CarrierContext, CarrierEvent, CarrierEventBody, EndedEvent, PlaceCall, PlaceResult } from '../carrier.ts';
import { type CallPlan, hungUp, planCall, readSimulation, type Step } from './plan.ts';
import { toTranscript } from './report.ts';
import { memoryRingLog, type Ring, type RingLog } from './ring-log.ts';

/** How the simulated carrier is set up. */
export interface SimulatedCarrierOptions {
  readonly scheduler: Scheduler;
  /** Default 1. A campaign's simulation may have its own. */
  readonly seed?: number | string;
  /** How many times faster than life; 0 or Infinity: everything at once. Default 1. */
  readonly speed?: number;
  /** Default: in memory. */
  readonly ringLog?: RingLog;
}

/** A carrier that phones nobody. */
export interface SimulatedCarrier extends Carrier {
  /** The requests that went through. */
  rings(): readonly Ring[];
}

interface Call {
  readonly request: PlaceCall;
  readonly plan: CallPlan;
  readonly carrierCallId: string;
  /** The how-manieth ring of its callId. */
  readonly ordinal: number;
  answeredAt: Date | undefined;
  ended: EndedEvent | undefined;
  /** Events that wait to be told in the reverse order. */
  readonly held: CarrierEvent[];
  cancelNext: () => void;
}

const REPEAT_MS = 200;
const EMIT_AGAIN_MS = 1000;
const RETRY_AFTER_MS = 1000;
const REFUSALS: Record<'rejected' | 'number_refused', PlaceResult> = {
  rejected: {
    kind: 'rejected',
    scope: 'carrier',
    code: '429',
    message: 'The simulated carrier refuses this call.',
    retryAfterMs: RETRY_AFTER_MS,
  },
  number_refused: { kind: 'rejected', scope: 'number', code: '404', message: 'The simulated carrier does not call this number.' },
};
// Records of ended calls that are kept for lookup.
const KEPT = 100_000;

/** Makes a simulated carrier. */
export const createSimulatedCarrier = (options: SimulatedCarrierOptions): SimulatedCarrier => {
  const { scheduler, seed = 1, speed = 1, ringLog = memoryRingLog() } = options;
  const factor = speed > 0 ? 1 / speed : 0;
  const calls = new Map<string, Call>();
  // The last call of each callId: after a second ring, a lookup tells of that one.
  const latest = new Map<string, Call>();
  const pending = new Set<() => void>();
  const hanging = new Set<() => void>();
  const emitting = new Set<Promise<void>>();
  const idlers = new Set<() => void>();
  let context: CarrierContext | undefined;
  let accepting = false;

  const whenIdle = (): void => {
    if (pending.size > 0 || emitting.size > 0) return;
    for (const idle of idlers) idle();
  };

  // All that is still to come is in `pending`, so that a stop knows what it waits for and what it drops.
  const later = (ms: number, act: () => void | Promise<void>): (() => void) => {
    const cancel = () => {
      cancelTimer();
      pending.delete(cancel);
    };
    const cancelTimer = scheduler.after(ms, async () => {
      await act();
      pending.delete(cancel);
      whenIdle();
    });
    pending.add(cancel);
    return cancel;
  };

  const emit = async (event: CarrierEvent): Promise<void> => {
    if (context === undefined) return;
    const done = context.emit(event).catch((error: unknown) => {
      context?.log.warn({ err: error, carrierCallId: event.carrierCallId }, 'an event of a simulated call was not taken and is told again');
      if (context !== undefined) later(EMIT_AGAIN_MS, () => emit(event));
    });
    emitting.add(done);
    await done;
    emitting.delete(done);
    whenIdle();
  };

  const tell = (call: Call, event: CarrierEvent): Promise<void> | undefined => {
    const { late, twice, endLost } = call.plan.script;
    if (endLost && event.body.type === 'ended') return undefined;
    const lateMs = late ? call.plan.lateMs * factor : 0;
    if (twice) later(lateMs + REPEAT_MS * factor, () => emit(event));
    if (!late) return emit(event);
    later(lateMs, () => emit(event));
    return undefined;
  };

  const toBody = (call: Call, step: Step): CarrierEventBody =>
    'body' in step
      ? step.body
      : {
          type: 'report',
          extraction: step.report.extraction,
          transcript: toTranscript(step.report.lines, call.answeredAt ?? scheduler.now(), factor),
        };

  const takeStep = (call: Call, step: Step): CarrierEvent => {
    const body = toBody(call, step);
    const { carrierCallId } = call;
    const at = scheduler.now();
    const about = { callId: call.request.callId, carrierCallId, dedupeKey: `${carrierCallId}/${body.type}`, at };
    if (body.type === 'answered') call.answeredAt = at;
    if (body.type === 'ended') call.ended = { ...about, body };
    return { ...about, body };
  };

  const happen = async (call: Call, step: Step, isLast: boolean): Promise<void> => {
    const event = takeStep(call, step);
    if (!call.plan.script.disordered) return tell(call, event);
    call.held.push(event);
    if (!isLast) return;
    for (const held of call.held.splice(0).reverse()) await tell(call, held);
  };

  // The next step waits for its time, not for the event of this one to be taken.
  const run = (call: Call, [step, ...rest]: readonly Step[]): void => {
    if (step === undefined) return;
    call.cancelNext = later(step.afterMs * factor, () => {
      run(call, rest);
      return happen(call, step, rest.length === 0);
    });
  };

  const forgetOldest = (): void => {
    const [oldest] = calls.values();
    if (calls.size <= KEPT || oldest?.ended === undefined) return;
    calls.delete(oldest.carrierCallId);
    if (latest.get(oldest.request.callId) === oldest) latest.delete(oldest.request.callId);
  };

  const originate = (request: PlaceCall, plan: CallPlan): string => {
    const ordinal = 1 + (latest.get(request.callId)?.ordinal ?? 0);
    const carrierCallId = `sim-${request.callId}-${ordinal}`;
    ringLog.append({ callId: request.callId, to: request.to, at: scheduler.now().toISOString() });
    const call: Call = { request, plan, carrierCallId, ordinal, answeredAt: undefined, ended: undefined, held: [], cancelNext: () => {} };
    calls.set(carrierCallId, call);
    latest.set(request.callId, call);
    forgetOldest();
    run(call, plan.steps);
    return carrierCallId;
  };

  const hang = (signal: AbortSignal): Promise<PlaceResult> =>
    new Promise((resolve) => {
      const letGo = () => {
        hanging.delete(letGo);
        signal.removeEventListener('abort', letGo);
        resolve({ kind: 'unknown', error: new Error('the carrier did not answer') });
      };
      hanging.add(letGo);
      signal.addEventListener('abort', letGo);
    });

  const talkedMs = (call: Call): number | undefined => {
    if (call.answeredAt === undefined) return undefined;
    return factor === 0 ? call.plan.talkMs : (scheduler.now().getTime() - call.answeredAt.getTime()) / factor;
  };

  const place = async (request: PlaceCall, signal: AbortSignal): Promise<PlaceResult> => {
    if (!accepting)
      return { kind: 'rejected', scope: 'carrier', code: 'not_running', message: 'The simulated carrier takes no calls now.' };
    if (signal.aborted)
      return { kind: 'rejected', scope: 'carrier', code: 'aborted', message: 'The call was given up before it was sent.' };
    const simulation = readSimulation(request);
    if ('problems' in simulation)
      return { kind: 'rejected', scope: 'number', code: 'bad_simulation', message: simulation.problems.join(' ') };
    const plan = planCall(request, simulation, seed);
    const { reply, unheard } = plan.script;
    if (reply === 'rejected' || reply === 'number_refused') return REFUSALS[reply];
    const carrierCallId = unheard ? undefined : originate(request, plan);
    if (reply === 'hangs') return hang(signal);
    if (carrierCallId === undefined || reply === 'loses_reply') return { kind: 'unknown', error: new Error('the answer was lost') };
    return { kind: 'accepted', carrierCallId };
  };

  const stop = async (drainMs: number): Promise<void> => {
    accepting = false;
    for (const letGo of [...hanging]) letGo();
    await new Promise<void>((resolve) => {
      idlers.add(resolve);
      const cancelLimit = scheduler.after(drainMs, resolve);
      idlers.add(cancelLimit);
      whenIdle();
    });
    idlers.clear();
    // Nothing of a call is left when its carrier goes: better hung up, and said so, than gone.
    const alive = [...calls.values()].filter(({ ended }) => ended === undefined);
    for (const cancel of [...pending]) cancel();
    await Promise.all(
      alive.map((call) => {
        const [end] = hungUp(call.plan, talkedMs(call), 'carrier-stopped');
        return emit(takeStep(call, end));
      }),
    );
    await Promise.all(emitting);
    context = undefined;
    for (const cancel of [...pending]) cancel();
  };

  return {
    kind: 'simulated',
    capabilities: { amd: 'native', media: false, transfer: false, recording: false, idempotentPlace: false, sharedRecord: false },
    start: async (given) => {
      context = given;
      accepting = true;
    },
    stop: ({ drainMs }) => stop(drainMs),
    health: async () => (accepting ? { ok: true } : { ok: false, detail: 'not running' }),
    place,
    hangup: async (carrierCallId, reason) => {
      const call = calls.get(carrierCallId);
      if (call === undefined || call.ended !== undefined) return;
      call.cancelNext();
      run(call, hungUp(call.plan, talkedMs(call), reason));
    },
    lookup: async (ref) => {
      const call = 'carrierCallId' in ref ? calls.get(ref.carrierCallId) : latest.get(ref.callId);
      if (call === undefined) return 'gone';
      return call.ended ?? 'live';
    },
    rings: () => ringLog.all(),
  };
};
