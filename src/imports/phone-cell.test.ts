import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { CountryCode } from '../phone.ts';
import { quoteCell, readPhoneCell } from './phone-cell.ts';

test.each<[cell: string, country: CountryCode | undefined, expected: string]>([
  ['+1 202-555-0123', undefined, '+12025550123'],
  ['+1 (202) 555-0123', 'RO', '+12025550123'],
  ['+1.202.555.0123', undefined, '+12025550123'],
  ['0040 700 000 012', undefined, '+40700000012'],
  ['0040 700 000 012', 'DE', '+40700000012'],
  ['0700 000 012', 'RO', '+40700000012'],
  ['700000012', 'RO', '+40700000012'],
  ['030/23125 123', 'DE', '+493023125123'],
  ['(202) 555-0123', 'US', '+12025550123'],
  ['tel: +1 202 555 0123', undefined, '+12025550123'],
  ["'+12025550123", undefined, '+12025550123'],
  ['\u202A+1 202 555 0123\u202C', undefined, '+12025550123'],
  ['+1\u00A0202\u2011555\u20130123', undefined, '+12025550123'],
  ['＋１２０２５５５０１２３', undefined, '+12025550123'],
  ['12025550123.0', undefined, '+12025550123 assumed_international'],
  ['12025550123', undefined, '+12025550123 assumed_international'],
  ['12025550123', 'RO', '+12025550123 assumed_international'],
  ['40700000012', 'RO', '+40700000012'],
  ['+1 202 555 0123 x12', undefined, '+12025550123 extension_dropped'],
  ['(202) 555-0123, ext. 12', 'US', '+12025550123 extension_dropped'],
  ['+44 (0)7700 900123', undefined, '+447700900123 unassignable_number'],
  ['+39 (0)6 69812345', undefined, '+390669812345'],
  ['+40 0700000001', undefined, '+40700000001 trunk_zero_dropped'],
  ['0040 0700 000 001', 'DE', '+40700000001 trunk_zero_dropped'],
  ['+49 030 23125123', undefined, '+493023125123 trunk_zero_dropped'],
  ['+44 020 7946 0000 x3', undefined, '+442079460000 extension_dropped trunk_zero_dropped'],
  ['+34 0612 345 678', undefined, '+34612345678 trunk_zero_dropped'],
  ['400700000001', undefined, '+40700000001 assumed_international trunk_zero_dropped'],
  ['400700000001', 'RO', '+40700000001'],
  ['+39 06 69812345', undefined, '+390669812345'],
  ['+39 0347 1234567', undefined, '+3903471234567 unassignable_number'],
  ['+242 06 612 3456', undefined, '+242066123456'],
  ['+44 07700 900123', undefined, '+4407700900123 unassignable_number'],
  ['+40 00700000001', undefined, '+4000700000001 unassignable_number'],
  ['+1234567890', undefined, '+1234567890 unassignable_number'],
  ['07700 900123', 'GB', '+447700900123 unassignable_number'],
  ['4.07412E+10', 'RO', 'was shortened by a spreadsheet'],
  ['4,07E10', undefined, 'was shortened by a spreadsheet'],
  ['0700 000 012', undefined, 'has no country code'],
  ['+40', undefined, 'is too short'],
  ['12345', undefined, 'is too short'],
  ['0700 000', 'RO', 'is not a phone number of RO'],
  ['0741 23456', 'RO', 'is not a phone number of RO'],
  ['555-0123', 'US', 'is not a phone number of US'],
  ['0741', 'RO', 'is not a phone number of RO'],
  ['+1234567890123456', undefined, 'is too long'],
  ['+0123456789', undefined, 'is not a phone number in international form'],
  ['+1 202 555 0123; +1 202 555 0124', undefined, 'holds more than one number'],
  ['+12025550123/+12025550124', undefined, 'holds more than one number'],
  ['0700 000 017 / 0700 000 018', 'RO', 'holds more than one number'],
  ['n/a', undefined, 'is not a phone number'],
  ['call Ion', 'RO', 'is not a phone number'],
  ['+', undefined, 'is not a phone number'],
  ["'", undefined, 'is not a phone number'],
  ['=1+1', undefined, 'holds more than one number'],
  ['x12', undefined, 'is not a phone number'],
])('%j with %s', (cell, country, expected) => {
  const reading = readPhoneCell(cell, country);
  if ('problem' in reading) expect(reading.problem).toMatch(new RegExp(`^${expected}`));
  else expect([reading.number, ...reading.remarks.map(({ kind }) => kind)].join(' ')).toBe(expected);
});

test('whatever a cell holds, what comes out has the shape of E.164', () => {
  const digits = fc.string({ unit: fc.constantFrom(...'0123456789+ .-()/xE,'), maxLength: 24 });
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary', maxLength: 30 }), digits), fc.constantFrom(undefined, 'RO', 'US'), (cell, country) => {
      const reading = readPhoneCell(cell, country as CountryCode | undefined);
      if (!('problem' in reading)) expect(reading.number).toMatch(/^\+[1-9]\d{6,14}$/);
    }),
    { numRuns: 2000 },
  );
});

test.each([
  ['a\n b', '"a b"'],
  ['x'.repeat(100), `"${'x'.repeat(60)}…"`],
  ['\0', '" "'],
])('quotes %j', (cell, quoted) => {
  expect(quoteCell(cell)).toBe(quoted);
});
