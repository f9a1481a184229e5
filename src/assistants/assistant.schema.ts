// The shapes of assistants on the wire: what is answered and what may be sent, made from the table in assistant-fields.ts.
import { type TSchema, Type } from 'typebox';
import { MODES } from '../catalogue/catalogue.ts';
import { IsoMicro, Nullable, OneOf } from '../http/fields.ts';
import {
  type AssistantInput,
  FIELDS,
  type FieldName,
  INITIAL,
  INPUT_NAMES,
  type InputName,
  mayBeNull,
  REQUIRED,
} from './assistant-fields.ts';
import { toSchema } from './kind.schema.ts';
import { ToolIn } from './tool.schema.ts';

const closed = { additionalProperties: false };

const inputOf = (name: InputName): TSchema => {
  const { kind } = FIELDS[name];
  const { is } = kind;
  const schema = is === 'tools' ? Type.Array(ToolIn) : is === 'booking-fields' ? Type.Unknown() : toSchema({ ...kind, is });
  return mayBeNull(name) ? Nullable(schema) : schema;
};

const inputs = Object.fromEntries(INPUT_NAMES.map((name) => [name, inputOf(name)]));

/** The body of an update: any of the fields. Unknown keys are ignored. */
export const AssistantUpdate = Type.Unsafe<AssistantInput>({ type: 'object', properties: inputs, 'x-partial': true });

const withDefault = (name: InputName): object => {
  const initial = INITIAL[name];
  return { ...inputs[name], ...(initial === undefined || initial === null ? {} : { default: initial }) };
};

const needs = (modes: readonly string[], name: InputName) => ({
  if: { required: ['mode'], properties: { mode: { enum: modes } } },
  // biome-ignore lint/suspicious/noThenProperty: the keyword of JSON Schema
  then: { required: [name], properties: { [name]: {} } },
});

/** The body of a creation. */
export const AssistantCreate = Type.Unsafe<AssistantInput>({
  type: 'object',
  properties: Object.fromEntries(INPUT_NAMES.map((name) => [name, withDefault(name)])),
  required: INPUT_NAMES.filter((name) => FIELDS[name].initial === REQUIRED),
  allOf: [needs(['pipeline'], 'llm_model_id'), needs(['multimodal', 'dualplex'], 'multimodal_model_id')],
});

const NO_ID = 'The :attribute field must be an integer.';

/** An assistant in a body or a query: its id, the id as text, or its uuid. parseAssistantRef reads it. */
export const AssistantId = Type.Unsafe<number | string>({
  type: ['integer', 'string'],
  minimum: 1,
  pattern: '^([1-9][0-9]*|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$',
  description: "The assistant's id or uuid.",
  'x-lenient': 'text',
  'x-messages': { type: NO_ID, pattern: NO_ID },
});

/** An assistant as answered. */
export type AssistantOut = { [Name in FieldName]: unknown };

const SERVER_FIELDS: Record<string, TSchema> = {
  id: Type.Integer(),
  user_id: Type.Integer({ description: 'The account.' }),
  inbound_webhook_url: Nullable(Type.String()),
  language: Nullable(Type.String({ description: 'The name of language_id.' })),
  status: Type.Unsafe({ type: 'string', enum: ['active', 'inactive'] }),
  created_at: IsoMicro,
  updated_at: IsoMicro,
  uuid: Type.String({ format: 'uuid' }),
};

const PLAIN_KEYWORDS = new Set(['type', 'enum', 'items', 'properties', 'additionalProperties', 'description']);

// What is answered has the form of what is taken, without its bounds, defaults and leniency.
const toOutput = (schema: object): object =>
  Object.fromEntries(
    Object.entries(schema)
      .filter(([keyword]) => PLAIN_KEYWORDS.has(keyword))
      .map(([keyword, value]) => {
        if (keyword === 'items') return [keyword, toOutput(value)];
        if (keyword !== 'properties') return [keyword, value];
        return [keyword, Object.fromEntries(Object.entries(value as Record<string, object>).map(([name, one]) => [name, toOutput(one)]))];
      }),
  );

const SHOWN_AS = {
  bit: { type: 'integer', enum: [0, 1] },
  decimal: { type: 'string', pattern: '^\\d+\\.\\d{2}$' },
};

const outputOf = (name: FieldName): object => {
  const field = FIELDS[name];
  if (field.place === 'nowhere') return { type: 'null' };
  if (field.place === 'server') return SERVER_FIELDS[name] ?? Type.Unknown();
  if (field.shown !== 'plain') return SHOWN_AS[field.shown];
  return field.kind.is === 'tools'
    ? { type: 'array', items: { type: 'object', additionalProperties: true } }
    : toOutput(inputs[name] ?? {});
};

const answer = (names: readonly FieldName[]) =>
  Type.Unsafe<AssistantOut>({
    type: 'object',
    properties: Object.fromEntries(names.map((name) => [name, outputOf(name)])),
    required: [...names],
    ...closed,
  });

/** Every documented key, in order. */
export const Assistant = answer(Object.keys(FIELDS) as FieldName[]);

/** A row of the bare lists. */
export const AssistantBrief = answer([
  ...(['id', 'user_id', 'name', 'type', 'mode', 'status', 'voice_id', 'language_id', 'timezone', 'initial_message'] as const),
  ...(['system_prompt', 'variables', 'webhook_url', 'is_webhook_active', 'created_at', 'updated_at'] as const),
]);

/** What creation and update answer. */
export const AssistantSummary = Type.Object(
  {
    id: Type.Integer(),
    name: Type.String(),
    status: OneOf(['active', 'inactive']),
    type: OneOf(['inbound', 'outbound']),
    mode: OneOf(MODES),
  },
  closed,
);
