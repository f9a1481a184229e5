// The kinds of field that request schemas are made of. `x-lenient` names how a value is read before the schema is
// applied (validator.ts): what shipping clients send is wider than what the types say. Source: the contract's compat notes.
import { type TProperties, type TSchema, type TSchemaOptions, Type } from 'typebox';
import type { E164 } from '../phone.ts';

/** An id: a JSON integer, or the same as text. */
export const Id = (options: TSchemaOptions = {}) => Type.Integer({ minimum: 1, 'x-lenient': 'integer', ...options });

/** A whole number; numeric text is taken too, as the framework's `integer` rule does. */
export const Int = (options: TSchemaOptions = {}) => Type.Integer({ 'x-lenient': 'integer', ...options });

/** A number; numeric text is taken too. */
export const Num = (options: TSchemaOptions = {}) => Type.Number({ 'x-lenient': 'number', ...options });

/** A boolean; 0, 1, "0", "1", "true" and "false" are taken too. */
export const Bool = (options: TSchemaOptions = {}) => Type.Boolean({ 'x-lenient': 'boolean', ...options });

/** Text that is trimmed; blank counts as not given. */
export const Text = (options: TSchemaOptions = {}) => Type.String({ 'x-lenient': 'text', ...options });

/** What a number is told that has not the shape of E.164. */
export const INVALID_PHONE = 'Invalid phone number';

/** A phone number with its country code; separators are dropped. Read as E.164. */
export const Phone = (options: TSchemaOptions = {}) =>
  Type.Unsafe<E164>({
    type: 'string',
    format: 'e164',
    'x-lenient': 'phone',
    'x-messages': { format: INVALID_PHONE },
    ...options,
  });

/** A `YYYY-MM-DD` day in UTC. */
export const Day = (options: TSchemaOptions = {}) => Type.String({ format: 'date', ...options });

/** Free variables: an object; leniently an array of objects (merged left to right) or null. */
export const VariablesIn = (options: TSchemaOptions = {}) =>
  Type.Unsafe<Record<string, unknown>>({
    type: 'object',
    additionalProperties: true,
    'x-lenient': 'variables',
    'x-messages': { type: 'The :attribute field must be an array.' },
    ...options,
  });

/** One of the given words. */
export const OneOf = <const Word extends string>(words: readonly Word[], options: TSchemaOptions = {}) =>
  Type.Unsafe<Word>({ type: 'string', enum: [...words], 'x-lenient': 'text', ...options });

/** The same field, or null. */
export const Nullable = <Field extends TSchema>(field: Field, options: TSchemaOptions = {}) => {
  const plain = field as TSchema & { type?: string; enum?: unknown[] };
  return Type.Unsafe<Type.Static<Field> | null>({
    ...plain,
    type: [plain.type, 'null'],
    ...(plain.enum === undefined ? {} : { enum: [...plain.enum, null] }),
    ...options,
  });
};

/** What may be changed of something: a field that is named is meant, so a blank text is null, and refused where null is. */
export const Changes = <Fields extends TProperties>(fields: Fields, options: TSchemaOptions = {}) =>
  Type.Object(fields, { 'x-partial': true, ...options });

/** The path parameter of a route on one row. Text that is no id becomes NO_SUCH_ID: such a row does not exist. */
export const IdParams = Type.Object({ id: Type.Integer({ minimum: 1 }) });

/** `?per_page=` and `?page=`, for lists. `page` is free: resolvePage makes 1 of anything odd. */
export const pageQuery = (perPage: number) => ({
  per_page: Type.Optional(Int({ minimum: 1, maximum: 100, default: perPage })),
  page: Type.Optional(Type.Unsafe<unknown>({ description: 'From 1. Anything but a positive integer counts as 1.', default: 1 })),
});

/** `{"message": "..."}`: the answer of an act without data, and of most errors. */
export const Message = Type.Object({ message: Type.String() }, { additionalProperties: false });

/** The answer of an act that returns what it made or changed. */
export const MessageWith = <Data extends TSchema>(data: Data) =>
  Type.Object({ message: Type.String(), data }, { additionalProperties: false });

/** 422. */
export const ValidationFailed = Type.Object(
  { message: Type.String(), errors: Type.Optional(Type.Record(Type.String(), Type.Array(Type.String()))) },
  { additionalProperties: false },
);

/** Variables as they are answered: always an object, in the order they were sent. */
export const VariablesOut = Type.Unsafe<Record<string, unknown>>({ type: 'object', additionalProperties: true });

/** Instants as `YYYY-MM-DD HH:MM:SS`, UTC. */
export const SpaceDateTime = Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2} \\d{2}:\\d{2}:\\d{2}$' });

/** Instants as ISO 8601 with six decimals and Z. */
export const IsoMicro = Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}\\.\\d{6}Z$' });
