// Query strings read and written as PHP does, because page URLs repeat the request's parameters byte for byte.
// Source: the vectors in test/vectors, made by the original's framework and by PHP 8.2. Text is kept as bytes (one character a byte),
// so that a sequence which is no UTF-8 survives the round trip.

/** A parameter: bytes, or a list or map of parameters (`a[]=1`, `a[x]=1`). */
export type QueryValue = string | QueryParams;
/** Parameters in the order of their first appearance; of a repeated name the last value stands. */
export type QueryParams = Map<string, QueryValue>;

// PHP's own bounds (max_input_vars, max_input_nesting_level): what is beyond them is dropped.
const MAX_PARAMETERS = 1000;
const MAX_DEPTH = 64;

const decode = (text: string): string =>
  text.replace(/\+/g, ' ').replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));

const encode = (bytes: string): string =>
  bytes.replace(/[^A-Za-z0-9\-_.~]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);

/** Bytes of a parameter as text; what is no UTF-8 becomes U+FFFD. */
export const toText = (bytes: string): string => Buffer.from(bytes, 'latin1').toString('utf8');

/** Text as the bytes of a parameter. */
export const toBytes = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

// `a[b][]` -> name `a`, keys ['b', undefined]. A bracket that is never closed belongs to the name.
const splitName = (raw: string): { name: string; keys: (string | undefined)[] } => {
  const open = raw.indexOf('[');
  const closed = open > 0 && raw.indexOf(']', open) > 0;
  const name = (closed ? raw.slice(0, open) : raw).replace(/[ .[]/g, '_');
  const keys: (string | undefined)[] = [];
  let at = closed ? open : -1;
  while (at >= 0 && raw[at] === '[') {
    const end = raw.indexOf(']', at);
    if (end < 0) break;
    const key = raw.slice(at + 1, end);
    // One blank between the brackets is no key; in front of a key it is part of it.
    keys.push(/^[ \t\n\v\f\r]?$/.test(key) ? undefined : key);
    at = end + 1;
  }
  return { name, keys };
};

const MAX_INT = 2n ** 63n;

// PHP's arrays keep such a key as a number.
const isIntegerKey = (key: string): boolean => {
  if (!/^(0|-?[1-9]\d{0,18})$/.test(key)) return false;
  const value = BigInt(key);
  return value < MAX_INT && value >= -MAX_INT;
};

// The number that `[]` stands for in each list; beyond the last one its value is dropped. Kept, since counting anew for
// each of a thousand parameters would take a while.
type FreeIndexes = WeakMap<QueryParams, bigint>;

const takeKey = (free: FreeIndexes, list: QueryParams, given: string | undefined): string | undefined => {
  const next = free.get(list);
  if (given === undefined && next !== undefined && next >= MAX_INT) return undefined;
  const key = given ?? String(next ?? 0n);
  if (isIntegerKey(key) && (next === undefined || BigInt(key) >= next)) free.set(list, BigInt(key) + 1n);
  return key;
};

/** Reads the part of a URL behind the `?`. Never fails: PHP takes anything. */
export const parseQuery = (raw: string): QueryParams => {
  const params: QueryParams = new Map();
  // A fragment never reaches a server; Unicode can only come from callers inside the process.
  const bytes = toBytesIfUnicode(raw.split('#', 1)[0] ?? '');
  const parts = bytes.split('&').filter((part) => part !== '');
  const free: FreeIndexes = new WeakMap();
  for (const part of parts.slice(0, MAX_PARAMETERS)) {
    const equals = part.indexOf('=');
    const rawName = decode(equals < 0 ? part : part.slice(0, equals)).replace(/^ +/, '');
    if (rawName === '' || rawName.startsWith('[')) continue;
    const { name, keys } = splitName(rawName.split('\0', 1)[0] ?? '');
    if (name === '') continue;
    if (keys.length > MAX_DEPTH) params.delete(name);
    else put(params, free, name, keys, decode(equals < 0 ? '' : part.slice(equals + 1)));
  }
  return params;
};

const put = (params: QueryParams, free: FreeIndexes, name: string, keys: readonly (string | undefined)[], value: string): void => {
  let target = params;
  let key = name;
  for (const inner of keys) {
    const existing = target.get(key);
    const list: QueryParams = existing instanceof Map ? existing : new Map();
    target.set(key, list);
    target = list;
    const taken = takeKey(free, list, inner);
    if (taken === undefined) return;
    key = taken;
  }
  target.set(key, value);
};

const toBytesIfUnicode = (text: string): string => (/[^\0-\xff]/.test(text) ? toBytes(text) : text);

const BLANKS = ' \t\n\r\0\v';

// The framework trims every value, then treats an empty one as absent.
const clean = (value: string): string => {
  let start = 0;
  let end = value.length;
  // By hand: a regular expression takes quadratic time on blanks within a value.
  while (start < end && BLANKS.includes(value.charAt(start))) start++;
  while (end > start && BLANKS.includes(value.charAt(end - 1))) end--;
  return value.slice(start, end);
};

const append = (out: string[], name: string, value: QueryValue): void => {
  if (value instanceof Map) {
    for (const [key, inner] of value) append(out, `${name}[${key}]`, inner);
    return;
  }
  const kept = clean(value);
  if (kept !== '') out.push(`${encode(name)}=${encode(kept)}`);
};

/**
 * Parameters as the page URLs repeat them: trimmed, empty ones gone, RFC 3986 encoded, `page` left out.
 * Integer-like names are counted anew from 0, as PHP does when it merges arrays.
 */
export const repeatQuery = (params: QueryParams, own = 'page'): string => {
  const out: string[] = [];
  let index = 0;
  for (const [name, value] of params) {
    if (name === own) continue;
    append(out, isIntegerKey(name) ? String(index++) : name, value);
  }
  return out.join('&');
};

/**
 * A parameter as a rule sees it: trimmed text, undefined when absent or empty, a list or map as an object.
 */
export const readParameter = (value: QueryValue | undefined): unknown => {
  if (value === undefined) return undefined;
  if (typeof value === 'string') return toText(clean(value)) || undefined;
  return Object.fromEntries([...value].map(([key, inner]) => [toText(key), readParameter(inner) ?? null]));
};

// An unescaped + arrives as a blank. In front of a digit it can only have been one.
const meantPlus = (bytes: string): string => bytes.replace(/^ +(?=\d)/, '+');

/** The parameters with `phone_number=+1202`, sent without escaping, put right. */
export const withMeantPlus = (params: QueryParams): QueryParams => {
  const number = params.get('phone_number');
  return typeof number === 'string' ? new Map(params).set('phone_number', meantPlus(number)) : params;
};

// Trimming takes NUL away as well. A filter that held one was not meant as what is left of it, let alone as absent: it
// stays whole, to be refused. So does a phone number of blanks, since one that is nothing but separators is an error.
const readText = (name: string, bytes: string): unknown => {
  const kept = clean(bytes) || (name === 'phone_number' ? bytes : '');
  const whole = name !== 'page' && bytes.includes('\0') ? bytes : kept;
  return toText(whole) || undefined;
};

/** A query string as the rules see it: plain values by name. */
export const readQuery = (raw: string): Record<string, unknown> => {
  const out: Record<string, unknown> = {};
  for (const [name, value] of withMeantPlus(parseQuery(raw))) {
    const read = typeof value === 'string' ? readText(name, value) : readParameter(value);
    if (read !== undefined && name !== '__proto__') out[toText(name)] = read;
  }
  return out;
};

/** PHP's integer filter: optional sign, no leading zero, within 64 bits; white space around it is allowed. */
export const toInteger = (text: string): bigint | undefined => {
  const bare = clean(text);
  if (!/^[+-]?(0|[1-9]\d{0,18})$/.test(bare)) return undefined;
  const value = BigInt(bare.replace(/^\+/, ''));
  return value < MAX_INT && value >= -MAX_INT ? value : undefined;
};
