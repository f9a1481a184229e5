// An assistant between its row, the values that a body may give, and the answer. The table in assistant-fields.ts rules
// all three.                                                                                                      [pure]
import { LLM_MODELS, type Mode } from '../catalogue/catalogue.ts';
import { findLanguage, speechModelsOf } from '../catalogue/lookups.ts';
import type { AssistantRow } from '../db/schema.ts';
import { toIsoMicro } from '../http/wire-time.ts';
import { type AssistantInput, type AssistantValues, FIELDS, type FieldName, INITIAL, INPUT_NAMES, type Shown } from './assistant-fields.ts';
import { withToolDefaults } from './tools.ts';

const SETTINGS = INPUT_NAMES.filter((name) => FIELDS[name].place === 'setting');

/** The fields of a checked body; keys without a meaning are left out. Tools get the defaults of their kind. */
export const readInput = (body: AssistantInput): AssistantInput => {
  const given = INPUT_NAMES.filter((name) => Object.hasOwn(body, name) && body[name] !== undefined);
  const input: AssistantInput = Object.fromEntries(given.map((name) => [name, body[name]]));
  return input.tools === undefined ? input : { ...input, tools: input.tools.map(withToolDefaults) };
};

/** The values of a new assistant, from a body that the schema of a creation has passed. */
export const newValues = (input: AssistantInput, accountTimezone: string | null): AssistantValues => ({
  // Complete: INITIAL lacks only what that schema requires.
  ...(INITIAL as AssistantValues),
  ...input,
  initial_message: input.initial_message ?? '',
  timezone: input.timezone ?? accountTimezone,
});

// Models and providers belong to a mode. So do three settings that pipeline mode alone can have.
const defaultsOf = (mode: Mode): AssistantInput => ({
  llm_model_id: mode === 'pipeline' ? (LLM_MODELS[0]?.id ?? null) : null,
  multimodal_model_id: speechModelsOf(mode)[0]?.id ?? null,
  chat_llm_fallback_id: null,
  synthesizer_provider_id: null,
  transcriber_provider_id: null,
  ...(mode === 'pipeline' ? {} : { allow_interruptions: true, fillers: false, knowledgebase_mode: null }),
});

/** The values after an update. A change of mode puts what belongs to a mode back to the new one's defaults. */
export const changedValues = (stored: AssistantValues, input: AssistantInput): AssistantValues => {
  const moves = input.mode !== undefined && input.mode !== stored.mode;
  return { ...stored, ...(moves ? defaultsOf(input.mode ?? stored.mode) : {}), ...input };
};

/** The values that a row holds. A setting that is younger than the row has its default. */
export const valuesOf = (row: AssistantRow): AssistantValues => ({
  // Both json columns were written by toColumns.
  ...(INITIAL as AssistantValues),
  ...(row.settings as AssistantInput),
  post_call_schema: row.post_call_schema as AssistantValues['post_call_schema'],
  name: row.name,
  type: row.type,
  mode: row.mode,
  timezone: row.timezone,
  phone_number_id: row.phone_number_id,
  variables: row.variables,
  is_webhook_active: row.is_webhook_active,
  webhook_url: row.webhook_url,
  conversation_ended_webhook_url: row.conversation_ended_webhook_url,
});

/** The values as columns of a row. Those without a column of their own go into `settings`. */
export const toColumns = (values: AssistantValues) => ({
  name: values.name,
  type: values.type,
  mode: values.mode,
  timezone: values.timezone,
  phone_number_id: values.phone_number_id,
  variables: JSON.stringify(values.variables),
  post_call_schema: JSON.stringify(values.post_call_schema.map(({ name, type, description }) => ({ name, type, description }))),
  is_webhook_active: values.is_webhook_active,
  webhook_url: values.webhook_url,
  conversation_ended_webhook_url: values.conversation_ended_webhook_url,
  settings: JSON.stringify(Object.fromEntries(SETTINGS.map((name) => [name, values[name]]))),
});

const SHOW: Record<Shown, (value: unknown) => unknown> = {
  plain: (value) => value,
  bit: (value) => (value === true ? 1 : 0),
  decimal: (value) => Number(value).toFixed(2),
};

/** An assistant with every documented key, in order. What has no meaning here is null. */
export const presentAssistant = (row: AssistantRow) => {
  const values = valuesOf(row);
  const known: Partial<Record<FieldName, unknown>> = {
    ...values,
    id: row.id,
    user_id: row.account_id,
    inbound_webhook_url: row.inbound_webhook_url,
    language: findLanguage(values.language_id)?.name ?? null,
    status: row.status,
    created_at: toIsoMicro(row.created_at),
    updated_at: toIsoMicro(row.updated_at),
    uuid: row.uuid,
  };
  const shown = (Object.keys(FIELDS) as FieldName[]).map((name) => {
    const field = FIELDS[name];
    return [name, SHOW['shown' in field ? field.shown : 'plain'](known[name] ?? null)];
  });
  // Every key of the table was just written.
  return Object.fromEntries(shown) as Record<FieldName, unknown>;
};

/** What creation and update answer. */
export const presentSummary = ({ id, name, status, type, mode }: AssistantRow) => ({ id, name, status, type, mode });
