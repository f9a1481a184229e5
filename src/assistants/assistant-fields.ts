// The one table of what an assistant is made of. Body schemas, storage, defaults and the answer are all read from it: a
// new setting is one line here. Its order is the documented order of the answer.                                  [pure]
import { MODES } from '../catalogue/catalogue.ts';
import { boolean, id, ids, integer, type Kind, number, text, url, verbatim, word } from './kinds.ts';
import type { Tool } from './tools.ts';

/** How a value is answered: as it is, as 0 or 1, or as text with two decimals. The documents mix all three. */
export type Shown = 'plain' | 'bit' | 'decimal';

/** Stands where a default would: the body of a creation must give the field. */
export const REQUIRED = Symbol('required');

/** A field that a body may give. One whose default is null may also be given as null. */
export interface InputField {
  /** Its place in the database: a column of its own, or a key of the `settings` document. */
  readonly place: 'column' | 'setting';
  readonly kind: Kind;
  /** What a new assistant has when the body does not say. */
  readonly initial: unknown;
  readonly shown: Shown;
}

/** A field that only the answer has: made by the server, or documented without a meaning here, and then always null. */
export interface ServerField {
  readonly place: 'server' | 'nowhere';
}

const column = <Value, Initial>(kind: Kind<Value>, initial: Initial) => ({ place: 'column', kind, initial, shown: 'plain' }) as const;
const setting = <Value, Initial>(kind: Kind<Value>, initial: Initial, shown: Shown = 'plain') =>
  ({ place: 'setting', kind, initial, shown }) as const;
const server = { place: 'server' } as const;
const nowhere = { place: 'nowhere' } as const;

/** A value to be taken from the transcript after a call. */
export interface PostCallField {
  name: string;
  type: 'string' | 'number' | 'bool';
  description: string;
}

/** Words that bridge a pause, by the kind of what was said. */
export interface FillerConfig {
  positive?: string[];
  negative?: string[];
  question?: string[];
  neutral?: string[];
}

const variables: Kind<Record<string, unknown>> = { is: 'variables', note: 'Replaced whole by an update.' };
const postCall: Kind<PostCallField[]> = { is: 'post-call' };
const toolList: Kind<Tool[]> = { is: 'tools' };
const fillerConfig: Kind<FillerConfig> = { is: 'fillers' };

const DEFAULT_POST_CALL_SCHEMA: PostCallField[] = [
  { name: 'status', type: 'bool', description: 'Did the call reach its goal?' },
  { name: 'summary', type: 'string', description: 'The call, summed up briefly' },
];

const AMBIENT_SOUNDS = ['off', 'office', 'city', 'forest', 'crowded_room', 'cafe', 'nature'] as const;

