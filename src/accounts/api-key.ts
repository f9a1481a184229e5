// API keys: `<id>|<secret>`. The secret is shown once; what is kept is its SHA-256.
import { createHash, randomInt, timingSafeEqual } from 'node:crypto';
import type { ApiKeyRow } from '../db/schema.ts';
import { toIsoMicro } from '../http/wire-time.ts';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const SECRET_LENGTH = 40;

/** A key as it is written down: its id, where it names one, and its secret. */
export interface KeyText {
  id: number | undefined;
  secret: string;
}

/** A new secret: 40 letters and digits, 238 bits. */
export const newSecret = (): string => Array.from({ length: SECRET_LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');

/** Lower-case hexadecimal SHA-256 of a secret. No salt: a secret is random and long. */
export const hashSecret = (secret: string): string => createHash('sha256').update(secret).digest('hex');

/** Whether a secret is the hashed one, in constant time. */
export const isSecret = (secret: string, hash: string): boolean =>
  timingSafeEqual(Buffer.from(hashSecret(secret), 'hex'), Buffer.from(hash, 'hex'));

/** Reads a bearer token: `<id>|<secret>` or a bare secret. Undefined when the id is no id. */
export const parseBearer = (token: string): KeyText | undefined => {
  const bar = token.indexOf('|');
  if (bar < 0) return { id: undefined, secret: token };
  const id = token.slice(0, bar);
  if (!/^[1-9]\d{0,14}$/.test(id)) return undefined;
  return { id: Number(id), secret: token.slice(bar + 1) };
};

/** Reads a key that an operator chose: `<id>|<secret>`, the secret 20 or more letters and digits. */
export const parseGivenKey = (text: string): { id: number; secret: string } | undefined => {
  const match = /^([1-9]\d{0,14})\|([A-Za-z0-9]{20,255})$/.exec(text.trim());
  return match === null ? undefined : { id: Number(match[1]), secret: match[2] ?? '' };
};

/** What is wrong with a key that parseGivenKey refuses. */
export const GIVEN_KEY_FORM = 'must look like 7|secret: an id, a bar and a secret of 20 or more letters and digits';

/** Key metadata as the wire shows it. */
export const presentApiKey = (row: ApiKeyRow) => ({
  id: row.id,
  name: row.name,
  last_used_at: row.last_used_at === null ? null : toIsoMicro(row.last_used_at),
  created_at: toIsoMicro(row.created_at),
});
