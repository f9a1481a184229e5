// From the validator's findings to the framework's sentences ("The phone number field is required."), by field.
import type { ErrorObject } from 'ajv';
import type { FieldErrors } from '../errors.ts';
import { attributeOf, requiredMessage, selectedInvalid } from '../sentences.ts';

/** The dotted path of a JSON pointer: `/secondary_contacts/0/phone_number` -> `secondary_contacts.0.phone_number`. */
const dotted = (pointer: string): string =>
  pointer
    .slice(1)
    .split('/')
    .map((key) => key.replace(/~1/g, '/').replace(/~0/g, '~'))
    .join('.');

const TYPES: Record<string, string> = {
  string: 'must be a string.',
  integer: 'must be an integer.',
  number: 'must be a number.',
  boolean: 'must be true or false.',
  array: 'must be an array.',
  object: 'must be an array.',
};

const FORMATS: Record<string, string> = {
  email: 'must be a valid email address.',
  uri: 'must be a valid URL.',
  uuid: 'must be a valid UUID.',
  date: 'must match the format Y-m-d.',
};

const predicate = ({ keyword, params }: ErrorObject): string => {
  switch (keyword) {
    case 'type': {
      const type = Array.isArray(params.type) ? params.type[0] : params.type;
      return TYPES[type] ?? 'is invalid.';
    }
    case 'minimum':
      return `must be at least ${params.limit}.`;
    case 'maximum':
      return `must not be greater than ${params.limit}.`;
    case 'minLength':
      return `must be at least ${params.limit} characters.`;
    case 'maxLength':
      return `must not be greater than ${params.limit} characters.`;
    case 'minItems':
      return `must have at least ${params.limit} items.`;
    case 'maxItems':
      return `must not have more than ${params.limit} items.`;
    case 'uniqueItems':
      return 'has a duplicate value.';
    case 'format':
      return FORMATS[params.format] ?? 'format is invalid.';
    default:
      return 'format is invalid.';
  }
};

const sentence = (error: ErrorObject, field: string): string => {
  const own = (error.parentSchema as { 'x-messages'?: Record<string, string> } | undefined)?.['x-messages'];
  const custom = own?.[error.keyword];
  if (custom !== undefined) return custom.replace(':attribute', attributeOf(field));
  if (error.keyword === 'required') return requiredMessage(field);
  if (error.keyword === 'enum' || error.keyword === 'const') return selectedInvalid(field);
  return `The ${attributeOf(field)} field ${predicate(error)}`;
};

const fieldOf = (error: ErrorObject): string => {
  const parent = dotted(error.instancePath);
  if (error.keyword !== 'required') return parent;
  const missing = String(error.params.missingProperty);
  return parent === '' ? missing : `${parent}.${missing}`;
};

// Enough to mend a body by; nobody reads thousands.
const FIELDS_NAMED = 100;

/** Messages by field (the first hundred), in the order in which the schema names its fields. */
export const toFieldErrors = (findings: readonly ErrorObject[], fieldOrder: readonly string[]): FieldErrors => {
  const rank = (field: string) => {
    const at = fieldOrder.indexOf(field.split('.', 1)[0] ?? '');
    return at < 0 ? fieldOrder.length : at;
  };
  const byField = new Map<string, string[]>();
  for (const error of findings) {
    // A finding of a combinator only repeats those of its parts.
    if (error.keyword === 'if' || error.keyword === 'anyOf') continue;
    const field = fieldOf(error);
    const message = sentence(error, field);
    const messages = byField.get(field) ?? [];
    if (!messages.includes(message)) messages.push(message);
    byField.set(field, messages);
  }
  return Object.fromEntries([...byField].sort(([a], [b]) => rank(a) - rank(b)).slice(0, FIELDS_NAMED));
};
