// How a campaign's simulated calls turn out: the settings, read with everything that is wrong with them, and a script drawn
// by them.                                                                                                          [pure]
import { isRecord } from '../../is-record.ts';
import { type Drawn, draw, drawWeighted } from './draw.ts';
import { type CallScript, ENDINGS, type Ending, SMOOTH, scriptOf } from './script.ts';

const REFUSED = ['rejected', 'number_refused'] as const;
type Refused = (typeof REFUSED)[number];
const RESULTS = [...ENDINGS, ...REFUSED] as const;
type Result = Ending | Refused;

const isRefused = (result: Result): result is Refused => result === 'rejected' || result === 'number_refused';

const FAULTS = ['late', 'twice', 'disordered', 'end_lost', 'reply_lost', 'request_lost', 'hangs'] as const;
type Fault = (typeof FAULTS)[number];

/** A campaign's `simulation`, complete. docs/carriers.md explains each. */
export interface Simulation {
  /** Weights of what comes of calls, in any unit. Null: the numbers' last digits decide. */
  readonly mix: readonly (readonly [Result, number])[] | null;
  /** Of the calls that a human answers (or nobody knows who), the share that meets the goal. */
  readonly goalRate: number;
  /** Of the answered calls, the share that is followed by a report. */
  readonly reportRate: number;
  /** The share of calls with a fault of the carrier, each drawn by itself. */
  readonly faults: Readonly<Record<Fault, number>>;
  readonly ringSeconds: readonly [number, number];
  readonly talkSeconds: readonly [number, number];
  readonly lateSeconds: number;
  /** Null: the carrier's own. */
  readonly seed: number | string | null;
}

const NO_FAULTS: Record<Fault, number> = { late: 0, twice: 0, disordered: 0, end_lost: 0, reply_lost: 0, request_lost: 0, hangs: 0 };

/** What holds where nothing is said. */
export const PLAIN: Simulation = {
  mix: null,
  goalRate: 1,
  reportRate: 1,
  faults: NO_FAULTS,
  ringSeconds: [1, 3],
  talkSeconds: [1, 3],
  lateSeconds: 5,
  seed: null,
};

const LONGEST_SECONDS = 7200;
const KEYS = ['mix', 'goal_rate', 'report_rate', 'faults', 'ring_seconds', 'talk_seconds', 'late_seconds', 'seed'];
const OF_MIX = ['goal_rate', 'report_rate', 'faults'];

type Read = { readonly ok: true; readonly simulation: Simulation } | { readonly ok: false; readonly problems: readonly string[] };

const isWithin = (value: unknown, most: number): value is number => typeof value === 'number' && value >= 0 && value <= most;

const strangers = (value: object, known: readonly string[], where: string): string[] =>
  Object.keys(value)
    .filter((key) => !known.includes(key))
    .map((key) => `${where}${key} is not known; there are ${known.join(', ')}.`);

