// What must hold between the fields of an assistant, and against the catalogue and the account's numbers. Pure.
// On an update a rule only speaks when the body gave one of the fields it is about.
import { findLanguage, findLlmModel, findSpeechModel, findSynthesizer, findTranscriber, findVoice } from '../catalogue/lookups.ts';
import type { FieldErrors } from '../errors.ts';
import { requiredMessage, selectedInvalid } from '../sentences.ts';
import { INVALID_TIME_ZONE, isTimeZone } from '../time-zone.ts';
import type { AssistantValues, InputName } from './assistant-fields.ts';

/** What the rules must know of the account's phone numbers. */
export interface NumberFacts {
  /** Those of the mentioned numbers that are the account's, with their type. */
  own: ReadonlyMap<number, 'normal' | 'sip' | 'caller_id'>;
  /** Another inbound assistant has the assistant's number. */
  taken: boolean;
}

interface Case {
  values: AssistantValues;
  /** Whether the body gave any of these fields. */
  given: (...names: InputName[]) => boolean;
  numbers: NumberFacts;
}

type Finding = readonly [field: string, sentence: string];
type Rule = (one: Case) => Finding[];

const when = (broken: boolean, field: string, sentence: string): Finding[] => (broken ? [[field, sentence]] : []);
const unknownId = (broken: boolean, field: string): Finding[] => when(broken, field, selectedInvalid(field));

const missing = (broken: boolean, field: string): Finding[] => when(broken, field, requiredMessage(field));

const voice: Rule = ({ values, given }) => {
  if (!given('voice_id', 'language_id', 'mode')) return [];
  const chosen = findVoice(values.voice_id);
  if (chosen === undefined) return unknownId(given('voice_id'), 'voice_id');
  if (!chosen.modes.includes(values.mode)) return [['voice_id', 'The selected voice is not compatible with the chosen engine type.']];
  // An unknown language is its own error.
  const foreign = findLanguage(values.language_id) !== undefined && chosen.language_id !== values.language_id;
  return when(foreign, 'voice_id', 'The selected voice is not compatible with the chosen language.');
};

const languages: Rule = ({ values, given }) => [
  ...unknownId(given('language_id') && findLanguage(values.language_id) === undefined, 'language_id'),
  ...(given('secondary_language_ids') ? values.secondary_language_ids : []).flatMap((id, index) =>
    unknownId(findLanguage(id) === undefined, `secondary_language_ids.${index}`),
  ),
];

const llmModel: Rule = ({ values: { mode, llm_model_id: id }, given }) => {
  if (id === null) return missing(given('llm_model_id', 'mode') && mode === 'pipeline', 'llm_model_id');
  return unknownId(given('llm_model_id') && findLlmModel(id) === undefined, 'llm_model_id');
};

const speechModel: Rule = ({ values: { mode, multimodal_model_id: id }, given }) => {
  if (!given('multimodal_model_id', 'mode')) return [];
  if (id === null) return missing(mode !== 'pipeline', 'multimodal_model_id');
  const model = findSpeechModel(id);
  const fits = model !== undefined && (mode === 'pipeline' || model.modes.includes(mode));
  return unknownId(!fits, 'multimodal_model_id');
};

const catalogued =
  (name: 'chat_llm_fallback_id' | 'synthesizer_provider_id' | 'transcriber_provider_id', find: (id: number) => object | undefined): Rule =>
  ({ values, given }) => {
    const id = values[name];
    return unknownId(given(name) && id !== null && find(id) === undefined, name);
  };

// What only pipeline mode can do.
const pipelineOnly: Rule = ({ values, given }) => {
  if (values.mode === 'pipeline') return [];
  return [
    ...when(
      given('knowledgebase_mode', 'mode') && values.knowledgebase_mode === 'prompt',
      'knowledgebase_mode',
      'Only function_call mode is available for multimodal assistants.',
    ),
    ...when(
      given('allow_interruptions', 'mode') && !values.allow_interruptions,
      'allow_interruptions',
      'Interruptions cannot be disabled in multimodal or dualplex mode.',
    ),
    ...when(given('fillers', 'mode') && values.fillers, 'fillers', 'Fillers are only available in pipeline mode.'),
  ];
};

const webhook: Rule = ({ values, given }) =>
  when(
    given('is_webhook_active', 'webhook_url') && values.is_webhook_active && values.webhook_url === null,
    'webhook_url',
    'The webhook url field is required when is webhook active is true.',
  );

const timezone: Rule = ({ values, given }) =>
  when(given('timezone') && values.timezone !== null && !isTimeZone(values.timezone), 'timezone', INVALID_TIME_ZONE);

const postCallNames: Rule = ({ values: { post_call_schema: fields }, given }) =>
  (given('post_call_schema') ? fields : []).flatMap(({ name }, index) => {
    const field = `post_call_schema.${index}.name`;
    return when(fields.findIndex((other) => other.name === name) < index, field, `The ${field} field has a duplicate value.`);
  });

const phoneNumber: Rule = ({ values: { phone_number_id: id, type }, given, numbers }) => {
  if (id === null || !given('phone_number_id', 'type')) return [];
  const kind = numbers.own.get(id);
  if (kind === undefined) return unknownId(true, 'phone_number_id');
  if (type === 'outbound') return [];
  if (kind === 'caller_id') return [['phone_number_id', 'A Caller ID number cannot be used by an inbound assistant.']];
  return when(numbers.taken, 'phone_number_id', 'The phone number is already used by another inbound assistant.');
};

const transferNumbers: Rule = ({ values: { tools }, given, numbers }) =>
  (given('tools') ? tools : []).flatMap(({ type, outbound_phone_id: id }, index) =>
    unknownId(type === 'warm_call_transfer' && (typeof id !== 'number' || !numbers.own.has(id)), `tools.${index}.outbound_phone_id`),
  );

const RULES: readonly Rule[] = [
  voice,
  languages,
  llmModel,
  speechModel,
  catalogued('chat_llm_fallback_id', findLlmModel),
  catalogued('synthesizer_provider_id', findSynthesizer),
  catalogued('transcriber_provider_id', findTranscriber),
  pipelineOnly,
  webhook,
  timezone,
  postCallNames,
  phoneNumber,
  transferNumbers,
];

/** The numbers that the values mention: the assistant's own, and those its transfers call from. */
export const mentionedNumbers = ({ phone_number_id, tools }: AssistantValues): number[] => {
  // Of other kinds of tool that key is unknown, and its value unchecked.
  const transfers = tools.filter(({ type }) => type === 'warm_call_transfer');
  const ids = [phone_number_id, ...transfers.map(({ outbound_phone_id }) => outbound_phone_id)];
  return ids.filter((id) => typeof id === 'number');
};

/**
 * Every broken rule, by field; an empty object when all hold.
 * @param given the fields that the body gave; undefined on creation, where all count as given
 */
export const checkAssistant = (values: AssistantValues, numbers: NumberFacts, given?: ReadonlySet<string>): FieldErrors => {
  const isGiven = (...names: InputName[]) => given === undefined || names.some((name) => given.has(name));
  const errors: FieldErrors = {};
  for (const [field, sentence] of RULES.flatMap((rule) => rule({ values, numbers, given: isGiven }))) {
    errors[field] = [...(errors[field] ?? []), sentence];
  }
  return errors;
};
