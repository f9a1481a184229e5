import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { columnLetters, escapeText } from '../exports/sheet-xml.ts';
import { columnOf, dateText, decodeEscapes, isDateFormat, isoText, numberText, readFormat, styledNumber } from './xlsx-cells.ts';

test.each([
  ['A1', 0],
  ['Z1048576', 25],
  ['aa7', 26],
  ['XFD1', 16_383],
  ['XFE1', undefined],
  ['A1048577', undefined],
  ['A0', undefined],
  ['ZZZZ99999999', undefined],
  ['1A', undefined],
  ['A', undefined],
  ['$A$1', undefined],
  ['', undefined],
  ['A1:B2', undefined],
])('cell %s stands in column %s', (reference, column) => {
  expect(columnOf(reference)).toBe(column);
});

test('every column is found by its letters', () => {
  for (let column = 0; column < 16_384; column += 1) expect(columnOf(`${columnLetters(column)}1`)).toBe(column);
});

test.each([
  ['40741123456', '40741123456'],
  ['4.0741123456E10', '40741123456'],
  ['4.0741123456e+10', '40741123456'],
  ['40741123456.0', '40741123456'],
  ['40741123456.000001', '40741123456'],
  ['123456789012345678', '123456789012345678'],
  ['1.2345678901234567E17', '123456789012345660'],
  ['1E21', '1000000000000000000000'],
  ['-1.5', '-1.5'],
  ['-0', '0'],
  ['-0.0', '0'],
  ['0.30000000000000004', '0.3'],
  ['0.1', '0.1'],
  ['1.25E-7', '0.000000125'],
  ['-5e-10', '-0.0000000005'],
  ['007', '7'],
  [' 5 ', '5'],
  ['1E400', '1E400'],
  ['1e99999999', '1e99999999'],
  ['NaN', 'NaN'],
  ['0x10', '0x10'],
  ['', ''],
  ['abc', 'abc'],
])('the number %s is %s', (text, expected) => {
  expect(numberText(text)).toBe(expected);
});

test('a number has no exponent, and is the same one', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (number) => {
      const text = numberText(String(number));
      expect(text).toMatch(/^-?\d+(\.\d+)?$/);
      // What is behind the fifteenth digit of a fraction is dropped.
      const expected = Number.isInteger(number) ? number : Number(number.toPrecision(15));
      expect(Number(text) === expected).toBe(true);
    }),
  );
});

test.each<[text: string, is1904: boolean, expected: string | undefined]>([
  ['1', false, '1900-01-01'],
  ['59', false, '1900-02-28'],
  ['61', false, '1900-03-01'],
  ['45352', false, '2024-03-01'],
  ['45352.5', false, '2024-03-01 12:00:00'],
  ['45352.999999999', false, '2024-03-02'],
  ['0.75', false, '18:00:00'],
  ['0', false, undefined],
  ['2958465', false, '9999-12-31'],
  ['2958466', false, undefined],
  ['-1', false, undefined],
  ['x', false, undefined],
  ['', false, undefined],
  ['43890', true, '2024-03-01'],
  ['2957004', true, undefined],
])('day %s (from 1904: %s) is %s', (text, is1904, expected) => {
  expect(dateText(text, is1904)).toBe(expected);
});

test.each<[id: number, code: string | undefined, expected: boolean]>([
  [0, undefined, false],
  [14, undefined, true],
  [22, undefined, true],
  [46, undefined, false],
  [49, undefined, false],
  [164, 'dd/mm/yyyy', true],
  [164, '[$-409]d\\-mmm\\-yy;@', true],
  [164, '[Red]0.00', false],
  [164, '0 "days"', false],
  [164, '\\d0', false],
  [164, '[h]:mm', false],
  [164, 'General', false],
  [164, '0;yyyy', false],
  [164, '#,##0 _€', false],
  [164, '', false],
  [164, '"', false],
])('format %i %s is a date: %s', (id, code, expected) => {
  expect(isDateFormat(id, code)).toBe(expected);
});

test.each([
  ['501', '00000', '00501'],
  ['712345678', '0000000000', '0712345678'],
  ['123456', '00000', '123456'],
  ['1.5', '00000', '1.5'],
  ['-5', '000', '-5'],
  ['5', '0.00', '5'],
])('%s in the format %s is %s', (text, code, expected) => {
  const styles = { is1904: false, styleOf: () => readFormat(164, code) };
  expect(styledNumber(text, 0, styles)).toBe(expected);
});

describe('text', () => {
  test.each([
    ['2024-03-01T00:00:00', '2024-03-01'],
    ['2024-03-01T10:30:00.000Z', '2024-03-01 10:30:00'],
    ['2024-03-01', '2024-03-01'],
    ['soon', 'soon'],
  ])('the date %s is %s', (text, expected) => {
    expect(isoText(text)).toBe(expected);
  });

  test.each([
    ['_x000D_\n', '\n'],
    ['a\r\nb\rc', 'a\nb\nc'],
    ['_x005F_x0041_', '_x0041_'],
    ['_x41_', '_x41_'],
    ['_xD83D__xDE00_', '😀'],
    ['_xD83D_', '\uFFFD'],
  ])('%j is %j', (text, expected) => {
    expect(decodeEscapes(text)).toBe(expected);
  });

  test('what an export escapes comes back', () => {
    const unescapeXml = (xml: string): string => xml.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 50 }), (text) => {
        expect(decodeEscapes(unescapeXml(escapeText(text)))).toBe(text.toWellFormed().replace(/\r\n?/g, '\n'));
      }),
    );
  });
});
