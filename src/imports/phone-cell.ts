// What people write into a phone column, as E.164. Refused or accepted with a reason that a person can act on.   [pure]
import { type CountryCode, type E164, isAssignable, toE164, toE164In, withoutTrunkZero } from '../phone.ts';
import type { IssueKind } from './import.ts';

/** What was noticed about a number that is taken nevertheless. */
export interface PhoneRemark {
  kind: IssueKind;
  message: string;
}

/** A number with its remarks, or the problem as the end of a sentence about the cell. */
export type PhoneReading = { number: E164; remarks: PhoneRemark[] } | { problem: string };

const MAX_QUOTED = 60;

/** A cell's text as messages quote it: in double quotes, on one line, shortened. */
export const quoteCell = (text: string): string => {
  const line = text.replace(/[\s\p{Cc}]+/gu, ' ').toWellFormed();
  return `"${[...line].length > MAX_QUOTED ? `${[...line].slice(0, MAX_QUOTED).join('')}…` : line}"`;
};

// Copied numbers carry invisible marks, full-width digits, and dashes and blanks of every kind.
const tidy = (text: string): string =>
  text
    .normalize('NFKC')
    .replace(/\p{Cf}/gu, '')
    .replace(/\p{Pd}/gu, '-')
    .replace(/\s+/g, ' ')
    .replace(/^'/, '')
    .replace(/^(tel|phone|mobile|whatsapp) ?[:.] ?/i, '')
    .trim();

const EXPONENT = /^\d([.,]\d+)?E\+?\d+$/i;
const EXTENSION = /(?:ext(?:ension)?|x|#|poste|int)[ .:]*\d{1,6}$/i;

// By hand: a regular expression that ends in these takes quadratic time on a cell full of them.
const withoutSeparatorsBehind = (text: string): string => {
  let end = text.length;
  while (end > 0 && ' ,;'.includes(text.charAt(end - 1))) end -= 1;
  return text.slice(0, end);
};

// A slash divides numbers, or, as Germans write it, an area code from its number (030/23125).
const holdsSeveral = (text: string): boolean =>
  /[,;|]/.test(text) || text.indexOf('+', 1) > 0 || text.split('/').filter((part) => part.replace(/\D/g, '').length > 6).length > 1;

// +44 (0)7700 900123: the zero is for callers at home. Italy's numbers keep it.
const dropTrunkZero = (text: string): string => text.replace(/^\+(?!39)(\d{1,3})[ .-]*\(0\)/, '+$1 ');

const remarksOn = (number: E164): PhoneRemark[] =>
  isAssignable(number)
    ? []
    : [{ kind: 'unassignable_number', message: `${number} fits no numbering plan that is known; it was imported as it is.` }];

type PhoneFound = Extract<PhoneReading, { number: E164 }>;

// +40 0741...: read as it is dialled from abroad, where only that makes a number of it.
const asDialledFromAbroad = (written: E164): PhoneFound => {
  const number = withoutTrunkZero(written);
  if (number === undefined) return { number: written, remarks: remarksOn(written) };
  const message = `${written} was read as ${number}: the zero behind the country code is only for calls inside the country.`;
  return { number, remarks: [{ kind: 'trunk_zero_dropped', message }] };
};

const assumeInternational = (digits: string): PhoneReading | undefined => {
  const written = toE164(`+${digits}`);
  if (written === undefined) return undefined;
  const { number, remarks } = asDialledFromAbroad(written);
  if (!isAssignable(number)) return undefined;
  const message = `${quoteCell(digits)} was read as ${number}: a plus sign seems to have been lost.`;
  return { number, remarks: [{ kind: 'assumed_international', message }, ...remarks] };
};

const readInternational = (text: string): PhoneReading => {
  const number = toE164(dropTrunkZero(text));
  if (number !== undefined) return asDialledFromAbroad(number);
  const digits = text.replace(/\D/g, '').length;
  if (digits < 7) return { problem: 'is too short for a phone number' };
  return { problem: digits > 15 ? 'is too long for a phone number' : 'is not a phone number in international form' };
};

const readNational = (text: string, country: CountryCode | undefined): PhoneReading => {
  const digits = text.replace(/\D/g, '');
  const number = country === undefined ? undefined : toE164In(text, country);
  if (number !== undefined) return { number, remarks: remarksOn(number) };
  const assumed = assumeInternational(digits);
  if (assumed !== undefined) return assumed;
  if (country !== undefined) return { problem: `is not a phone number of ${country}` };
  if (digits.length < 7) return { problem: 'is too short for a phone number' };
  return { problem: 'has no country code: give the country of the file, or write the number with + and its country code' };
};

/**
 * Reads the number of a cell that is not empty: international (+ or 00), else national in `country`, else with a plus
 * that was lost.
 */
export const readPhoneCell = (cell: string, country: CountryCode | undefined): PhoneReading => {
  const text = tidy(cell);
  if (EXPONENT.test(text)) {
    return { problem: 'was shortened by a spreadsheet and its last digits are lost: format the column as text and export it again' };
  }
  // A spreadsheet's number cell, not a separator: the zero is no digit of the number.
  const whole = text.replace(/^(\d{7,})\.0$/, '$1');
  const cut = whole.replace(EXTENSION, '');
  const plain = cut === whole ? whole : withoutSeparatorsBehind(cut);
  if (holdsSeveral(plain)) return { problem: 'holds more than one number, or other text' };
  const number = plain.replaceAll('/', ' ').replace(/^00/, '+');
  if (!/^\+?[\d .()-]+$/.test(number)) return { problem: 'is not a phone number' };
  const reading = number.startsWith('+') ? readInternational(number) : readNational(number, country);
  if ('problem' in reading || plain === whole) return reading;
  const message = `The extension in ${quoteCell(text)} was dropped.`;
  return { ...reading, remarks: [{ kind: 'extension_dropped', message }, ...reading.remarks] };
};
