// Whether a text holds a phone number, however it is spelled: with or without its country code, with blanks and dashes in between. Pure.
import { type E164, partsOf } from '../phone.ts';

/** A number as digits: whole, and its parts where its numbering plan is known. */
export interface Digits {
  whole: string;
  callingCode: string;
  /** Without the trunk prefix; as long as `whole` where the plan is unknown or a national spelling would be too short to be told from others. */
  national: string;
}

/** A shorter national number could be any number in a file. */
const SHORTEST_NATIONAL = 7;
/** A longer run of digits is several numbers. */
const LONGEST_NUMBER = 15;
/** What people at home dial before a national number: 0 in most countries, 8 or 06 in some. */
const LONGEST_TRUNK_PREFIX = 2;

/** The digits of a number. */
export const digitsOf = (number: E164): Digits => {
  const whole = number.slice(1);
  const parts = partsOf(number);
  if (parts === undefined || parts.national.length < SHORTEST_NATIONAL) return { whole, callingCode: '', national: whole };
  return { whole, ...parts };
};

// Runs of digits with what people put between them. Invisible marks come along when a number is copied from an address book.
const RUN = /\+?\(?\d[\d .()\-\u2010-\u2015]*/g;
const INVISIBLE = /\p{Cf}/gu;

const withoutZeros = (digits: string): string => digits.replace(/^0+/, '');

const isInternational = (digits: string, { callingCode, national, whole }: Digits): boolean => {
  if (digits === whole) return true;
  // The trunk zero does not belong there, and is often written all the same.
  return callingCode !== '' && digits.startsWith(callingCode) && withoutZeros(digits.slice(callingCode.length)) === withoutZeros(national);
};

const isNumber = (run: string, number: Digits): boolean => {
  const digits = run.replace(/\D/g, '');
  if (run.startsWith('+') && digits.length <= LONGEST_NUMBER) return isInternational(digits, number);
  if (digits.startsWith('00') && digits.length <= LONGEST_NUMBER + 2 && isInternational(digits.slice(2), number)) return true;
  if (digits.length > LONGEST_NUMBER) return digits.includes(number.whole) || digits.includes(number.national);
  return (
    isInternational(digits, number) || (digits.endsWith(number.national) && digits.length <= number.national.length + LONGEST_TRUNK_PREFIX)
  );
};

/** Whether the text holds the number. Several numbers that run into each other count as all of theirs. */
export const mentions = (text: string, number: Digits): boolean =>
  (text.normalize('NFKC').replace(INVISIBLE, '').match(RUN) ?? []).some((run) => isNumber(run, number));
