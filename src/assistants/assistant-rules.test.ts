import { expect, test } from 'vitest';
import type { FieldErrors } from '../errors.ts';
import { changedValues, newValues } from './assistant.ts';
import type { AssistantInput, AssistantValues } from './assistant-fields.ts';
import { checkAssistant, mentionedNumbers, type NumberFacts } from './assistant-rules.ts';
import { starterAssistant } from './starter-assistant.ts';

const PIPELINE: AssistantInput = {
  name: 'Renewal desk',
  type: 'outbound',
  mode: 'pipeline',
  voice_id: 1,
  language_id: 1,
  llm_model_id: 1,
  system_prompt: 'Ask whether the customer wants to renew.',
};
const { llm_model_id: _, ...WITHOUT_MODEL } = PIPELINE;
const MULTIMODAL: AssistantInput = { ...WITHOUT_MODEL, mode: 'multimodal', multimodal_model_id: 1 };

const PIPER_ENGLISH = 1001;
const GERMAN_ALLOY = 11;
const DUALPLEX_ONLY = 3;
const NOBODY = 999_999;

const NUMBERS: NumberFacts = {
  own: new Map([
    [7, 'sip'],
    [8, 'caller_id'],
  ]),
  taken: false,
};

const values = (input: AssistantInput): AssistantValues => newValues(input, null);
const transfer = (outbound_phone_id: number) => ({ type: 'warm_call_transfer', outbound_phone_id });

const ENGINE = { voice_id: ['The selected voice is not compatible with the chosen engine type.'] };
const LANGUAGE = { voice_id: ['The selected voice is not compatible with the chosen language.'] };
const invalid = (name: string): FieldErrors => ({ [name]: [`The selected ${name.replaceAll('_', ' ')} is invalid.`] });
const required = (name: string): FieldErrors => ({ [name]: [`The ${name.replaceAll('_', ' ')} field is required.`] });

