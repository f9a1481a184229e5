import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { hashSecret, isSecret, newSecret, parseBearer, parseGivenKey, presentApiKey } from './api-key.ts';

const SECRET = 'abcdefghijklmnopqrst';

test.each<[string, ReturnType<typeof parseBearer>]>([
  [`7|${SECRET}`, { id: 7, secret: SECRET }],
  [SECRET, { id: undefined, secret: SECRET }],
  ['7|', { id: 7, secret: '' }],
  ['7|a|b', { id: 7, secret: 'a|b' }],
  ['', { id: undefined, secret: '' }],
  [`|${SECRET}`, undefined],
  [`0|${SECRET}`, undefined],
  [`07|${SECRET}`, undefined],
  [`-7|${SECRET}`, undefined],
  [`7 |${SECRET}`, undefined],
  [`1e3|${SECRET}`, undefined],
  [`9223372036854775808|${SECRET}`, undefined],
])('the bearer token %o', (token, expected) => {
  expect(parseBearer(token)).toEqual(expected);
});

test.each<[string, ReturnType<typeof parseGivenKey>]>([
  [` 7|${SECRET} `, { id: 7, secret: SECRET }],
  [`999999999999999|${SECRET}`, { id: 999_999_999_999_999, secret: SECRET }],
  [`7|${SECRET.slice(1)}`, undefined],
  [`7|${SECRET}-`, undefined],
  [`7|${'a'.repeat(256)}`, undefined],
  [`0|${SECRET}`, undefined],
  [SECRET, undefined],
  [`1000000000000000|${SECRET}`, undefined],
])('the given key %o', (text, expected) => {
  expect(parseGivenKey(text)).toEqual(expected);
});

test('a secret is 40 letters and digits, and never the same', () => {
  const secrets = Array.from({ length: 200 }, newSecret);
  for (const secret of secrets) expect(secret).toMatch(/^[A-Za-z0-9]{40}$/);
  expect(new Set(secrets).size).toBe(200);
  expect(new Set(secrets.join('')).size).toBe(62);
});

test('what is kept is the SHA-256 of the secret', () => {
  expect(hashSecret(SECRET)).toBe(createHash('sha256').update(SECRET).digest('hex'));
  expect(isSecret(SECRET, hashSecret(SECRET))).toBe(true);
  expect(isSecret(`${SECRET}x`, hashSecret(SECRET))).toBe(false);
  expect(isSecret('', hashSecret(SECRET))).toBe(false);
});

test('a key is shown without its hash', () => {
  const at = new Date('2026-03-02T08:15:40.5Z');
  const row = { id: 3, account_id: 1, name: 'CI', secret_hash: 'x', last_used_at: null, created_at: at };
  expect(presentApiKey(row)).toEqual({ id: 3, name: 'CI', last_used_at: null, created_at: '2026-03-02T08:15:40.500000Z' });
  expect(presentApiKey({ ...row, last_used_at: at }).last_used_at).toBe('2026-03-02T08:15:40.500000Z');
});
