// One validator for every route: read leniently, check strictly, speak the framework's sentences.
import { Ajv, type ErrorObject } from 'ajv';
import addFormats from 'ajv-formats';
import type { FastifySchemaCompiler } from 'fastify';
import type { TSchema, Type } from 'typebox';
import { ValidationError } from '../errors.ts';
import { isRecord } from '../is-record.ts';
import { NO_SUCH_ID } from '../no-such-id.ts';
import { isPhoneFilter, toE164 } from '../phone.ts';
import { readCursor } from './cursor-page.ts';
import { INVALID_PHONE } from './fields.ts';
import { type LenientSchema, MAX_ITEMS, readLeniently } from './lenient.ts';
import { findBadText } from './text-scan.ts';
import { toFieldErrors } from './validation-messages.ts';
import { dayStart, readInstant } from './wire-time.ts';

const ajv = new Ajv({ allErrors: true, verbose: true, allowUnionTypes: true, strict: true, strictTypes: false });
// ajv-formats is CommonJS: its default export sits one level down under Node's rules.
addFormats.default(ajv);
// Stricter than the plugin's: a host, and a port that exists.
ajv.addFormat('uri', (text) => URL.canParse(text) && new URL(text).hostname !== '');
ajv.addFormat('date', (text) => dayStart(text) !== undefined);
ajv.addFormat('e164', (text) => toE164(text) !== undefined);
ajv.addFormat('phone-filter', isPhoneFilter);
ajv.addFormat('cursor', (text) => readCursor(text) !== undefined);
ajv.addFormat('instant', (text) => readInstant(text) !== undefined);
ajv.addVocabulary(['x-lenient', 'x-messages', 'x-partial', 'x-renamed']);
// An annotation of query and body schemas for the document only; it must not fill in values.
ajv.removeKeyword('default');
ajv.addVocabulary(['default', 'example']);

type Verdict = { value: unknown } | { error: ValidationError };

// Unknown keys that are named, of however many there are.
const KEYS_NAMED = 50;

/** The schema with a bound on every list. */
const withListBounds = (schema: LenientSchema): LenientSchema => ({
  ...schema,
  ...(schema.items === undefined ? {} : { items: withListBounds(schema.items), maxItems: schema.maxItems ?? MAX_ITEMS }),
  ...(schema.properties === undefined
    ? {}
    : { properties: Object.fromEntries(Object.entries(schema.properties).map(([name, field]) => [name, withListBounds(field)])) }),
});

const refuse = (findings: readonly ErrorObject[], schema: LenientSchema): ValidationError => {
  const unknown = findings.filter((error) => error.keyword === 'additionalProperties' && error.instancePath === '');
  if (unknown.length > 0) {
    const keys = unknown.slice(0, KEYS_NAMED).map((error) => error.params.additionalProperty);
    return new ValidationError({}, `Invalid fields: ${keys.join(', ')}${unknown.length > KEYS_NAMED ? ', ...' : ''}`);
  }
  const errors = toFieldErrors(findings, Object.keys(schema.properties ?? {}));
  // A number is the one thing whose trouble the documents put on the top line.
  const onlyPhone = Object.values(errors)
    .flat()
    .every((message) => message === INVALID_PHONE);
  return new ValidationError(errors, onlyPhone ? INVALID_PHONE : undefined);
};

const pick = (value: Record<string, unknown>, names: readonly string[]): Record<string, unknown> =>
  Object.fromEntries(names.filter((name) => Object.hasOwn(value, name)).map((name) => [name, value[name]]));

const checkInput = (schema: LenientSchema, onlyKnown: boolean) => {
  const check = ajv.compile(withListBounds(schema));
  const known = Object.keys(schema.properties ?? {});
  return (data: unknown): Verdict => {
    // The framework reads a body that is no object, or none at all, as one without fields.
    const sent = isRecord(data) ? data : {};
    const given = onlyKnown ? pick(sent, known) : sent;
    const badText = findBadText(given);
    if (badText !== undefined) return { error: new ValidationError(badText) };
    const value = readLeniently(schema, given);
    return check(value) ? { value } : { error: refuse(check.errors ?? [], schema) };
  };
};

/** A check of single values by a schema, as bodies are checked: for what a route takes many of. */
export const compileCheck = <Schema extends TSchema>(schema: Schema) =>
  checkInput(schema as LenientSchema, false) as (data: unknown) => { value: Type.Static<Schema> } | { error: ValidationError };

// Path parameters are never refused: what cannot be an id names no row, and the handler answers its own 404.
const readParams =
  (schema: LenientSchema) =>
  (data: unknown): Verdict => {
    const value: Record<string, unknown> = { ...(isRecord(data) ? data : {}) };
    for (const [name, property] of Object.entries(schema.properties ?? {})) {
      if (property.type !== 'integer') continue;
      const text = String(value[name]);
      const id = /^[1-9]\d*$/.test(text) ? Number(text) : NO_SUCH_ID;
      value[name] = Number.isSafeInteger(id) ? id : NO_SUCH_ID;
    }
    return { value };
  };

/** The validator compiler of the application. Headers are not validated. */
export const compileValidator: FastifySchemaCompiler<LenientSchema> = ({ schema, httpPart }) => {
  if (httpPart === 'params') return readParams(schema);
  if (httpPart === 'headers') return (data: unknown): Verdict => ({ value: data });
  return checkInput(schema, httpPart === 'querystring');
};
