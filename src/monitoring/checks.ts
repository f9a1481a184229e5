// The checks of /readyz by role. docs/monitoring.md says which of them keep a process from being ready, and why.
import type { Carrier } from '../carriers/carrier.ts';
import type { Clock } from '../clock.ts';
import type { Db } from '../db/schema.ts';
import { compareSchema, pingDatabase, readPause, readWebhookState } from './health.store.ts';
import type { Check, CheckResult } from './readiness.ts';

/** What the checks look at. */
export interface CheckDeps {
  db: Db;
  clock: Clock;
  /** What this process does. */
  does: { dialing: boolean; delivering: boolean; watching: boolean };
  /** Milliseconds since the dialer's last round ended, or since it began to work. */
  roundAgeMs: () => number;
  /** The carrier of this process's dialer; undefined until the dialer has started. */
  carrier: () => Carrier | undefined;
  /** Campaigns for which nobody claims. */
  unclaimed: () => number;
  /** Milliseconds since this process began. */
  uptimeMs: () => number;
  /** Hears why the carrier says that it is not well; its words may name its host, so they are for the log. */
  onUnwell: (detail: string | undefined) => void;
}

/** A dialer ends a round every second at the latest. */
export const LONGEST_ROUND_AGE_MS = 15_000;
/** A webhook that is due is taken within a second or two, if places are free. */
export const LONGEST_DUE_MS = 120_000;
/** Without any attempt in this time, and with some due, nobody delivers. */
export const LONGEST_SILENCE_MS = 60_000;

const SECOND = 1000;
const seconds = (ms: number): number => Math.round(Math.max(0, ms)) / SECOND;

const databaseCheck = ({ db }: CheckDeps): Check => ({
  name: 'database',
  required: true,
  // If one backend hangs, the next question goes over another connection.
  mostAtOnce: 2,
  run: async () => {
    const began = performance.now();
    await pingDatabase(db);
    return { ok: true, required: true, figures: { answer_seconds: seconds(performance.now() - began) } };
  },
});

const schemaCheck = ({ db }: CheckDeps): Check => ({
  name: 'schema',
  required: false,
  run: async (): Promise<CheckResult> => {
    const { applied, missing, newer } = await compareSchema(db);
    const figures = { applied, missing: missing.length, newer: newer.length };
    if (missing.length > 0)
      return { ok: false, required: true, reason: `The database lacks ${missing.join(', ')}: restart this process.`, figures };
    // Whoever upgrades has been told to stop the older processes first. One that runs on still does what it can.
    if (newer.length > 0)
      return {
        ok: false,
        required: false,
        reason: `A newer version has migrated the database (${newer.join(', ')}): upgrade this process.`,
        figures,
      };
    return { ok: true, required: true, figures };
  },
});

const dialerCheck = ({ roundAgeMs }: CheckDeps): Check => ({
  name: 'dialer',
  required: true,
  run: async (): Promise<CheckResult> => {
    const age = roundAgeMs();
    const figures = { round_age_seconds: seconds(age) };
    if (age <= LONGEST_ROUND_AGE_MS) return { ok: true, required: true, figures };
    return { ok: false, required: true, reason: 'The dialer has not ended a round for too long.', figures };
  },
});

const carrierCheck = ({ carrier, onUnwell }: CheckDeps): Check => ({
  name: 'carrier',
  required: false,
  run: async (): Promise<CheckResult> => {
    const health = (await carrier()?.health()) ?? { ok: false, detail: 'not started' };
    if (health.ok) return { ok: true, required: false };
    onUnwell(health.detail);
    return { ok: false, required: false, reason: 'The carrier says that it is not well; the log has its words.' };
  },
});

const pauseCheck = ({ db, clock, carrier }: CheckDeps): Check => ({
  name: 'carrier_pause',
  required: false,
  run: async (): Promise<CheckResult> => {
    const now = clock();
    const until = await readPause(db, carrier()?.kind ?? '', now);
    if (until === undefined) return { ok: true, required: false };
    const figures = { pause_seconds: seconds(until.getTime() - now.getTime()) };
    return { ok: false, required: false, reason: 'The carrier refused calls and is left alone for a while.', figures };
  },
});

const webhooksCheck = ({ db, clock, uptimeMs }: CheckDeps): Check => ({
  name: 'webhooks',
  required: false,
  run: async (): Promise<CheckResult> => {
    const now = clock();
    const { dueSince, attemptedAt } = await readWebhookState(db, now);
    if (dueSince === undefined) return { ok: true, required: true, figures: { oldest_due_seconds: 0 } };
    const due = now.getTime() - dueSince.getTime();
    const figures = { oldest_due_seconds: seconds(due) };
    if (due <= LONGEST_DUE_MS) return { ok: true, required: true, figures };
    const silence = Math.min(uptimeMs(), attemptedAt === undefined ? Number.POSITIVE_INFINITY : now.getTime() - attemptedAt.getTime());
    // A receiver that is slow or down is not this process's fault, as long as somebody tries.
    if (silence <= LONGEST_SILENCE_MS)
      return { ok: false, required: false, reason: 'Webhooks are overdue, and are being delivered.', figures };
    return { ok: false, required: true, reason: 'Webhooks are overdue, and nobody delivers any.', figures };
  },
});

const campaignsCheck = ({ unclaimed }: CheckDeps): Check => ({
  name: 'campaigns',
  required: false,
  run: async (): Promise<CheckResult> => {
    const count = unclaimed();
    const figures = { unclaimed: count };
    if (count === 0) return { ok: true, required: false, figures };
    return { ok: false, required: false, reason: 'Nobody claims calls for campaigns that are in progress and have somebody due.', figures };
  },
});

/** The checks of a process. */
export const createChecks = (deps: CheckDeps): Check[] => [
  databaseCheck(deps),
  schemaCheck(deps),
  ...(deps.does.dialing ? [dialerCheck(deps), carrierCheck(deps), pauseCheck(deps)] : []),
  ...(deps.does.delivering ? [webhooksCheck(deps)] : []),
  ...(deps.does.watching ? [campaignsCheck(deps)] : []),
];
