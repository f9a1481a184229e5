// From kinds of value to schemas of request bodies.
import { type TSchema, type TSchemaOptions, Type } from 'typebox';
import { Bool, Id, Int, Num, OneOf, Text, VariablesIn } from '../http/fields.ts';
import type { Kind } from './kinds.ts';

const bounds = ({ min, max, sentence }: Kind): TSchemaOptions => ({
  ...(min === undefined ? {} : { minimum: min }),
  ...(max === undefined ? {} : { maximum: max }),
  ...(sentence === undefined ? {} : { 'x-messages': { minimum: sentence, maximum: sentence } }),
});

const length = ({ max }: Kind): TSchemaOptions => (max === undefined ? {} : { maxLength: max });

/** A URL that a webhook may be sent to. */
export const WebhookUrl = Text({
  format: 'uri',
  pattern: '^[Hh][Tt][Tt][Pp][Ss]?://',
  maxLength: 2048,
  'x-messages': { pattern: 'The :attribute field must be a valid URL.' },
});

const PostCallField = Type.Object({
  name: Text({ pattern: '^[a-z0-9_]{3,16}$' }),
  type: OneOf(['string', 'number', 'bool']),
  description: Text({ minLength: 3, maxLength: 255 }),
});

const Phrases = Type.Optional(Type.Array(Type.String()));
const FillerConfig = Type.Object(
  { positive: Phrases, negative: Phrases, question: Phrases, neutral: Phrases },
  { additionalProperties: false },
);

type Plain = Exclude<Kind['is'], 'tools' | 'booking-fields'>;

const SCHEMAS: Record<Plain, (kind: Kind, note: TSchemaOptions) => TSchema> = {
  id: (_, note) => Id(note),
  ids: (_, note) => Type.Array(Id(), note),
  integer: (kind, note) => Int({ ...bounds(kind), ...note }),
  number: (kind, note) => Num({ ...bounds(kind), ...note }),
  boolean: (_, note) => Bool(note),
  text: (kind, note) => Text({ ...length(kind), ...note }),
  verbatim: (kind, note) => Type.String({ ...length(kind), ...note }),
  word: ({ words = [] }, note) => OneOf(words, note),
  url: () => WebhookUrl,
  variables: (_, note) => VariablesIn(note),
  fillers: () => FillerConfig,
  'post-call': () => Type.Array(PostCallField),
};

/** The schema of a kind, apart from the two that are made of tools. */
export const toSchema = (kind: Kind & { is: Plain }): TSchema =>
  SCHEMAS[kind.is](kind, kind.note === undefined ? {} : { description: kind.note });