test.each<[string, AssistantInput, FieldErrors]>([
  ['a plain one', PIPELINE, {}],
  ['the starter', starterAssistant() as AssistantInput, {}],
  ['a multimodal one', MULTIMODAL, {}],
  ['a dualplex one', { ...MULTIMODAL, mode: 'dualplex', multimodal_model_id: DUALPLEX_ONLY, voice_id: PIPER_ENGLISH }, {}],
  ['a voice that nobody has', { ...PIPELINE, voice_id: NOBODY }, invalid('voice_id')],
  ['a voice of another engine', { ...MULTIMODAL, voice_id: PIPER_ENGLISH }, ENGINE],
  ['a voice of another language', { ...PIPELINE, voice_id: GERMAN_ALLOY }, LANGUAGE],
  ['a language that nobody has', { ...PIPELINE, language_id: NOBODY }, invalid('language_id')],
  [
    'a secondary language that nobody has',
    { ...PIPELINE, secondary_language_ids: [2, NOBODY] },
    { 'secondary_language_ids.1': ['The selected secondary_language_ids.1 is invalid.'] },
  ],
  ['pipeline without its model', { ...PIPELINE, llm_model_id: null }, required('llm_model_id')],
  ['pipeline with an unknown model', { ...PIPELINE, llm_model_id: NOBODY }, invalid('llm_model_id')],
  ['pipeline with an unknown speech model beside', { ...PIPELINE, multimodal_model_id: NOBODY }, invalid('multimodal_model_id')],
  ['pipeline with a speech model beside', { ...PIPELINE, multimodal_model_id: DUALPLEX_ONLY }, {}],
  ['multimodal without its model', { ...MULTIMODAL, multimodal_model_id: null }, required('multimodal_model_id')],
  ['multimodal with a model of dualplex', { ...MULTIMODAL, multimodal_model_id: DUALPLEX_ONLY }, invalid('multimodal_model_id')],
  ['multimodal with a text model beside', { ...MULTIMODAL, llm_model_id: 1 }, {}],
  ['an unknown fallback model', { ...MULTIMODAL, chat_llm_fallback_id: NOBODY }, invalid('chat_llm_fallback_id')],
  ['an unknown synthesizer', { ...PIPELINE, synthesizer_provider_id: NOBODY }, invalid('synthesizer_provider_id')],
  ['an unknown transcriber', { ...PIPELINE, transcriber_provider_id: NOBODY }, invalid('transcriber_provider_id')],
  ['known providers', { ...PIPELINE, synthesizer_provider_id: 1, transcriber_provider_id: 2, chat_llm_fallback_id: 2 }, {}],
  ['knowledge in the prompt of a pipeline', { ...PIPELINE, knowledgebase_mode: 'prompt' }, {}],
  [
    'knowledge in the prompt elsewhere',
    { ...MULTIMODAL, knowledgebase_mode: 'prompt' },
    { knowledgebase_mode: ['Only function_call mode is available for multimodal assistants.'] },
  ],
  ['knowledge by function call elsewhere', { ...MULTIMODAL, knowledgebase_mode: 'function_call' }, {}],
  ['no interruptions in a pipeline', { ...PIPELINE, allow_interruptions: false }, {}],
  [
    'no interruptions elsewhere',
    { ...MULTIMODAL, mode: 'dualplex', allow_interruptions: false },
    { allow_interruptions: ['Interruptions cannot be disabled in multimodal or dualplex mode.'] },
  ],
  ['fillers in a pipeline', { ...PIPELINE, fillers: true }, {}],
  ['fillers elsewhere', { ...MULTIMODAL, fillers: true }, { fillers: ['Fillers are only available in pipeline mode.'] }],
  [
    'a webhook without its URL',
    { ...PIPELINE, is_webhook_active: true },
    { webhook_url: ['The webhook url field is required when is webhook active is true.'] },
  ],
  ['a webhook', { ...PIPELINE, is_webhook_active: true, webhook_url: 'https://hooks.example.test/' }, {}],
  ['a URL for later', { ...PIPELINE, webhook_url: 'https://hooks.example.test/' }, {}],
  ['a time zone', { ...PIPELINE, timezone: 'Europe/Vienna' }, {}],
  ['no time zone at all', { ...PIPELINE, timezone: 'Mars/Olympus' }, { timezone: ['The timezone field must be a valid timezone.'] }],
  [
    'a post-call name twice',
    {
      ...PIPELINE,
      post_call_schema: ['goal', 'mood', 'goal'].map((name) => ({ name, type: 'bool' as const, description: 'As said.' })),
    },
    { 'post_call_schema.2.name': ['The post_call_schema.2.name field has a duplicate value.'] },
  ],
  ['a number of its own', { ...PIPELINE, phone_number_id: 7 }, {}],
  ['a shown number, to call from', { ...PIPELINE, phone_number_id: 8 }, {}],
  ["somebody else's number", { ...PIPELINE, phone_number_id: 9 }, invalid('phone_number_id')],
  ['a number to be called on', { ...PIPELINE, type: 'inbound', phone_number_id: 7 }, {}],
  [
    'a shown number, to be called on',
    { ...PIPELINE, type: 'inbound', phone_number_id: 8 },
    { phone_number_id: ['A Caller ID number cannot be used by an inbound assistant.'] },
  ],
  ['a transfer from a number of its own', { ...PIPELINE, tools: [transfer(7)] }, {}],
  [
    "a transfer from somebody else's number",
    { ...PIPELINE, tools: [{ type: 'end_call' }, transfer(9)] },
    { 'tools.1.outbound_phone_id': ['The selected tools.1.outbound_phone_id is invalid.'] },
  ],
  [
    'several mistakes at once',
    { ...PIPELINE, voice_id: NOBODY, language_id: NOBODY, is_webhook_active: true },
    {
      ...invalid('voice_id'),
      ...invalid('language_id'),
      webhook_url: ['The webhook url field is required when is webhook active is true.'],
    },
  ],
])('a new assistant with %s', (_name, input, errors) => {
  expect(checkAssistant(values(input), NUMBERS)).toEqual(errors);
});

const TAKEN: NumberFacts = { ...NUMBERS, taken: true };
const ALREADY = { phone_number_id: ['The phone number is already used by another inbound assistant.'] };

test.each<[string, AssistantInput, FieldErrors]>([
  ['an inbound one', { ...PIPELINE, type: 'inbound', phone_number_id: 7 }, ALREADY],
  ['an outbound one', { ...PIPELINE, phone_number_id: 7 }, {}],
  ['an inbound one without a number', { ...PIPELINE, type: 'inbound' }, {}],
])('%s, where another inbound assistant has the number', (_name, input, errors) => {
  expect(checkAssistant(values(input), TAKEN)).toEqual(errors);
});

