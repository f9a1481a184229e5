import { describe, expect, test } from 'vitest';
import { countryOf, isAssignable, isCountry, toE164, toE164In, withoutTrunkZero } from './phone.ts';

test.each([
  ['+1234567890', '+1234567890'],
  ['+12025550143', '+12025550143'],
  ['+1 (202) 555-01.43', '+12025550143'],
  ['+1234567', '+1234567'],
  ['+123456789012345', '+123456789012345'],
  ['+123456', undefined],
  ['+1234567890123456', undefined],
  ['+0123456789', undefined],
  ['12025550143', undefined],
  ['0012025550143', undefined],
  ['++12025550143', undefined],
  ['+1202555014３', undefined],
  ['+1202555\t0143', undefined],
  ['+12025550143x5', undefined],
  ['+', undefined],
  ['', undefined],
])('%o as E.164: %o', (text, expected) => {
  expect(toE164(text)).toBe(expected);
});

const e164 = (text: string) => {
  const number = toE164(text);
  if (number === undefined) throw new Error(`${text} is no number`);
  return number;
};

test.each([
  ['+12025550143', 'US'],
  ['+40741000000', 'RO'],
  ['+1234567890', 'ZZ'],
])('%s is of %s', (number, country) => {
  expect(countryOf(e164(number))).toBe(country);
});

describe('national numbers', () => {
  test.each([
    ['0741 000 000', 'RO', '+40741000000'],
    ['(202) 555-0143', 'US', '+12025550143'],
    ['+44 20 7946 0000', 'RO', '+442079460000'],
    ['12', 'RO', undefined],
    ['call 0741 000 000', 'RO', undefined],
    ['', 'RO', undefined],
  ] as const)('%s in %s: %s', (text, country, expected) => {
    expect(toE164In(text, country)).toBe(expected);
  });
});

test('the documents’ own sample is well shaped, though nobody can have it', () => {
  expect(isAssignable(e164('+1234567890'))).toBe(false);
  expect(isAssignable(e164('+12024561111'))).toBe(true);
  expect(isAssignable(e164('+400700000001'))).toBe(false);
});

test.each([
  ['RO', true],
  ['ro', false],
  ['ZZ', false],
  ['constructor', false],
])('%s is a country: %s', (code, expected) => {
  expect(isCountry(code)).toBe(expected);
});

test.each([
  ['+400700000001', '+40700000001'],
  ['+4402079460000', '+442079460000'],
  ['+40700000001', undefined],
  ['+4000700000001', undefined],
  ['+390669812345', undefined],
  ['+3903471234567', undefined],
  ['+242066123456', undefined],
  ['+1234567890', undefined],
])('%s without a trunk zero: %s', (number, expected) => {
  expect(withoutTrunkZero(e164(number))).toBe(expected);
});
