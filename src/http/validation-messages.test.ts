import { Type } from 'typebox';
import { describe, expect, test } from 'vitest';
import type { ValidationError } from '../errors.ts';
import { requiredMessage, selectedInvalid } from '../sentences.ts';
import { Bool, Day, Id, Int, Nullable, Num, OneOf, Phone, Text, VariablesIn } from './fields.ts';
import type { LenientSchema } from './lenient.ts';
import { compileValidator } from './validator.ts';

const schema = Type.Object(
  {
    first_name: Text({ minLength: 2, maxLength: 4 }),
    age: Type.Optional(Int({ minimum: 1, maximum: 9 })),
    ratio: Type.Optional(Num({ maximum: 1 })),
    is_on: Type.Optional(Bool()),
    size: Type.Optional(OneOf(['small', 'large'])),
    size_or_none: Type.Optional(Nullable(OneOf(['small', 'large']))),
    email: Type.Optional(Text({ format: 'email' })),
    link: Type.Optional(Type.String({ format: 'uri' })),
    day: Type.Optional(Day()),
    phone_number: Type.Optional(Phone()),
    variables: Type.Optional(VariablesIn()),
    parts: Type.Optional(
      Type.Array(Type.Object({ part_id: Id(), label: Type.Optional(Text({ 'x-messages': { type: 'Own words for :attribute' } })) }), {
        minItems: 1,
        maxItems: 2,
      }),
    ),
    codes: Type.Optional(Type.Array(Type.String({ pattern: '^x' }), { uniqueItems: true })),
  },
  { additionalProperties: true },
);

const validate = (over: object, httpPart = 'body') => {
  const check = compileValidator({ schema: schema as unknown as LenientSchema, httpPart, method: 'POST', url: '/' });
  return check(over) as { value?: unknown; error?: ValidationError };
};
const errorsOf = (fields: object) => validate({ first_name: 'Mara', ...fields }).error?.errors;

describe('sentences of the framework', () => {
  test.each<[object, string, string]>([
    [{ first_name: undefined }, 'first_name', 'The first name field is required.'],
    [{ first_name: ' ' }, 'first_name', 'The first name field is required.'],
    [{ first_name: null }, 'first_name', 'The first name field is required.'],
    [{ age: null }, 'age', 'The age field must be an integer.'],
    [{ first_name: 5 }, 'first_name', 'The first name field must be a string.'],
    [{ first_name: 'M' }, 'first_name', 'The first name field must be at least 2 characters.'],
    [{ first_name: 'Maraa' }, 'first_name', 'The first name field must not be greater than 4 characters.'],
    [{ age: 'abc' }, 'age', 'The age field must be an integer.'],
    [{ age: 1.5 }, 'age', 'The age field must be an integer.'],
    [{ age: '9223372036854775808' }, 'age', 'The age field must be an integer.'],
    [{ age: 0 }, 'age', 'The age field must be at least 1.'],
    [{ age: '10' }, 'age', 'The age field must not be greater than 9.'],
    [{ ratio: 'x' }, 'ratio', 'The ratio field must be a number.'],
    [{ is_on: 'yes' }, 'is_on', 'The is on field must be true or false.'],
    [{ size: 'huge' }, 'size', 'The selected size is invalid.'],
    [{ size_or_none: 'huge' }, 'size_or_none', 'The selected size or none is invalid.'],
    [{ email: 'x' }, 'email', 'The email field must be a valid email address.'],
    [{ link: 'x' }, 'link', 'The link field must be a valid URL.'],
    [{ day: '2026-02-30' }, 'day', 'The day field must match the format Y-m-d.'],
    [{ phone_number: '123' }, 'phone_number', 'Invalid phone number'],
    [{ variables: 'x' }, 'variables', 'The variables field must be an array.'],
    [{ parts: 'x' }, 'parts', 'The parts field must be an array.'],
    [{ parts: [] }, 'parts', 'The parts field must have at least 1 items.'],
    [{ parts: [1, 2, 3].map((part_id) => ({ part_id })) }, 'parts', 'The parts field must not have more than 2 items.'],
    [{ parts: ['x'] }, 'parts.0', 'The parts.0 field must be an array.'],
    [{ parts: [{ part_id: 1 }, {}] }, 'parts.1.part_id', 'The parts.1.part_id field is required.'],
    [{ parts: [{ part_id: 'x' }] }, 'parts.0.part_id', 'The parts.0.part_id field must be an integer.'],
    [{ parts: [{ part_id: 1, label: 5 }] }, 'parts.0.label', 'Own words for parts.0.label'],
    [{ codes: ['x', 'x'] }, 'codes', 'The codes field has a duplicate value.'],
    [{ codes: ['y'] }, 'codes.0', 'The codes.0 field format is invalid.'],
    [{ first_name: 'a\0' }, 'first_name', 'The first name field contains characters that are not allowed (NUL or a lone surrogate).'],
  ])('%o', (fields, field, message) => {
    expect(errorsOf(fields)).toEqual({ [field]: [message] });
  });

  test('two broken rules are two messages, in one list', () => {
    expect(errorsOf({ size: ['small'] })).toEqual({ size: ['The size field must be a string.', 'The selected size is invalid.'] });
  });

  test('fields come in the order of the schema, not of the body', () => {
    expect(Object.keys(errorsOf({ day: 'x', age: 'x', first_name: '' }) ?? {})).toEqual(['first_name', 'age', 'day']);
  });

  test('null is taken where the field may be null', () => {
    expect(errorsOf({ size_or_none: null })).toBeUndefined();
  });
});

test('a number is the one thing whose trouble stands on the top line, and only alone', () => {
  expect(validate({ first_name: 'Mara', phone_number: '1' }).error?.summary).toBe('Invalid phone number');
  expect(validate({ first_name: 'Mara', phone_number: '1', age: 'x' }).error?.summary).toBeUndefined();
});

describe('a body that is no object has no fields', () => {
  test.each([[[]], ['text'], [5], [true], [null], [undefined]])('%o', (body) => {
    expect(validate(body as unknown as object).error?.errors).toEqual({ first_name: ['The first name field is required.'] });
  });
});

test('of a query, only parameters that the route names are looked at', () => {
  const query = { first_name: 'Mara', colour: 'a\0b', deep: { a: 1 } };
  expect(validate(query, 'querystring')).toEqual({ value: { first_name: 'Mara' } });
  expect(validate(query).error?.errors).toHaveProperty('colour');
});

test.each([
  ['5', 5],
  ['05', Number.MAX_SAFE_INTEGER],
  ['0', Number.MAX_SAFE_INTEGER],
  ['-1', Number.MAX_SAFE_INTEGER],
  ['5.0', Number.MAX_SAFE_INTEGER],
  ['abc', Number.MAX_SAFE_INTEGER],
  ['9007199254740993', Number.MAX_SAFE_INTEGER],
  ['9'.repeat(400), Number.MAX_SAFE_INTEGER],
])('the path parameter %s is never refused', (id, expected) => {
  const check = compileValidator({ schema: Type.Object({ id: Type.Integer() }), httpPart: 'params', method: 'GET', url: '/:id' });
  expect(check({ id })).toEqual({ value: { id: expected } });
});

test('names are shown with blanks, paths as they are', () => {
  expect(requiredMessage('campaign_id')).toBe('The campaign id field is required.');
  expect(selectedInvalid('phone_number_ids.0')).toBe('The selected phone_number_ids.0 is invalid.');
});
