// What the cells of a sheet say as text: numbers without exponent, dates, escapes, and where a cell stands.             [pure]

/** Rows and columns that a sheet can have. */
export const MAX_SHEET_ROWS = 1_048_576;
export const MAX_SHEET_COLUMNS = 16_384;

/** Digits of a number that a spreadsheet keeps; those behind them are noise of its arithmetic. */
const DIGITS = 15;

const DAY_SECONDS = 86_400;
/** The first day that is none any more: 10000-01-01. */
const LAST_DAY = 2_958_466;
// Days from the first day of either calendar to that of Unix time.
const EPOCH_1900 = 25_569;
const EPOCH_1904 = 24_107;

/** How a style shows a number. */
export interface NumberStyle {
  isDate: boolean;
  /** Whole numbers have at least so many digits: zip codes and numbers that begin with a zero are kept so. */
  digits: number;
}

/** Which calendar a workbook counts its days in, and what its styles are; one that is not there shows numbers as they are. */
export interface CellStyles {
  is1904: boolean;
  styleOf: (style: number) => NumberStyle | undefined;
}

/** The column of a cell such as `AB12`, from 0; undefined where no sheet has such a cell. */
export const columnOf = (reference: string): number | undefined => {
  const match = /^([A-Za-z]{1,3})([1-9]\d{0,6})$/.exec(reference);
  if (match === null || Number(match[2]) > MAX_SHEET_ROWS) return undefined;
  const column = [...(match[1] ?? '').toUpperCase()].reduce((sum, letter) => sum * 26 + letter.charCodeAt(0) - 64, 0) - 1;
  return column < MAX_SHEET_COLUMNS ? column : undefined;
};

/** A row or a style by its number, from `from` to `to`; undefined for anything else. */
export const readIndex = (text: string, from: number, to: number): number | undefined => {
  const index = /^\d{1,10}$/.test(text) ? Number(text) : -1;
  return index >= from && index <= to ? index : undefined;
};

/** Text in which `_x000D_` and the like are the characters that they stand for, and every line end is LF. */
export const decodeEscapes = (text: string): string => {
  const decoded = text.includes('_x')
    ? text.replace(/_x([0-9A-Fa-f]{4})_/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16))).toWellFormed()
    : text;
  return decoded.includes('\r') ? decoded.replace(/\r\n?/g, '\n') : decoded;
};

const wholeText = (number: number): string => (Math.abs(number) < 1e21 ? String(number) : BigInt(number).toString());

/** A number as somebody would write it, all its digits and no exponent: `4.0741123456E10` is 40741123456. What is no number stays. */
export const numberText = (text: string): string => {
  const plain = text.trim();
  if (/^-?(0|[1-9]\d*)$/.test(plain)) return plain === '-0' ? '0' : plain;
  if (!/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?$/.test(plain)) return plain;
  const exact = Number(plain);
  if (!Number.isFinite(exact)) return plain;
  if (Number.isInteger(exact)) return wholeText(exact);
  const number = Number(exact.toPrecision(DIGITS));
  if (Number.isInteger(number)) return wholeText(number);
  const short = String(number);
  const [digits = '', exponent] = short.split('e-');
  if (exponent === undefined) return short;
  // Too small for toFixed, or for anybody: as many zeros as it says.
  const sign = digits.startsWith('-') ? '-' : '';
  return `${sign}0.${'0'.repeat(Number(exponent) - 1)}${digits.replace(/[-.]/g, '')}`;
};

/** A day number as `2026-03-01`, with a time where it has one, or as a time alone; undefined where it is no date. */
export const dateText = (text: string, is1904: boolean): string | undefined => {
  const serial = text.trim() === '' ? Number.NaN : Number(text);
  if (!(serial >= 0 && serial < LAST_DAY - (is1904 ? 1462 : 0))) return undefined;
  const seconds = Math.round(serial * DAY_SECONDS);
  // The calendar of 1900 has a 29th of February that never was: day 60.
  const skipped = !is1904 && serial < 60 ? 1 : 0;
  const [date = '', rest = ''] = new Date((seconds - ((is1904 ? EPOCH_1904 : EPOCH_1900) - skipped) * DAY_SECONDS) * 1000)
    .toISOString()
    .split('T');
  const time = rest.slice(0, 8);
  if (seconds < DAY_SECONDS) return seconds === 0 ? undefined : time;
  return seconds % DAY_SECONDS === 0 ? date : `${date} ${time}`;
};

/** A date that a cell holds as text, in the same form. */
export const isoText = (text: string): string => {
  const [, date = '', time = ''] = /^(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d:\d\d)(?:\.\d+)?Z?)?$/.exec(text.trim()) ?? [];
  if (date === '') return text;
  return time === '' || time === '00:00:00' ? date : `${date} ${time}`;
};

const isBetween = (id: number, from: number, to: number): boolean => id >= from && id <= to;

/** Whether a number format shows a date or a time of day. `code`: its pattern, where the workbook has one of its own. */
export const isDateFormat = (id: number, code: string | undefined): boolean => {
  if (code === undefined) return isBetween(id, 14, 22) || isBetween(id, 27, 36) || id === 45 || id === 47 || isBetween(id, 50, 58);
  // What is quoted, escaped or in brackets (a colour, a language) says nothing; [h] counts hours beyond a day: a duration.
  const bare = code.replace(/"[^"]*"?|\\.|[_*]./g, '');
  const [first = ''] = bare.replace(/\[(?!(h+|m+|s+)\])[^\]]*\]/gi, '').split(';');
  return !/\[(h+|m+|s+)\]/i.test(first) && !/general/i.test(first) && /[dmyhs]/i.test(first);
};

/** How a number format shows numbers; `code` as in isDateFormat. */
export const readFormat = (id: number, code: string | undefined): NumberStyle => ({
  isDate: isDateFormat(id, code),
  digits: code !== undefined && /^0+$/.test(code) ? code.length : 0,
});

/** A number in its style. */
export const styledNumber = (text: string, style: number, { styleOf, is1904 }: CellStyles): string => {
  const { isDate, digits } = styleOf(style) ?? { isDate: false, digits: 0 };
  const plain = (isDate ? dateText(text, is1904) : undefined) ?? numberText(text);
  return /^\d+$/.test(plain) ? plain.padStart(digits, '0') : plain;
};
