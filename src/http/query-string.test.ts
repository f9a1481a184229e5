import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseQuery, type QueryParams, type QueryValue, readQuery, repeatQuery, toInteger } from './query-string.ts';

interface Vector {
  raw_query: string;
  page_query: string;
}

const vectors: Vector[] = readFileSync(new URL('../../test/vectors/query-string.jsonl', import.meta.url), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line));

const plain = (value: QueryValue): unknown => (value instanceof Map ? [...value].map(([key, inner]) => [key, plain(inner)]) : value);
const parsed = (raw: string) => plain(parseQuery(raw));

describe('parseQuery reads as PHP does', () => {
  test.each<[string, unknown]>([
    ['', []],
    ['a', [['a', '']]],
    [
      'a=1&b=2',
      [
        ['a', '1'],
        ['b', '2'],
      ],
    ],
    [
      'a=1&b=2&a=3',
      [
        ['a', '3'],
        ['b', '2'],
      ],
    ],
    [
      'a[]=1&a[]=2',
      [
        [
          'a',
          [
            ['0', '1'],
            ['1', '2'],
          ],
        ],
      ],
    ],
    [
      'a[b][]=1&a[b][]=2',
      [
        [
          'a',
          [
            [
              'b',
              [
                ['0', '1'],
                ['1', '2'],
              ],
            ],
          ],
        ],
      ],
    ],
    ['a=1&a[]=2', [['a', [['0', '2']]]]],
    ['a[]=1&a=2', [['a', '2']]],
    ['a.b c[x.y]=1', [['a_b_c', [['x.y', '1']]]]],
    ['  a=1', [['a', '1']]],
    ['++a=1', [['a', '1']]],
    ['a[b=1', [['a_b', '1']]],
    ['a[b]c=1', [['a', [['b', '1']]]]],
    ['[a]=1', []],
    ['=1', []],
    ['%3Da=1', [['=a', '1']]],
    ['a=b=c', [['a', 'b=c']]],
    ['a=x+y%2Bz', [['a', 'x y+z']]],
    ['a=%zz%2', [['a', '%zz%2']]],
    ['a=%FF', [['a', '\xff']]],
    ['a%00b=1', [['a', '1']]],
    ['%00a=1', []],
    ['a=1#b=2', [['a', '1']]],
    [
      '__proto__=1&constructor[x]=2',
      [
        ['__proto__', '1'],
        ['constructor', [['x', '2']]],
      ],
    ],
  ])('%s', (raw, expected) => {
    expect(parsed(raw)).toEqual(expected);
  });

  test('drops what is beyond a thousand parameters, and names nested beyond 64', () => {
    const many = Array.from({ length: 1005 }, (_, index) => `k${index}=1`).join('&&');
    expect(parseQuery(many).size).toBe(1000);
    expect(parseQuery(`a${'[b]'.repeat(64)}=1`).has('a')).toBe(true);
    expect(parseQuery(`a=1&a${'[b]'.repeat(65)}=1&c=2`)).toEqual(new Map([['c', '2']]));
  });
});

describe('repeatQuery writes page URLs as the original does', () => {
  test.each(vectors)('$raw_query', ({ raw_query, page_query }) => {
    expect([repeatQuery(parseQuery(raw_query)), 'page=1'].filter((part) => part !== '').join('&')).toBe(page_query);
  });

  // No names that are numbers: an empty one is counted and then left out, so that the next reading counts anew.
  const names = fc.constantFrom('a', 'b', '05', 'a.b', ' x', 'page', 'é', '__proto__');
  const keys = fc.array(fc.constantFrom('[]', '[k]', '[7]', '[ ]', '[', ']'), { maxLength: 3 }).map((parts) => parts.join(''));
  const part = fc.tuple(names, keys, fc.string({ unit: 'binary', maxLength: 6 })).map(([name, key, value]) => {
    const bytes = Buffer.from(`${name}${key}`, 'utf8').toString('latin1');
    return `${bytes}=${encodeURIComponent(value.toWellFormed())}`;
  });

  test('once written, a query stays as it is, however often it is read and written', () => {
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
        const written = repeatQuery(parseQuery(parts.join('&')));
        expect(repeatQuery(parseQuery(written))).toBe(written);
        expect(written).toMatch(/^[A-Za-z0-9\-_.~%=&]*$/);
      }),
      { numRuns: 500 },
    );
  });

  test('every value that is no blank survives', () => {
    const values = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
      .filter((text) => /^[^\s\0].*[^\s\0]$/s.test(text) && text.isWellFormed());
    fc.assert(
      fc.property(values, (value) => {
        const written = repeatQuery(parseQuery(`q=${encodeURIComponent(value)}`));
        expect(new URLSearchParams(written).get('q')).toBe(value);
      }),
    );
  });
});

describe('readQuery', () => {
  test.each<[string, Record<string, unknown>]>([
    ['status=%20created%20', { status: 'created' }],
    ['status=', {}],
    ['status=%09', {}],
    ['status=%09%00', { status: '\t\0' }],
    ['page=%002', { page: '2' }],
    ['status[]=x&status[k]=', { status: { 0: 'x', k: null } }],
    ['phone_number=+1202', { phone_number: '+1202' }],
    ['phone_number=%2B1202', { phone_number: '+1202' }],
    ['phone_number=++1202', { phone_number: '+1202' }],
    ['phone_number=+', { phone_number: ' ' }],
    ['phone_number=%09415%20', { phone_number: '415' }],
    ['phone_number=', {}],
    ['phone_number=%FF', { phone_number: '\ufffd' }],
    ['__proto__=1&a=2', { a: '2' }],
  ])('%s', (raw, expected) => {
    expect(readQuery(raw)).toEqual(expected);
  });

  test('finds nothing on the prototype', () => {
    const read = readQuery('__proto__[status]=created');
    expect(read.status).toBeUndefined();
    expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
  });
});

describe('toInteger', () => {
  test.each<[string, bigint | undefined]>([
    ['0', 0n],
    ['-0', 0n],
    ['5', 5n],
    [' 5\t', 5n],
    ['+5', 5n],
    ['-7', -7n],
    ['9223372036854775807', 9223372036854775807n],
    ['9223372036854775808', undefined],
    ['-9223372036854775808', -9223372036854775808n],
    ['-9223372036854775809', undefined],
    ['05', undefined],
    ['1.0', undefined],
    ['1e3', undefined],
    ['0x1A', undefined],
    ['5abc', undefined],
    ['--5', undefined],
    ['1_000', undefined],
    ['٣', undefined],
    ['', undefined],
    ['9'.repeat(10_000), undefined],
  ])('%s', (text, expected) => {
    expect(toInteger(text)).toBe(expected);
  });
});

test('a hostile query takes no time worth naming', () => {
  const hostile = `phone_number=${'+'.repeat(15_000)}x&${'a[]&'.repeat(1000)}page=${' '.repeat(15_000)}x`;
  const params: QueryParams = parseQuery(hostile);
  // Quadratic work would be seen as a test that times out.
  for (let round = 0; round < 50; round++) readQuery(hostile);
  expect(params.get('a')).toBeInstanceOf(Map);
  expect(repeatQuery(params)).toBe('phone_number=x');
});
