import { describe, expect, test } from 'vitest';
import { findBadText } from './text-scan.ts';

const CHARACTERS = 'contains characters that are not allowed (NUL or a lone surrogate).';
const nested = (depth: number): unknown => JSON.parse('['.repeat(depth) + ']'.repeat(depth));

describe('refuses by field', () => {
  test.each<[string, Record<string, unknown>, string, string]>([
    ['NUL', { first_name: 'a\0b' }, 'first_name', `The first name field ${CHARACTERS}`],
    ['a lone high surrogate', { name: '\ud83d' }, 'name', `The name field ${CHARACTERS}`],
    ['a lone low surrogate', { name: 'x\ude00y' }, 'name', `The name field ${CHARACTERS}`],
    ['surrogates the wrong way round', { name: '\ude00\ud83d' }, 'name', `The name field ${CHARACTERS}`],
    ['within', { variables: { a: ['x', { b: '\0' }] } }, 'variables.a.1.b', `The variables.a.1.b field ${CHARACTERS}`],
    ['a key', { variables: { 'a\0': 1 } }, 'variables.a\\0', `The variables.a\\0 field ${CHARACTERS}`],
    ['a key with a lone surrogate', { '\ud800': 1 }, '\ufffd', `The \ufffd field ${CHARACTERS}`],
    ['a number beyond all', { a: { b: Number.POSITIVE_INFINITY } }, 'a.b', 'The a.b field is a number too large to be kept.'],
    [
      'a way to the prototype',
      JSON.parse('{"variables":{"__proto__":{"x":1}}}'),
      'variables.__proto__',
      'The variables.__proto__ field is not allowed.',
    ],
    ['101 levels', { variables: nested(101) }, 'variables', 'The variables field is nested too deeply.'],
    ['100,000 levels', { some_thing: nested(100_000) }, 'some_thing', 'The some thing field is nested too deeply.'],
  ])('%s', (_name, value, field, message) => {
    expect(findBadText(value)).toEqual({ [field]: [message] });
  });
});

test.each<[string, Record<string, unknown>]>([
  ['nothing', {}],
  ['plain values', { a: 1, b: null, c: true, d: -1e308, e: '' }],
  ['other control characters', { a: '\u0001\u001f\u007f\u2028' }],
  ['an emoji', { a: '😀' }],
  ['names of the prototype', { constructor: 'x', toString: { prototype: 1 } }],
  ['100 levels', { variables: nested(100) }],
])('lets pass: %s', (_name, value) => {
  expect(findBadText(value)).toBeUndefined();
});
