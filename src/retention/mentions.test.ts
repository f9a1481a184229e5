import { expect, test } from 'vitest';
import type { E164 } from '../phone.ts';
import { digitsOf, mentions } from './mentions.ts';

const US = digitsOf('+12025550143' as E164);
const RO = digitsOf('+40741234567' as E164);
const PLANLESS = digitsOf('+9991234567' as E164);

test.each([
  '+12025550143',
  '+1 (202) 555-0143',
  '12025550143',
  '1-202-555-0143',
  '(202) 555-0143',
  '202.555.0143',
  '2025550143',
  '0012025550143',
  '+1\u00a0202\u00a0555\u00a00143',
  '\u202a+1 202\u2011555\u20110143\u202c',
  '＋１２０２５５５０１４３',
  'call Mara on 202-555-0143, please',
  '{"phone_number":"+12025550143","id":7}',
  '+12025550199 2025550143',
  '2025550199 / 2025550143',
])('a number of the United States: %s', (text) => {
  expect(mentions(text, US)).toBe(true);
});

test.each(['0741 234 567', '0741-234-567', '+40741234567', '+40 0741 234 567', '0040741234567', '741234567', '40741234567'])(
  'a number of Romania: %s',
  (text) => {
    expect(mentions(text, RO)).toBe(true);
  },
);

test.each(['+12025550144', '+442025550143', '+120255501430', '5550143', '20255501', '2025550 Main Street 143', '2026-03-02 08:15', ''])(
  'another one: %s',
  (text) => {
    expect(mentions(text, US)).toBe(false);
  },
);

test('a number of no known plan is found whole', () => {
  expect([mentions('+999 123 4567', PLANLESS), mentions('1234567', PLANLESS)]).toEqual([true, false]);
});
