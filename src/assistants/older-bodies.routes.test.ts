// Bodies of older documents and of clients in use, over HTTP: each alias with a row.
import { beforeAll, describe, expect, test } from 'vitest';
import { startApp, type TestApp } from '../../test/support/app.ts';
import { buildAssistant } from '../../test/support/build.ts';

let t: TestApp;
beforeAll(async () => {
  t = await startApp();
});

type Body = Record<string, unknown>;

const PIPELINE = {
  name: 'Renewal desk',
  type: 'outbound',
  mode: 'pipeline',
  voice_id: 1,
  language_id: 1,
  llm_model_id: 1,
  system_prompt: 'Confirm the renewal with {first_name}.',
};

const post = (body: Body) => t.api.post('/api/user/assistant', body);
const read = async (id: number) => (await t.api.get(`/api/user/assistant/${id}`)).body;
const create = async (fields: Body): Promise<number> => (await buildAssistant(t.api, { ...PIPELINE, ...fields })).id;

describe('older bodies', () => {
  test.each<[Body, Body]>([
    [{ assistant_name: 'Old desk', name: undefined }, { name: 'Old desk' }],
    [{ calls_direction: 'Receive', type: undefined }, { type: 'inbound' }],
    [{ calls_direction: 'make', type: undefined }, { type: 'outbound' }],
    [{ engine_type: 'PIPELINE', mode: undefined }, { mode: 'pipeline' }],
    [
      { language: 'english', language_id: undefined },
      { language_id: 1, language: 'English' },
    ],
    [{ language: 'EN', language_id: undefined }, { language_id: 1 }],
    [{ llm_model: 'GPT-4o Mini', llm_model_id: undefined }, { llm_model_id: 6 }],
    [{ filler_audios: true }, { fillers: 1 }],
    [{ re_engagement_interval: 99 }, { reengagement_interval: 99 }],
    [{ max_call_duration: 99 }, { max_duration: 99 }],
    [{ noise_cancellation: false }, { enable_noise_cancellation: false }],
    [{ record_call: true }, { record: true }],
    [{ who_speaks_first: 'Customer' }, { wait_for_customer: true }],
    [{ who_speaks_first: 'AI assistant' }, { wait_for_customer: false }],
    [{ use_min_interrupt_words: false }, { min_interrupt_words: null }],
    [{ end_call_tool: { description: 'Bye.' } }, { tools: [{ type: 'end_call', description: 'Bye.' }] }],
    [{ tools: [{ type: 'collect_keypad', data: { timeout: '9' } }] }, { tools: [{ type: 'collect_keypad', timeout: 9, stop_key: '#' }] }],
    [
      {
        post_call_schema: [
          { name: 'count', type: 'int', description: 'How many' },
          { name: 'rate', type: 'float', description: 'How much' },
        ],
      },
      {
        post_call_schema: [
          { name: 'count', type: 'number', description: 'How many' },
          { name: 'rate', type: 'number', description: 'How much' },
        ],
      },
    ],
  ])('create takes %j', async (older, expected) => {
    expect(await read(await create(older))).toMatchObject(expected);
  });

  test('update takes them too', async () => {
    const id = await create({ min_interrupt_words: 4 });
    await t.api.patch(`/api/user/assistants/${id}`, {
      assistant_name: 'Newer',
      use_min_interrupt_words: false,
      who_speaks_first: 'customer',
    });
    expect(await read(id)).toMatchObject({ name: 'Newer', min_interrupt_words: null, wait_for_customer: true });
  });

  test.each<[Body, string]>([
    [{ language: 'Klingon', language_id: undefined }, 'language_id'],
    [{ llm_model: 'gpt-9', llm_model_id: undefined }, 'llm_model_id'],
    [{ calls_direction: 'sideways', type: undefined }, 'type'],
    [{ who_speaks_first: 'nobody' }, 'wait_for_customer'],
    [{ assistant_name: 'ignored\0' }, 'assistant_name'],
  ])('refuses %j', async (older, field) => {
    const { status, body } = await post({ ...PIPELINE, ...older });
    expect(status).toBe(422);
    expect(Object.keys(body.errors)).toEqual([field]);
  });
});
