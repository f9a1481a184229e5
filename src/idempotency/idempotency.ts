// What a request is, so that its repetition can be told from another one with the same Idempotency-Key.            [pure]
import { isRecord } from '../is-record.ts';

/** Characters that a key may have. */
export const MAX_KEY_LENGTH = 255;

/** Hours for which a key is kept, in milliseconds. */
export const KEY_LIFE_MS = 24 * 3_600_000;

/** A request with the key that its sender gave it. */
export interface KeyedRequest {
  accountId: number;
  key: string;
  /** What it asks: the same text for the same request. */
  text: string;
}

/** An answer that was given, for the next time. */
export interface FinishedAnswer {
  status: number;
  /** The body, byte for byte; undefined where it is too large to be kept. */
  response: string | undefined;
  headers: Record<string, string>;
}

/** Where a request that wants to begin stands with its key. */
export type BeginResult =
  /** The key is its own now, until it is settled. */
  | { kind: 'begun' }
  | { kind: 'finished'; answer: FinishedAnswer }
  /** It runs, or what ran it has died. */
  | { kind: 'running' }
  /** It failed, and nobody knows what it has done. */
  | { kind: 'unknown' }
  /** Another request with the key is just beginning. */
  | { kind: 'busy' }
  /** The key belongs to another request. */
  | { kind: 'reused' };

/** How a request that had begun has ended. A refusal has changed nothing that the key would have to protect. */
export type KeyedEnd = { kind: 'finished'; answer: FinishedAnswer } | { kind: 'refused' } | { kind: 'unknown' };

/** Where keys are kept. */
export interface KeyStore {
  /** Commits the key before anything is done under it. `now` is the name of this run to `settle`. */
  begin(request: KeyedRequest, now: Date): Promise<BeginResult>;
  /** Says how the run that began at `begunAt` has ended. A key that has passed to another run is left alone. */
  settle(request: KeyedRequest, begunAt: Date, end: KeyedEnd): Promise<void>;
}

// The order of keys is not the sender's to promise: many languages shuffle it from one request to the next.
const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
};

/** A request as a text that is the same for the same request. `body` is what was read from it. */
export const requestText = (method: string, path: string, body: unknown): string =>
  `${method} ${path}\n${JSON.stringify(sorted(body)) ?? ''}`;

/** The key of a header; undefined where it cannot be one. */
export const readKey = (header: string | string[]): string | undefined => {
  const key = [header].flat().join(', ').trim();
  return key === '' || key.length > MAX_KEY_LENGTH ? undefined : key;
};
