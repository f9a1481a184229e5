// Whether a process can do its work: its checks, side by side, each within a time limit, and one answer for all who ask at once.
import { createBounded, TimeLimitError, withTimeLimit } from './time-limit.ts';

/** How a check went. */
export interface CheckResult {
  ok: boolean;
  /** Whether the process cannot do its work because of it. A check that only informs says false. */
  required: boolean;
  /** What is wrong, in a sentence without names of hosts or people. */
  reason?: string;
  /** What was measured. The names say the unit. */
  figures?: Record<string, number>;
}

/** Something to be looked at. */
export interface Check {
  name: string;
  /** Whether the process cannot do its work when this check fails to answer. */
  required: boolean;
  run(): Promise<CheckResult>;
  /** Runs that may be under way at once; those beyond wait for the last one. One where it is not said. */
  mostAtOnce?: number;
}

/** What is answered to whoever asks. */
export interface Readiness {
  ready: boolean;
  checks: Record<string, CheckResult>;
}

export interface ReadinessDeps {
  checks: readonly Check[];
  /** Hears of a check that failed or was late. */
  onError: (error: unknown, check: string) => void;
  /** Milliseconds that a check is given. */
  limitMs?: number;
  /** Milliseconds for which an answer is given again, so that nobody can load the database by asking. */
  keepMs?: number;
}

const LIMIT_MS = 2000;
const KEEP_MS = 500;

const prepare = ({ name, required, run, mostAtOnce = 1 }: Check, limitMs: number, onError: ReadinessDeps['onError']) => {
  const bounded = createBounded(mostAtOnce, run);
  return async (): Promise<[string, CheckResult]> => {
    try {
      return [name, await withTimeLimit(limitMs, bounded)];
    } catch (error) {
      onError(error, name);
      return [name, { ok: false, required, reason: error instanceof TimeLimitError ? `${error.message}.` : 'could not be checked.' }];
    }
  };
};

/** Makes the question. It never throws, and is answered within the limit. */
export const createReadiness = ({ checks, onError, limitMs = LIMIT_MS, keepMs = KEEP_MS }: ReadinessDeps): (() => Promise<Readiness>) => {
  const prepared = checks.map((check) => prepare(check, limitMs, onError));
  let kept: { answer: Readiness; at: number } | undefined;
  const ask = createBounded(1, async (): Promise<Readiness> => {
    const results = await Promise.all(prepared.map((run) => run()));
    const answer = { ready: results.every(([, { ok, required }]) => ok || !required), checks: Object.fromEntries(results) };
    kept = { answer, at: performance.now() };
    return answer;
  });
  return async () => (kept !== undefined && performance.now() - kept.at < keepMs ? kept.answer : ask());
};
