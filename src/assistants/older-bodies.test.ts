import { expect, test } from 'vitest';
import { readOlderBody } from './older-bodies.ts';

const NOBODY = Number.MAX_SAFE_INTEGER;
type Body = Record<string, unknown>;

test.each<[Body, Body]>([
  [{ assistant_name: 'Renewal desk' }, { name: 'Renewal desk' }],
  [{ calls_direction: 'receive' }, { type: 'inbound' }],
  [{ calls_direction: ' MAKE ' }, { type: 'outbound' }],
  [{ calls_direction: 'Outbound' }, { type: 'outbound' }],
  [{ engine_type: 'Pipeline' }, { mode: 'pipeline' }],
  [{ language: 'German' }, { language_id: 2 }],
  [{ language: 'gErMaN' }, { language_id: 2 }],
  [{ language: 'DE' }, { language_id: 2 }],
  [{ language: 'Klingon' }, { language_id: NOBODY }],
  [{ language: 2 }, { language_id: 2 }],
  [{ llm_model: 'gpt-4o-mini' }, { llm_model_id: 6 }],
  [{ llm_model: 'GPT-4o Mini' }, { llm_model_id: 6 }],
  [{ llm_model: 'gpt-9' }, { llm_model_id: NOBODY }],
  [{ filler_audios: true }, { fillers: true }],
  [{ filler_audios: 'True' }, { fillers: 'true' }],
  [{ re_engagement_interval: 20 }, { reengagement_interval: 20 }],
  [{ max_call_duration: 300 }, { max_duration: 300 }],
  [{ noise_cancellation: false }, { enable_noise_cancellation: false }],
  [{ record_call: 1 }, { record: 1 }],
  [{ who_speaks_first: 'Customer' }, { wait_for_customer: true }],
  [{ who_speaks_first: 'AI assistant' }, { wait_for_customer: false }],
  [{ who_speaks_first: 'ai ASSISTANT' }, { wait_for_customer: false }],
  [{ use_min_interrupt_words: false }, { min_interrupt_words: null }],
  [{ use_min_interrupt_words: 'False' }, { min_interrupt_words: null }],
  [{ end_call_tool: { description: 'When all is said.' } }, { tools: [{ type: 'end_call', description: 'When all is said.' }] }],
  [
    { tools: [{ type: 'collect_keypad', data: { timeout: 9 } }, { type: 'end_call' }] },
    { tools: [{ type: 'collect_keypad', timeout: 9 }, { type: 'end_call' }] },
  ],
  [{ tools: [{ type: 'end_call', data: { type: 'dtmf_input' } }] }, { tools: [{ type: 'end_call' }] }],
  [
    { post_call_schema: [{ type: 'int' }, { type: 'Float' }, { type: 'bool' }, { type: 'text' }] },
    { post_call_schema: [{ type: 'number' }, { type: 'number' }, { type: 'bool' }, { type: 'text' }] },
  ],
  [{ webhook_url: ' ' }, { webhook_url: null }],
  [{ phone_number_id: '' }, { phone_number_id: null }],
])('%j', (older, present) => {
  expect(readOlderBody(older)).toMatchObject(present);
});

test.each<[string, Body]>([
  ['name', { name: 'New', assistant_name: 'Old' }],
  ['language_id', { language_id: 3, language: 'German' }],
  ['llm_model_id', { llm_model_id: null, llm_model: 'gpt-4o' }],
  ['tools', { tools: [], end_call_tool: { description: 'x' } }],
  ['min_interrupt_words', { min_interrupt_words: 3, use_min_interrupt_words: false }],
])("today's %s goes before the older one", (name, body) => {
  expect((readOlderBody(body) as Body)[name]).toEqual(body[name]);
});

test.each<[string, Body, string]>([
  ['use_min_interrupt_words true', { use_min_interrupt_words: true }, 'min_interrupt_words'],
  ['a blank language', { language: '' }, 'language_id'],
  ['no language', { language: null }, 'language_id'],
  ['an end_call_tool that is none', { end_call_tool: 'yes' }, 'tools'],
])('%s says nothing', (_name, body, field) => {
  expect(readOlderBody(body)).not.toHaveProperty(field);
});

test.each([[undefined], [null], ['text'], [7], [[1]]])('a body that is no object stays as it is: %j', (body) => {
  expect(readOlderBody(body)).toEqual(body);
});

test.each<[Body]>([
  [{ tools: 'x' }],
  [{ tools: [null, 1, [], { data: null }] }],
  [{ post_call_schema: [null, 'x', {}] }],
  [{ calls_direction: 5 }],
  [{ calls_direction: '__proto__' }],
  [{ initial_message: '' }],
])('what is not understood is left to the schema: %j', (body) => {
  expect(() => readOlderBody(body)).not.toThrow();
  expect(readOlderBody(body)).toMatchObject(body);
});
