// Phone numbers: E.164 is the only form that is stored. Judged by shape, so that the documents' own samples pass.
import { type CountryCode, isSupportedCountry, parsePhoneNumberFromString } from 'libphonenumber-js/max';

export type { CountryCode };

/** A number in E.164: `+`, then 7 to 15 digits, the first not 0. */
export type E164 = string & { readonly e164: unique symbol };

const SEPARATORS = /[ .\-()]/g;
const SHAPE = /^\+[1-9][0-9]{6,14}$/;

/** Drops what people put between digits: spaces, dots, dashes and parentheses. */
export const stripSeparators = (text: string): string => text.replace(SEPARATORS, '');

/** Reads a number that carries its country code; undefined when it has not the shape of E.164. */
export const toE164 = (text: string): E164 | undefined => {
  const bare = stripSeparators(text);
  // The one assertion that makes the brand.
  return SHAPE.test(bare) ? (bare as E164) : undefined;
};

/** The country of a number as ISO 3166-1 alpha-2, `ZZ` where it belongs to none. */
export const countryOf = (number: E164): string => parsePhoneNumberFromString(number)?.country ?? 'ZZ';

/** A number's country calling code and what follows it, as its numbering plan has them; undefined where it fits none. */
export const partsOf = (number: E164): { callingCode: string; national: string } | undefined => {
  const parsed = parsePhoneNumberFromString(number);
  return parsed === undefined ? undefined : { callingCode: parsed.countryCallingCode, national: parsed.nationalNumber };
};

/** Whether a code names a country that has numbers: ISO 3166-1 alpha-2, upper case. */
export const isCountry = (code: string): code is CountryCode => isSupportedCountry(code);

/**
 * Reads a number in a country's national form: its trunk prefix goes, its country code comes (0741... in RO is +40741...).
 * Undefined when the country has no such numbers.
 */
export const toE164In = (text: string, country: CountryCode): E164 | undefined => {
  const parsed = parsePhoneNumberFromString(text, { defaultCountry: country, extract: false });
  if (parsed === undefined || !parsed.isPossible()) return undefined;
  // A number that is none of the country's is taken when only its range is unknown. Not when it is as short as a service
  // number, nor when its trunk zero could not be told from it: then a digit is missing.
  const { nationalNumber } = parsed;
  const plausible = nationalNumber.length >= 7 && !nationalNumber.startsWith('0');
  return parsed.isValid() || plausible ? toE164(parsed.number) : undefined;
};

/** Whether a number, digit for digit, fits the numbering plan of its country. A well-shaped number may not. */
export const isAssignable = (number: E164): boolean => {
  // Parsing forgives a trunk prefix behind the country code.
  const parsed = parsePhoneNumberFromString(number);
  return parsed !== undefined && parsed.number === number && parsed.isValid();
};

// Italy's numbers begin with their zero, also abroad: without it they would be other people's.
const KEEPS_ZERO = '39';

/**
 * A number without the zero behind its country code that only callers at home dial (+40 0741...). Undefined where the
 * digits can be assigned as they are, or cannot without the zero either.
 */
export const withoutTrunkZero = (number: E164): E164 | undefined => {
  const code = parsePhoneNumberFromString(number)?.countryCallingCode;
  if (code === undefined || code === KEEPS_ZERO || !number.startsWith(`+${code}0`) || isAssignable(number)) return undefined;
  const rest = number.slice(`+${code}0`.length);
  const dropped = toE164(`+${code}${rest}`);
  return dropped !== undefined && isAssignable(dropped) ? dropped : undefined;
};

/** Whether there is anything to look for in a part of a number (`?phone_number=`, seed assertions 9 and 10): a value of separators alone is an error, not "all". */
export const isPhoneFilter = (text: string): boolean => stripSeparators(text) !== '';

/** A pattern that no number matches. */
const NOTHING = '';

/**
 * The SQL `like` pattern of the filter: `+1202` from the start, digits anywhere. Only these two reach a pattern, so that
 * it needs no escaping; any other character, `%` and `_` too, matches nothing.
 */
export const toPhonePattern = (text: string): string => {
  const bare = stripSeparators(text);
  if (/^\+\d*$/.test(bare)) return `${bare}%`;
  return /^\d+$/.test(bare) ? `%${bare}%` : NOTHING;
};