const change = (stored: AssistantInput, input: AssistantInput, numbers = NUMBERS): FieldErrors =>
  checkAssistant(changedValues(values(stored), input), numbers, new Set(Object.keys(input)));

const ACTIVE: AssistantInput = { ...PIPELINE, is_webhook_active: true, webhook_url: 'https://hooks.example.test/' };

test.each<[string, AssistantInput, AssistantInput, FieldErrors]>([
  ['nothing', PIPELINE, {}, {}],
  ['the name, though its voice is gone', { ...PIPELINE, voice_id: NOBODY }, { name: 'Other' }, {}],
  ['the name, though its number is gone', { ...PIPELINE, phone_number_id: 9 }, { name: 'Other' }, {}],
  ['the mode, with a voice for both', { ...PIPELINE, fillers: true, allow_interruptions: false }, { mode: 'multimodal' }, {}],
  ['the mode, with a voice for one', { ...PIPELINE, voice_id: PIPER_ENGLISH }, { mode: 'multimodal' }, ENGINE],
  ['the mode and the voice', { ...PIPELINE, voice_id: PIPER_ENGLISH }, { mode: 'multimodal', voice_id: 2 }, {}],
  ['the mode, refusing its model', PIPELINE, { mode: 'dualplex', multimodal_model_id: null }, required('multimodal_model_id')],
  ['the mode back to pipeline', MULTIMODAL, { mode: 'pipeline' }, {}],
  ['the language alone', PIPELINE, { language_id: 2 }, LANGUAGE],
  ['the language and the voice', PIPELINE, { language_id: 2, voice_id: GERMAN_ALLOY }, {}],
  ['the model away', PIPELINE, { llm_model_id: null }, required('llm_model_id')],
  ['the URL away while it is used', ACTIVE, { webhook_url: null }, { webhook_url: [expect.any(String)] as string[] }],
  ['the URL away and the webhook off', ACTIVE, { webhook_url: null, is_webhook_active: false }, {}],
  ['the webhook on, with the URL it has', { ...ACTIVE, is_webhook_active: false }, { is_webhook_active: true }, {}],
  [
    'the type, with a shown number',
    { ...PIPELINE, phone_number_id: 8 },
    { type: 'inbound' },
    { phone_number_id: [expect.any(String)] as string[] },
  ],
  ['fillers on, elsewhere', MULTIMODAL, { fillers: true }, { fillers: [expect.any(String)] as string[] }],
])('an update that changes %s', (_name, stored, input, errors) => {
  expect(change(stored, input)).toEqual(errors);
});

test('a change of type sees that the number is taken', () => {
  expect(change({ ...PIPELINE, phone_number_id: 7 }, { type: 'inbound' }, TAKEN)).toEqual(ALREADY);
});

test('a change of mode resets what belongs to the mode, and nothing else', () => {
  const stored = values({
    ...PIPELINE,
    llm_model_id: 3,
    transcriber_provider_id: 2,
    knowledgebase_mode: 'prompt',
    fillers: true,
    max_duration: 77,
  });
  const moved = changedValues(stored, { mode: 'dualplex' });
  const differs = Object.keys(moved).filter((name) => moved[name as keyof AssistantValues] !== stored[name as keyof AssistantValues]);
  expect(differs.sort()).toEqual([
    'fillers',
    'knowledgebase_mode',
    'llm_model_id',
    'mode',
    'multimodal_model_id',
    'transcriber_provider_id',
  ]);
  expect(moved).toMatchObject({ llm_model_id: null, multimodal_model_id: 1, transcriber_provider_id: null, fillers: false });
});

test('the same mode again resets nothing; what the body gives stands', () => {
  const stored = values({ ...PIPELINE, llm_model_id: 3, transcriber_provider_id: 2 });
  expect(changedValues(stored, { mode: 'pipeline' })).toEqual(stored);
  expect(changedValues(stored, { mode: 'multimodal', multimodal_model_id: 2, llm_model_id: 4 })).toMatchObject({
    multimodal_model_id: 2,
    llm_model_id: 4,
  });
});

test.each<[AssistantInput, number[]]>([
  [PIPELINE, []],
  [{ ...PIPELINE, phone_number_id: 7, tools: [transfer(8), { type: 'end_call', outbound_phone_id: 'x' }] }, [7, 8]],
])('mentioned numbers', (input, ids) => {
  expect(mentionedNumbers(values(input))).toEqual(ids);
});
