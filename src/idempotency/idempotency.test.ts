import { expect, test } from 'vitest';
import { readKey, requestText } from './idempotency.ts';

const text = (body: unknown) => requestText('POST', '/user/make_call', body);

test('the same request is the same text, however its keys are ordered', () => {
  const one = text({ phone_number: '+1', variables: { a: 1, b: [{ x: 1, y: 2 }] } });
  expect(text({ variables: { b: [{ y: 2, x: 1 }], a: 1 }, phone_number: '+1' })).toBe(one);
});

test.each<[string, unknown, unknown]>([
  ['another value', { a: 1 }, { a: 2 }],
  ['another type', { a: 1 }, { a: '1' }],
  ['another order of a list', { a: [1, 2] }, { a: [2, 1] }],
  ['null and nothing', { a: null }, {}],
  ['a key more', { a: 1 }, { a: 1, b: undefined, c: 0 }],
  ['an object and a list', { a: {} }, { a: [] }],
])('%s is another request', (_name, one, other) => {
  expect(text(one)).not.toBe(text(other));
});

test('another verb or path is another request', () => {
  expect(requestText('POST', '/a', {})).not.toBe(requestText('PUT', '/a', {}));
  expect(requestText('POST', '/a', {})).not.toBe(requestText('POST', '/b', {}));
});

test.each<[string, string | string[], string | undefined]>([
  ['a uuid', '8e03978e-40d5-43e8-bc93-6894a57f9324', '8e03978e-40d5-43e8-bc93-6894a57f9324'],
  ['blanks around it', ' a ', 'a'],
  ['255 characters', 'x'.repeat(255), 'x'.repeat(255)],
  ['256 characters', 'x'.repeat(256), undefined],
  ['nothing', '', undefined],
  ['blanks', '  ', undefined],
])('the header: %s', (_name, header, key) => {
  expect(readKey(header)).toBe(key);
});