/** Reads a campaign's `simulation`. A key that is left out has its default; one that is not known is a problem. */
export const parseSimulation = (value: unknown): Read => {
  if (!isRecord(value)) return { ok: false, problems: ['The simulation must be an object.'] };
  const problems = strangers(value, KEYS, '');

  const rate = (given: unknown, key: string, fallback: number): number => {
    if (given === undefined || isWithin(given, 1)) return given ?? fallback;
    problems.push(`${key} must be a number from 0 to 1.`);
    return fallback;
  };
  const span = (key: string, fallback: readonly [number, number]): readonly [number, number] => {
    const given = value[key];
    if (given === undefined) return fallback;
    if (Array.isArray(given) && given.length === 2) {
      const [from, to]: unknown[] = given;
      if (isWithin(from, LONGEST_SECONDS) && isWithin(to, LONGEST_SECONDS) && from <= to) return [from, to];
    }
    problems.push(`${key} must be two numbers of seconds, the shorter first, up to ${LONGEST_SECONDS}.`);
    return fallback;
  };
  const mix = (): Simulation['mix'] => {
    const given = value.mix;
    if (given === undefined || given === null) return null;
    if (!isRecord(given)) {
      problems.push('mix must be an object of weights.');
      return null;
    }
    problems.push(...strangers(given, RESULTS, 'mix.'));
    const weights = RESULTS.map((result) => {
      const weight = given[result] ?? 0;
      if (isWithin(weight, Number.MAX_SAFE_INTEGER)) return [result, weight] as const;
      problems.push(`mix.${result} must be a number, 0 or more.`);
      return [result, 0] as const;
    });
    if (weights.every(([, weight]) => weight === 0)) problems.push('mix must give a weight to something.');
    return weights;
  };
  const faults = (): Simulation['faults'] => {
    const given = value.faults ?? {};
    if (!isRecord(given)) {
      problems.push('faults must be an object of rates.');
      return NO_FAULTS;
    }
    problems.push(...strangers(given, FAULTS, 'faults.'));
    const read = { ...NO_FAULTS };
    for (const fault of FAULTS) read[fault] = rate(given[fault], `faults.${fault}`, 0);
    return read;
  };
  const late = (): number => {
    const given = value.late_seconds;
    if (given === undefined || isWithin(given, LONGEST_SECONDS)) return given ?? PLAIN.lateSeconds;
    problems.push(`late_seconds must be a number of seconds up to ${LONGEST_SECONDS}.`);
    return PLAIN.lateSeconds;
  };
  const seed = (): Simulation['seed'] => {
    const given = value.seed ?? null;
    if (given === null || typeof given === 'string' || (typeof given === 'number' && Number.isFinite(given))) return given;
    problems.push('seed must be a number or a text.');
    return null;
  };

  const simulation: Simulation = {
    mix: mix(),
    goalRate: rate(value.goal_rate, 'goal_rate', PLAIN.goalRate),
    reportRate: rate(value.report_rate, 'report_rate', PLAIN.reportRate),
    faults: faults(),
    ringSeconds: span('ring_seconds', PLAIN.ringSeconds),
    talkSeconds: span('talk_seconds', PLAIN.talkSeconds),
    lateSeconds: late(),
    seed: seed(),
  };
  const idle = value.mix === undefined || value.mix === null ? OF_MIX.filter((key) => value[key] !== undefined) : [];
  problems.push(...idle.map((key) => `${key} needs a mix: without one the numbers' last digits decide.`));
  return problems.length === 0 ? { ok: true, simulation } : { ok: false, problems };
};

const replyOf = (result: Result, hit: (fault: Fault) => boolean): Pick<CallScript, 'reply' | 'unheard'> => {
  if (isRefused(result)) return { reply: result, unheard: false };
  // A request that got lost on its way may look either way to whoever waits.
  const unheard = hit('request_lost');
  if (hit('hangs')) return { reply: 'hangs', unheard };
  return { reply: unheard || hit('reply_lost') ? 'loses_reply' : 'accepted', unheard };
};

/** What a call is to do: drawn from the mix, or by the number's last digits. */
export const drawScript = (simulation: Simulation, drawn: Drawn): CallScript => {
  const { mix, goalRate, reportRate, faults } = simulation;
  if (mix === null) return scriptOf(drawn.to);
  const hit = (fault: Fault): boolean => draw(drawn, fault) < faults[fault];
  const result = drawWeighted(drawn, 'result', mix) ?? 'human';
  const ending = isRefused(result) ? 'failed' : result;
  return {
    ...SMOOTH,
    ...replyOf(result, hit),
    ending,
    goal: (ending === 'human' || ending === 'unknown') && draw(drawn, 'goal') < goalRate,
    report: draw(drawn, 'report') < reportRate ? 'given' : 'never',
    late: hit('late'),
    twice: hit('twice'),
    disordered: hit('disordered'),
    endLost: hit('end_lost'),
  };
};
