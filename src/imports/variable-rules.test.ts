import { describe, expect, test } from 'vitest';
import { parseColumnMap, planColumns } from './column-mapping.ts';
import { readLeadRow } from './lead-csv.ts';
import { applyRules, parseRules, readValue } from './variable-rules.ts';

describe('values', () => {
  test.each<[cell: string, value: number | undefined]>([
    ['12', 12],
    ['-3.50', -3.5],
    ['+7', 7],
    ['.5', 0.5],
    ['1e3', 1000],
    ['007', 7],
    ['9007199254740991', 9007199254740991],
    // It would come back as another number.
    ['9007199254740992', undefined],
    ['12,5', undefined],
    ['1 000', undefined],
    ['0x10', undefined],
    ['Infinity', undefined],
    ['NaN', undefined],
    ['1e999', undefined],
    ['twelve', undefined],
  ])('%s as a number', (cell, value) => {
    expect(readValue(cell, 'number')).toBe(value);
  });

  test.each<[cell: string, value: boolean | undefined]>([
    ['true', true],
    ['TRUE', true],
    ['Yes', true],
    ['1', true],
    ['false', false],
    ['no', false],
    ['0', false],
    ['maybe', undefined],
    ['constructor', undefined],
    ['01', undefined],
  ])('%s as a boolean', (cell, value) => {
    expect(readValue(cell, 'boolean')).toBe(value);
  });

  test('text is what it is', () => {
    expect(readValue('007', 'text')).toBe('007');
    expect(readValue('true')).toBe('true');
  });
});

const HEADERS = ['phone_number', 'name', 'age', 'vip', 'secondary_phone_1', 'secondary_1_age'];
const plan = planColumns(HEADERS, parseColumnMap([]));
const reading = (required: readonly unknown[], types: readonly unknown[]) => {
  const ruled = applyRules(plan, parseRules(required, types));
  return (...cells: string[]) => readLeadRow({ line: 2, cells }, ruled, undefined);
};

describe('rows', () => {
  test('values have the types that were asked for', () => {
    const read = reading([], ['{"age":"number","vip":"boolean","name":"text"}']);
    expect(read('+12025550101', '7', '41', 'yes', '+12025550102', '42')).toMatchObject({
      lead: { variables: { name: '7', age: 41, vip: true }, contacts: [{ variables: { age: 42 } }] },
    });
    // Nothing is not a wrong value.
    expect(read('+12025550101')).toMatchObject({ lead: { variables: {} } });
  });

  test('a cell that is none fails its row; of a secondary contact, the contact', () => {
    const read = reading([], ['age=number\nvip=boolean']);
    expect(read('+12025550101', 'Ana', 'old')).toMatchObject({
      error: { kind: 'bad_type', column: 'age', message: 'The cell holds "old", which is no number.' },
    });
    expect(read('+12025550101', 'Ana', '', 'perhaps')).toMatchObject({ error: { kind: 'bad_type', column: 'vip' } });
    expect(read('+12025550101', 'Ana', '', '', '+12025550102', 'old')).toMatchObject({
      lead: { contacts: [] },
      warnings: [{ kind: 'secondary_invalid', column: 'secondary_1_age' }],
    });
  });

  test('the number may be named among what is required', () => {
    expect(reading(['phone_number,name'], [])('+12025550101', 'Ana')).toMatchObject({ lead: { variables: { name: 'Ana' } } });
  });

  test('what is required may not be empty', () => {
    const read = reading(['name, age', 'vip'], []);
    expect(read('+12025550101', 'Ana', '41', 'no')).toMatchObject({ lead: { variables: { name: 'Ana', age: '41', vip: 'no' } } });
    expect(read('+12025550101', '', '41', 'no')).toMatchObject({
      error: { kind: 'missing_required', column: 'name', message: 'The cell is empty, and it is required.' },
    });
    expect(read('+12025550101', 'Ana', '41')).toMatchObject({ error: { kind: 'missing_required', column: 'vip' } });
    // A secondary contact has the lead's variables.
    expect(read('+12025550101', 'Ana', '41', 'no', '+12025550102')).toMatchObject({ lead: { contacts: [{ variables: {} }] } });
  });
});

describe('rules that cannot be used', () => {
  test.each<[name: string, required: unknown[], types: unknown[], field: string, message: RegExp]>([
    [
      'a variable that no column holds',
      ['name,city'],
      [],
      'required',
      /names the variable "city", .* The file has: "name", "age", "vip"\.$/,
    ],
    ['one of a secondary contact', ['secondary_1_age'], [], 'required', /"secondary_1_age"/],
    ['a type for what is not there', [], ['city=text'], 'types', /"city"/],
    ['a type that is none', [], ['age=int'], 'types', /"age" what is none of text, number, boolean/],
    ['no type', [], ['{"age":null}'], 'types', /"age"/],
    ['no pairs', [], ['age'], 'types', /must be a JSON object/],
    ['broken JSON', [], ['{"age":'], 'types', /must be a JSON object/],
    ['JSON with other values', [], ['{"age":1}'], 'types', /must be a JSON object/],
    ['a field that was too long', [undefined], [], 'required', /must be a list/],
  ])('%s', (_name, required, types, field, message) => {
    expect(() => reading(required, types)).toThrowError(expect.objectContaining({ field, message: expect.stringMatching(message) }));
  });
});
