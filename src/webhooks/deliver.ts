// One attempt: sign, post, record. At least once: between the post and the record a process may die, and then the message
// goes out again under the same webhook-id.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../clock.ts';
import type { Db } from '../db/schema.ts';
import { type AttemptLog, recordAttempt } from './attempts.store.ts';
import type { FullMessage } from './claim.store.ts';
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
  /** Milliseconds for all of an attempt. */
  timeoutMs?: number;
  /** Hears of every attempt that was recorded, with what becomes of its message. Must not throw. */
  onAttempt?: ((becomes: Verdict['state'], durationMs: number) => void) | undefined;
}

/** Source: lifecycle 3. */
const TIMEOUT_MS = 10_000;
const RECORD_RETRY_MS = 1000;
/** A failover takes some seconds. What was answered meanwhile need not be asked again. */
const RECORD_TRIES = 30;

// The data is refused, or the statement: that will come again however often it is tried. An outage, a failover or a lock passes.
const isFinal = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' && /^(22|23|42)/.test(error.code);

const recordPatiently = async ({ db, clock }: DeliveryDeps, message: FullMessage, log: AttemptLog, signal: AbortSignal): Promise<void> => {
  for (let tried = 1; ; tried += 1) {
    try {
      return await recordAttempt(db, message, log, judge(log, message.step), clock());
    } catch (error) {
      if (isFinal(error) || signal.aborted || tried === RECORD_TRIES) throw error;
      // Cut short by a stop, which tries once more.
      await sleep(RECORD_RETRY_MS, undefined, { signal }).catch(() => {});
    }
  }
};

/** Makes the attempt that a claim has begun. What it came to is in the log. On `signal` it ends soon. @throws the database's error. */
export const deliver = async (deps: DeliveryDeps, message: FullMessage, signal: AbortSignal): Promise<void> => {
  const { db, clock } = deps;
  const at = clock();
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
  const durationMs = Math.round(performance.now() - began);
  await recordPatiently(deps, message, { ...result, at, headers, durationMs }, signal);
  deps.onAttempt?.(judge(result, message.step).state, durationMs);
};
