import { describe, expect, test } from 'vitest';
import type { CountryCode } from '../phone.ts';
import { parseColumnMap, planColumns } from './column-mapping.ts';
import { leadsOf, type ReadRow, readLeadRow, settleBatch } from './lead-csv.ts';

const HEADERS = ['phone_number', 'First name', 'City', 'secondary_phone_1', 'secondary_1_name', 'secondary_phone_2'];
const plan = planColumns(HEADERS, parseColumnMap([]));
const read = (cells: string[], country?: CountryCode): ReadRow => readLeadRow({ line: 7, cells }, plan, country);

const errorOf = (row: ReadRow) => ('error' in row ? `${row.error.kind} ${row.error.column}` : 'imported');
const leadOf = (row: ReadRow) => ('lead' in row ? row.lead : undefined);
const warningsOf = (row: ReadRow) => ('lead' in row ? row.warnings.map(({ kind, column }) => `${kind} ${column}`) : undefined);

test('a whole row', () => {
  const row = read(['0700 000 012', 'Ana', 'Iași', '+1 202 555 0123', 'Ion', '0700 000 013'], 'RO');
  expect(row).toEqual({
    line: 7,
    cells: ['0700 000 012', 'Ana', 'Iași', '+1 202 555 0123', 'Ion', '0700 000 013'],
    phoneHeader: 'phone_number',
    lead: {
      phone_number: '+40700000012',
      variables: { first_name: 'Ana', city: 'Iași' },
      contacts: [
        { phone_number: '+12025550123', variables: { name: 'Ion' } },
        { phone_number: '+40700000013', variables: {} },
      ],
    },
    warnings: [],
  });
});

describe('rows that fail', () => {
  test.each<[name: string, cells: string[], expected: string]>([
    ['no number', ['', 'Ana'], 'missing_required phone_number'],
    ['a guard alone is no number', ["'", 'Ana'], 'invalid_phone phone_number'],
    ['a number that Excel shortened', ['4.07412E+10'], 'invalid_phone phone_number'],
    ['too many cells', ['+12025550123', '', '', '', '', '', 'x'], 'too_many_cells null'],
    ['a cell that is too long', ['+12025550123', 'x'.repeat(2001)], 'too_long First name'],
    ['a number that is too long', ['1'.repeat(2001)], 'too_long phone_number'],
    ['NUL', ['+12025550123', 'a', 'b\0c'], 'invalid_text City'],
    ['NUL in the number', ['+1202555\x000123'], 'invalid_text phone_number'],
    ['a lone surrogate', ['+12025550123', '\ud800'], 'invalid_text First name'],
  ])('%s', (_name, cells, expected) => {
    const row = read(cells);
    expect(errorOf(row)).toBe(expected);
    if ('error' in row) expect(row.error).toMatchObject({ line: 7, message: expect.stringMatching(/^["\p{Lu}].*\.$/u) });
  });
});

describe('characters that were lost', () => {
  test.each<[name: string, cells: string[], warnings: string[]]>([
    ['in variables', ['+12025550123', 'M\uFFFDller', '\uFFFD\uFFFD'], ['invalid_encoding First name', 'invalid_encoding City']],
    ['of a secondary contact', ['+12025550123', '', '', '+12025550124', 'I\uFFFDn'], ['invalid_encoding secondary_1_name']],
    ['in its number', ['+12025550123', '', '', '+1\uFFFD2025550124', 'I\uFFFDn'], ['secondary_invalid secondary_phone_1']],
  ])('%s', (_name, cells, warnings) => {
    expect(warningsOf(read(cells))).toEqual(warnings);
  });

  test('the cell is imported with their mark, and quoted', () => {
    const row = read(['+12025550123', 'M\uFFFDller']);
    expect(leadOf(row)?.variables).toEqual({ first_name: 'M\uFFFDller' });
    expect('lead' in row && row.warnings[0]?.message).toMatch(/^"M\uFFFDller" holds .*\.$/);
  });

  test('a number of which one is lost is none', () => {
    expect(errorOf(read(['+1\uFFFD2025550123']))).toBe('invalid_phone phone_number');
  });
});

describe('rows that are mended', () => {
  test.each<[name: string, cells: string[], warnings: string[], contacts: string[]]>([
    ['empty cells more than the header', ['+12025550123', '', '', '', '', '', '', ''], [], []],
    ['2000 characters are allowed', ['+12025550123', 'x'.repeat(2000)], [], []],
    ['fewer cells', ['+12025550123'], [], []],
    ['a plus that was lost', ['12025550123'], ['assumed_international phone_number'], []],
    ['a sample number', ['+1234567890'], ['unassignable_number phone_number'], []],
    ['a bad secondary', ['+12025550123', '', '', 'none', 'Ion', '+12025550124'], ['secondary_invalid secondary_phone_1'], ['+12025550124']],
    ['equal to the primary', ['+12025550123', '', '', '0012025550123'], ['secondary_duplicate secondary_phone_1'], []],
    [
      'equal to one another',
      ['+12025550123', '', '', '+12025550124', '', '+1 202 555 0124'],
      ['secondary_duplicate secondary_phone_2'],
      ['+12025550124'],
    ],
    ['a name without a number', ['+12025550123', '', '', '', 'Ion'], ['secondary_invalid secondary_phone_1'], []],
    ['NUL in a secondary', ['+12025550123', '', '', '+12025550124', 'a\0'], ['secondary_invalid secondary_1_name'], []],
    ['a secondary without plus', ['+12025550123', '', '', '12025550124'], ['assumed_international secondary_phone_1'], ['+12025550124']],
  ])('%s', (_name, cells, warnings, contacts) => {
    const row = read(cells);
    expect(warningsOf(row)).toEqual(warnings);
    expect(leadOf(row)?.contacts.map((contact) => contact.phone_number)).toEqual(contacts);
  });
});

test.each([
  ["'=SUM(A1)", '=SUM(A1)'],
  ["'+40", '+40'],
  ["''=x", "'=x"],
  ["'neill", "'neill"],
  ['007', '007'],
  ['true', 'true'],
])('the cell %j is the text %j', (cell, value) => {
  expect(leadOf(read(['+12025550123', cell]))?.variables).toEqual({ first_name: value });
});

test('names like __proto__ or constructor are plain variables', () => {
  const odd = planColumns(['phone', 'constructor', 'toString'], parseColumnMap([]));
  const row = readLeadRow({ line: 2, cells: ['+12025550123', 'a', 'b'] }, odd, undefined);
  expect(leadOf(row)?.variables).toEqual({ constructor: 'a', to_string: 'b' });
});

test('a batch: rows = imported + duplicates + failed, warnings only of rows that were added', () => {
  const rows = [read(['1202555012']), read(['12025550123']), read(['12025550123']), read(['12025550124']), read(['+12025550125'])];
  expect(leadsOf(rows)).toHaveLength(4);
  const outcome = settleBatch(rows, [{ status: 'created' }, 'duplicate', { status: 'blacklisted' }, { status: 'created' }]);
  expect(outcome.counts).toEqual({ rows: 5, imported: 3, duplicates: 1, blacklisted: 1, failed: 1, warnings: 2 });
  expect(outcome.errors.map(({ kind }) => kind)).toEqual(['invalid_phone', 'duplicate']);
  expect(outcome.warnings).toHaveLength(2);
});
