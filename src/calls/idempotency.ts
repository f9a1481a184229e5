// What a request is, so that its repetition can be told from another one with the same Idempotency-Key.            [pure]
import { isRecord } from '../is-record.ts';

/** Characters that a key may have. */
export const MAX_KEY_LENGTH = 255;

/** Hours for which a key is kept, in milliseconds. */
export const KEY_LIFE_MS = 24 * 3_600_000;

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
