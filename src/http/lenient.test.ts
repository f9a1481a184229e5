import { describe, expect, test } from 'vitest';
import { type LenientSchema, readLeniently } from './lenient.ts';

type Kind = NonNullable<LenientSchema['x-lenient']>;

const MAX_SAFE = Number.MAX_SAFE_INTEGER;

describe('a value is read as its kind', () => {
  test.each<[Kind, unknown, unknown]>([
    ['integer', 5, 5],
    ['integer', '5', 5],
    ['integer', ' +5 ', 5],
    ['integer', '-5', -5],
    ['integer', '05', '05'],
    ['integer', '5.0', '5.0'],
    ['integer', '1e3', '1e3'],
    ['integer', '', ''],
    ['integer', 'abc', 'abc'],
    ['integer', 1.5, 1.5],
    ['integer', true, true],
    ['integer', null, null],
    ['integer', [5], [5]],
    ['integer', '9007199254740993', MAX_SAFE],
    ['integer', 2 ** 60, MAX_SAFE],
    ['integer', '-9007199254740993', -MAX_SAFE],
    ['integer', '9223372036854775807', MAX_SAFE],
    ['integer', '9223372036854775808', '9223372036854775808'],
    ['integer', '-0', 0],
    ['integer', 2 ** 63, '9223372036854776000'],
    ['integer', '9'.repeat(400), '9'.repeat(400)],
    ['integer', Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
    ['number', '1.5', 1.5],
    ['number', '-2e3', -2000],
    ['number', '0x10', '0x10'],
    ['number', '.5', '.5'],
    ['number', '', ''],
    ['number', true, true],
    ['boolean', true, true],
    ['boolean', 0, false],
    ['boolean', 1, true],
    ['boolean', '0', false],
    ['boolean', '1', true],
    ['boolean', 'true', true],
    ['boolean', 'false', false],
    ['boolean', 'yes', 'yes'],
    ['boolean', 2, 2],
    ['boolean', null, null],
    ['text', ' a b ', 'a b'],
    ['text', '  ', undefined],
    ['text', 5, 5],
    ['text', null, null],
    ['phone', ' +1 (202) 555-01.43 ', '+12025550143'],
    ['phone', ' - ', undefined],
    ['phone', 12025550143, 12025550143],
    ['variables', { a: 1 }, { a: 1 }],
    ['variables', null, {}],
    ['variables', [], {}],
    ['variables', [{ a: 1, b: 1 }, { a: 2 }], { a: 2, b: 1 }],
    ['variables', [{ a: 1 }, 5], [{ a: 1 }, 5]],
    ['variables', [[]], [[]]],
    ['variables', 'a', 'a'],
  ])('%s: %o', (kind, value, expected) => {
    const read = readLeniently({ 'x-lenient': kind }, value);
    expect(read === null || typeof read !== 'object' ? read : JSON.parse(JSON.stringify(read))).toEqual(expected);
  });
});

describe('objects and lists', () => {
  const schema: LenientSchema = {
    'x-renamed': { variable: 'variables' },
    properties: {
      id: { 'x-lenient': 'integer' },
      name: { 'x-lenient': 'text' },
      variables: { 'x-lenient': 'variables' },
      list: { items: { properties: { on: { 'x-lenient': 'boolean' } } } },
    },
  };

  test.each<[string, unknown, unknown]>([
    ['fields are read by their schemas, others stay', { id: '5', x: ' y ' }, { id: 5, x: ' y ' }],
    ['blank text is absent', { name: ' ' }, {}],
    ['the other spelling is read', { variable: { a: 1 } }, { variables: { a: 1 } }],
    ['the own name goes before it', { variable: { a: 1 }, variables: { b: 2 } }, { variables: { b: 2 } }],
    ['also where it is null', { variable: { a: 1 }, variables: null }, { variables: {} }],
    ['lists, one by one', { list: [{ on: 1 }, 'x', null] }, { list: [{ on: true }, 'x', null] }],
    ['a list that is none stays', { list: { on: 1 } }, { list: { on: 1 } }],
    ['what is no object stays', 'text', 'text'],
    ['names of the prototype are nothing special', { constructor: 1, toString: 2 }, { constructor: 1, toString: 2 }],
  ])('%s', (_name, value, expected) => {
    expect(JSON.parse(JSON.stringify(readLeniently(schema, value)))).toEqual(expected);
  });

  test.each<[string, unknown, unknown]>([
    ['what is named and blank is null', { name: ' ', id: '' }, { name: null, id: '' }],
    ['what is not named stays away', { id: 5 }, { id: 5 }],
  ])('of a partial object: %s', (_name, value, expected) => {
    expect(readLeniently({ ...schema, 'x-partial': true }, value)).toEqual(expected);
  });

  test('what was given is left as it is', () => {
    const given = Object.freeze({ id: '5', variable: Object.freeze({ a: 1 }) });
    readLeniently(schema, given);
    expect(given).toEqual({ id: '5', variable: { a: 1 } });
  });
});