/** Every key of the answer, in its order. */
export const FIELDS = {
  id: server,
  user_id: server,
  phone_number_id: column(id(), null),
  engine_id: nowhere,
  synthesizer_id: nowhere,
  transcriber_id: nowhere,
  voice_id: setting(id(), REQUIRED),
  instance_id: nowhere,
  name: column(text(255), REQUIRED),
  variables: column(variables, {}),
  post_call_evaluation: setting(boolean(), true),
  fillers: setting(boolean('Pipeline mode only.'), false, 'bit'),
  post_call_schema: column(postCall, DEFAULT_POST_CALL_SCHEMA),
  tools: setting(toolList, []),
  is_webhook_active: column(boolean(), false),
  webhook_url: column(url(), null),
  inbound_webhook_url: server,
  language: server,
  type: column(word(['inbound', 'outbound']), REQUIRED),
  status: server,
  max_duration: setting(integer(20, 1200, 'Seconds.'), 600),
  record: setting(boolean(), false),
  initial_message: setting(verbatim(200), ''),
  system_prompt: setting(text(), REQUIRED),
  flows_platform_id: nowhere,
  timezone: column(text(undefined, "IANA name; the account's when a creation names none."), null),
  created_at: server,
  updated_at: server,
  max_silence_duration: setting(integer(1, 360, 'Seconds.'), 40),
  reengagement_interval: setting(integer(7, 600, 'Seconds.'), 30),
  deleted_at: nowhere,
  end_call_on_voicemail: setting(boolean(), true, 'bit'),
  llm_temperature: setting(number(0, 1), 0.1, 'decimal'),
  voice_stability: setting(number(0, 1), 0.7, 'decimal'),
  voice_similarity: setting(number(0, 1), 0.5, 'decimal'),
  allow_interruptions: setting(boolean('May be false in pipeline mode only.'), true),
  enable_noise_cancellation: setting(boolean(), true),
  endpoint_sensitivity: setting(number(0, 5), 0.5),
  speech_speed: setting(number(0.7, 1.2, 'The speech speed must be between 0.7 and 1.2.'), 1, 'decimal'),
  endpoint_type: setting(word(['vad', 'ai']), 'vad'),
  wait_for_customer: setting(boolean(), false),
  mode: column(word(MODES), REQUIRED),
  language_id: setting(id(), REQUIRED),
  transcriber_provider_id: setting(id("Null: the server's choice."), null),
  synthesizer_provider_id: setting(id("Null: the voice's own."), null),
  llm_model_id: setting(id('Required in pipeline mode.'), null),
  multimodal_model_id: setting(id('Required in the other modes.'), null),
  ambient_sound: setting(word(AMBIENT_SOUNDS), null),
  uuid: server,
  send_webhook_only_on_completed: setting(boolean(), true),
  include_recording_in_webhook: setting(boolean(), true),
  interrupt_sensitivity: setting(number(0, 5), 0.5),
  filler_config: setting(fillerConfig, null),
  knowledgebase_id: setting(id('Kept as given; there are no knowledge bases here.'), null),
  knowledgebase_mode: setting(word(['function_call', 'prompt'], 'Only function_call outside pipeline mode.'), null),
  min_interrupt_words: setting(integer(0, 10), null),
  ambient_sound_volume: setting(number(0, 1), 0.5, 'decimal'),
  widget_settings: nowhere,
  chat_llm_fallback_id: setting(id(), null),
  turn_detection_threshold: setting(number(0, 1), null),
  secondary_language_ids: setting(ids(), []),
  tool_ids: setting(ids('Kept as given; there is no tool library here.'), []),
  tts_emotion_enabled: setting(boolean(), true),
  max_initial_silence_duration: setting(integer(1, 120, 'Seconds.'), null),
  ringing_time: setting(integer(1, 60, 'Seconds.'), 30),
  reengagement_prompt: setting(text(1000), null),
  voice_mail_message: setting(text(1000), null),
  conversation_inactivity_timeout: setting(integer(1, 1440, 'Minutes. Null: never.'), 30),
  conversation_ended_retrigger: setting(boolean(), false),
  conversation_ended_webhook_url: column(text(2048), null),
} as const;

type Fields = typeof FIELDS;

/** A key of the answer. */
export type FieldName = keyof Fields;

/** A field that a body may give. */
export type InputName = { [Name in FieldName]: Fields[Name] extends { kind: unknown } ? Name : never }[FieldName];

// These have a default and may be null all the same.
type Emptiable = 'conversation_inactivity_timeout' | 'initial_message';
type EmptyOf<Name extends InputName> = Name extends Emptiable ? null : null extends Fields[Name]['initial'] ? null : never;
type KeptBy<Field> = Field extends { kind: Kind<infer Value> } ? Value : never;

/** Every field that a body may give, with the value that is kept. */
export type AssistantValues = { [Name in InputName]: KeptBy<Fields[Name]> | EmptyOf<Name> };

/** What a checked body gives: some of the fields. */
export type AssistantInput = Partial<AssistantValues>;

const EMPTIABLE: readonly string[] = ['conversation_inactivity_timeout', 'initial_message'] satisfies Emptiable[];

/** Whether a body may give null for the field. */
export const mayBeNull = (name: InputName): boolean => FIELDS[name].initial === null || EMPTIABLE.includes(name);

/** The names of the fields that a body may give, in the table's order. */
export const INPUT_NAMES: readonly InputName[] = (Object.keys(FIELDS) as FieldName[]).filter(
  (name): name is InputName => 'kind' in FIELDS[name],
);

/** What a new assistant has where the body says nothing. Required fields are missing in it. */
export const INITIAL: AssistantInput = Object.fromEntries(
  INPUT_NAMES.filter((name) => FIELDS[name].initial !== REQUIRED).map((name) => [name, FIELDS[name].initial]),
);
