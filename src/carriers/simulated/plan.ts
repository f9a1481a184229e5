// The course of a simulated call, all of it before the first ring: a pure function of the seed, the call and its
// script.                                                                                                            [pure]
import type { CarrierEventBody, EndedEvent, PlaceCall } from '../carrier.ts';
import { type Drawn, drawBetween } from './draw.ts';
import { extract, type Line, linesOf } from './report.ts';
import type { CallScript, Ending } from './script.ts';
import { drawScript, PLAIN, parseSimulation, type Simulation } from './simulation.ts';

/** Something that happens in a call, after what happened before it. Times are the call's own, whatever the carrier's speed. */
export type Step =
  | { readonly afterMs: number; readonly body: Exclude<CarrierEventBody, { type: 'report' }> }
  /** A report tells when things were said, which is known when it is made. */
  | { readonly afterMs: number; readonly report: { readonly extraction: Record<string, unknown> | null; readonly lines: readonly Line[] } };

/** A planned call. */
export interface CallPlan {
  readonly script: CallScript;
  readonly steps: readonly Step[];
  /** What the longest talk would be, for a call that is hung up in the middle. */
  readonly talkMs: number;
  readonly lateMs: number;
}

type Ended = EndedEvent['body'];

const UNANSWERED: Record<
  'busy' | 'no_answer' | 'declined' | 'failed' | 'invalid_number' | 'canceled',
  Pick<Ended, 'outcome' | 'by'> & { sipCode: number }
> = {
  busy: { outcome: 'busy', by: 'network', sipCode: 486 },
  no_answer: { outcome: 'no-answer', by: 'network', sipCode: 480 },
  declined: { outcome: 'declined', by: 'callee', sipCode: 603 },
  failed: { outcome: 'failed', by: 'network', sipCode: 503 },
  invalid_number: { outcome: 'invalid-number', by: 'network', sipCode: 404 },
  canceled: { outcome: 'canceled', by: 'network', sipCode: 487 },
};

// These come to an end without a ring, sooner than a ring would take.
const SILENT: readonly Ending[] = ['busy', 'failed', 'invalid_number'];
const SILENT_SHARE = 0.3;

const AMD_MS = 500;
const REPORT_MS = 500;

const isAnswered = (ending: Ending): ending is 'human' | 'machine' | 'fax' | 'unknown' =>
  ending === 'human' || ending === 'machine' || ending === 'fax' || ending === 'unknown';

const ring: Step = { afterMs: 0, body: { type: 'ringing', earlyMedia: false } };

const unanswered = (request: PlaceCall, ending: keyof typeof UNANSWERED, ringMs: number): Step[] => {
  const end = (afterMs: number, ended: Pick<Ended, 'outcome' | 'by' | 'sipCode' | 'reason'>): Step => ({
    afterMs,
    body: { type: 'ended', ...ended, talkMs: 0 },
  });
  if (SILENT.includes(ending)) return [end(Math.min(ringMs * SILENT_SHARE, request.ringTimeoutMs), UNANSWERED[ending])];
  return [ring, end(ringMs, UNANSWERED[ending])];
};

const answered = (request: PlaceCall, script: CallScript, ringMs: number, talkMs: number, drawn: Drawn): Step[] => {
  const cut = talkMs >= request.maxDurationMs;
  const amdMs = Math.min(AMD_MS, talkMs / 2);
  const result = isAnswered(script.ending) ? script.ending : 'unknown';
  const steps: Step[] = [ring, { afterMs: ringMs, body: { type: 'answered' } }];
  if (request.amd !== 'off') {
    const beep = request.amd === 'wait-for-beep' && result === 'machine' ? { beep: true } : {};
    steps.push({ afterMs: amdMs, body: { type: 'amd', result, cause: 'simulated', atMs: Math.round(amdMs), ...beep } });
  }
  steps.push({
    afterMs: request.amd === 'off' ? talkMs : talkMs - amdMs,
    body: {
      type: 'ended',
      outcome: 'completed',
      by: cut ? 'us' : 'callee',
      sipCode: 200,
      ...(cut ? { reason: 'max-duration' } : {}),
      talkMs: Math.round(talkMs),
    },
  });
  if (script.report !== 'never')
    steps.push({ afterMs: REPORT_MS, report: { extraction: extract(request.vars ?? {}, script, drawn), lines: linesOf(script, talkMs) } });
  return steps;
};

// Nobody answers within the time for ringing: the call is canceled, by us, and counts as not answered.
const rungOut = (ringMs: number): Step[] => [
  ring,
  { afterMs: ringMs, body: { type: 'ended', outcome: 'no-answer', by: 'us', sipCode: 487, reason: 'ring-timeout', talkMs: 0 } },
];

/** What a request asks of the simulation, or what is wrong with that. */
export const readSimulation = (request: PlaceCall): Simulation | { readonly problems: readonly string[] } => {
  const text = request.vars?.simulation;
  if (text === undefined || text === '') return PLAIN;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { problems: ['The simulation is not JSON.'] };
  }
  const read = value === null ? { ok: true as const, simulation: PLAIN } : parseSimulation(value);
  return read.ok ? read.simulation : { problems: read.problems };
};

/** Plans a call. */
export const planCall = (request: PlaceCall, simulation: Simulation, carrierSeed: number | string): CallPlan => {
  const drawn: Drawn = { seed: simulation.seed ?? carrierSeed, callId: request.callId, to: request.to };
  const script = drawScript(simulation, drawn);
  const seconds = (label: string, bounds: readonly [number, number]): number => Math.round(drawBetween(drawn, label, bounds) * 1000);
  const wouldRing = script.ringsOut ? request.ringTimeoutMs : seconds('ring', simulation.ringSeconds);
  const wouldTalk = script.talksOut ? request.maxDurationMs : seconds('talk', simulation.talkSeconds);
  const ringMs = Math.min(wouldRing, request.ringTimeoutMs);
  const talkMs = Math.min(wouldTalk, request.maxDurationMs);
  const lateMs = simulation.lateSeconds * 1000;
  const { ending } = script;
  if (!isAnswered(ending) && SILENT.includes(ending)) return { script, steps: unanswered(request, ending, ringMs), talkMs, lateMs };
  if (wouldRing >= request.ringTimeoutMs) return { script, steps: rungOut(ringMs), talkMs, lateMs };
  if (isAnswered(ending)) return { script, steps: answered(request, script, ringMs, talkMs, drawn), talkMs, lateMs };
  return { script, steps: unanswered(request, ending, ringMs), talkMs, lateMs };
};

/** The rest of a call that is hung up from our side. */
export const hungUp = (plan: CallPlan, talkedMs: number | undefined, reason: string): readonly [Step, ...Step[]] => {
  if (talkedMs === undefined)
    return [{ afterMs: 0, body: { type: 'ended', outcome: 'canceled', by: 'us', sipCode: 487, reason, talkMs: 0 } }];
  const report = plan.steps.filter((step) => 'report' in step);
  const talkMs = Math.round(Math.min(talkedMs, plan.talkMs));
  return [{ afterMs: 0, body: { type: 'ended', outcome: 'completed', by: 'us', sipCode: 200, reason, talkMs } }, ...report];
};
