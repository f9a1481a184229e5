// The worker: sign, post, record. At least once: between the post and the record a process may die, and then the message
// goes out again under the same webhook-id.
import type { Clock } from '../clock.ts';
import type { Db } from '../db/schema.ts';
import { beginAttempt, postpone, recordAttempt } from './attempts.store.ts';
import { insertMissingJobs, QUEUE } from './delivery-jobs.store.ts';
import { isPublicAddress, type Resolve } from './destination.ts';
import { post, systemResolve } from './post.ts';
import { judge, type Verdict } from './retries.ts';
import { signingSecrets } from './secrets.store.ts';
import { signedHeaders } from './signature.ts';

/** What delivering needs. */
export interface DeliveryDeps {
  db: Db;
  clock: Clock;
  /** WEBHOOK_ALLOW_PRIVATE. */
  allowPrivate: boolean;
  /** Looks names up; the system's resolver where it is not given. */
  resolve?: Resolve;
  /** For all of an attempt. */
  timeoutMs?: number;
  /** Hears of every attempt that was recorded, with what becomes of its message. Must not throw. */
  onAttempt?: ((becomes: Verdict['state'], durationMs: number) => void) | undefined;
}

/** Source: lifecycle 3. */
const TIMEOUT_MS = 10_000;

/** Makes one attempt on a message if it is due. What it came to is in the log. */
export const deliver = async (deps: DeliveryDeps, messageId: number, signal: AbortSignal): Promise<void> => {
  const { db, clock } = deps;
  const at = clock();
  const message = await beginAttempt(db, messageId, at);
  if (message === undefined) return postpone(db, messageId, at);
  const secrets = await signingSecrets(db, message.account_id, at);
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'Outdial',
    ...signedHeaders(
      secrets.map(({ secret }) => secret),
      message.webhook_id,
      at,
      message.payload,
    ),
  };
  const began = performance.now();
  const result = await post(message.url, headers, message.payload, {
    mayReach: deps.allowPrivate ? () => true : isPublicAddress,
    resolve: deps.resolve ?? systemResolve,
    timeoutMs: deps.timeoutMs ?? TIMEOUT_MS,
    signal,
  });
  const log = { ...result, at, headers, durationMs: Math.round(performance.now() - began) };
  const verdict = judge(result, message.step);
  await recordAttempt(db, message, log, verdict, clock());
  deps.onAttempt?.(verdict.state, log.durationMs);
};

/** The queue's worker, for startJobs. A stranger's server may take its ten seconds: it holds at most a fifth of the places. */
export const webhookWorker = (deps: DeliveryDeps) => ({
  queue: QUEUE,
  concurrency: 100,
  perGroup: 20,
  begin: (): Promise<void> => insertMissingJobs(deps.db, deps.clock()),
  work: async (data: unknown, signal: AbortSignal): Promise<void> => {
    const id = typeof data === 'object' && data !== null && 'message' in data ? Number(data.message) : Number.NaN;
    if (Number.isSafeInteger(id)) await deliver(deps, id, signal);
  },
});
