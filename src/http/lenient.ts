// Reads what clients send into what the schemas say: numeric text as numbers, 0 and 1 as booleans, older spellings of a
// field under its present name. Pure; it never refuses anything, that is the schema's part.

import { isRecord } from '../is-record.ts';
import { stripSeparators } from '../phone.ts';
import { toInteger } from './query-string.ts';

/** The parts of a schema that this file reads. */
export interface LenientSchema {
  type?: string | string[];
  properties?: Record<string, LenientSchema>;
  items?: LenientSchema;
  maxItems?: number;
  required?: string[];
  'x-lenient'?: 'integer' | 'number' | 'boolean' | 'text' | 'phone' | 'variables';
  /** Other spelling -> this schema's own name; read only when the own name is absent. */
  'x-renamed'?: Record<string, string>;
  /** A change of some fields: what is named is meant, so a blank text is null and not "not given". */
  'x-partial'?: true;
}

/** Items of a list whose schema sets no bound of its own. */
export const MAX_ITEMS = 1000;

const BEYOND_INT = 2 ** 63;

// A well-formed integer beyond 2^53 is kept a number that no row has; one beyond 64 bits is no integer at all.
const toIntegerValue = (value: unknown): unknown => {
  const whole = typeof value === 'string' ? toInteger(value) : value;
  const number = typeof whole === 'bigint' ? Number(whole) : whole;
  if (typeof number !== 'number' || !Number.isInteger(number)) return value;
  if (typeof value === 'number' && Math.abs(value) >= BEYOND_INT) return String(value);
  return Math.abs(number) > Number.MAX_SAFE_INTEGER ? Math.sign(number) * Number.MAX_SAFE_INTEGER : number;
};

const toNumberValue = (value: unknown): unknown =>
  typeof value === 'string' && /^ *[+-]?\d+(\.\d+)?(e[+-]?\d+)? *$/i.test(value) ? Number(value) : value;

const BOOLEANS = new Map<unknown, boolean>([
  [0, false],
  [1, true],
  ['0', false],
  ['1', true],
  ['false', false],
  ['true', true],
]);

const toVariables = (value: unknown): unknown => {
  if (value === null) return {};
  if (!Array.isArray(value) || !value.every(isRecord)) return value;
  const merged: Record<string, unknown> = {};
  for (const part of value) Object.assign(merged, part);
  return merged;
};

const readScalar = (schema: LenientSchema, value: unknown): unknown => {
  switch (schema['x-lenient']) {
    case 'integer':
      return toIntegerValue(value);
    case 'number':
      return toNumberValue(value);
    case 'boolean':
      return BOOLEANS.get(value) ?? value;
    case 'text':
      return typeof value === 'string' ? value.trim() || undefined : value;
    case 'phone':
      return typeof value === 'string' ? stripSeparators(value.trim()) || undefined : value;
    case 'variables':
      return toVariables(value);
    default:
      return value;
  }
};

const rename = (value: Record<string, unknown>, renamed: Record<string, string>): Record<string, unknown> => {
  const out = { ...value };
  for (const [other, own] of Object.entries(renamed)) {
    if (!Object.hasOwn(out, other)) continue;
    if (!Object.hasOwn(out, own)) out[own] = out[other];
    delete out[other];
  }
  return out;
};

const allowsNull = ({ type }: LenientSchema): boolean => Array.isArray(type) && type.includes('null');

/** A value as the schema's own types; a blank text comes back as undefined, in a partial object as null. The input is left as it is. */
export const readLeniently = (schema: LenientSchema, value: unknown): unknown => {
  if (schema['x-lenient'] !== undefined) return readScalar(schema, value);
  if (schema.items !== undefined && Array.isArray(value)) {
    const { items, maxItems = MAX_ITEMS } = schema;
    // One more than allowed is enough to be refused; a million would each be read, checked and complained of.
    return value.slice(0, maxItems + 1).map((item) => readLeniently(items, item));
  }
  if (schema.properties === undefined || !isRecord(value)) return value;
  const out = schema['x-renamed'] === undefined ? { ...value } : rename(value, schema['x-renamed']);
  for (const [name, property] of Object.entries(schema.properties)) {
    if (!Object.hasOwn(out, name)) continue;
    const read = readLeniently(property, out[name]);
    // The framework counts null as not given where a field is required.
    const missing = read === undefined || (read === null && schema.required?.includes(name) && !allowsNull(property));
    if (!missing) out[name] = read;
    else if (schema['x-partial'] === true) out[name] = null;
    else delete out[name];
  }
  return out;
};
