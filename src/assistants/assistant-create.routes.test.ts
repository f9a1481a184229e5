// Creating an assistant over HTTP: defaults, every field there and back, refusals, leniency, hostile input.
import { beforeAll, describe, expect, test } from 'vitest';
import { type Api, startApp, type TestApp } from '../../test/support/app.ts';
import { FIELDS } from './assistant-fields.ts';
import { starterAssistant } from './starter-assistant.ts';

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
const { llm_model_id: _, ...WITHOUT_MODEL } = PIPELINE;

const post = (body: Body, api: Api = t.api) => api.post('/api/user/assistant', body);
const read = async (id: number | string, api: Api = t.api) => (await api.get(`/api/user/assistant/${id}`)).body;
const create = async (fields: Body = {}, api: Api = t.api): Promise<number> => {
  const { status, body, raw } = await post({ ...PIPELINE, ...fields }, api);
  if (status !== 201) throw new Error(raw);
  return body.data.id;
};
const number = async (api: Api, phone_number: string): Promise<number> =>
  (await api.post('/api/user/phone-numbers', { phone_number })).body.data.id;

describe('create', () => {
  test('answers 201 with the short form; a new one is inactive', async () => {
    const { status, raw, body } = await post(PIPELINE);
    expect(status).toBe(201);
    expect(raw).toBe(
      `{"message":"Assistant created successfully","data":{"id":${body.data.id},"name":"Renewal desk","status":"inactive","type":"outbound","mode":"pipeline"}}`,
    );
  });

  test('has every default', async () => {
    const assistant = await read(await create());
    expect(assistant).toEqual({
      ...PIPELINE,
      id: expect.any(Number),
      user_id: t.mine.account.id,
      uuid: expect.stringMatching(/^[0-9a-f-]{36}$/),
      status: 'inactive',
      language: 'English',
      timezone: null,
      initial_message: '',
      phone_number_id: null,
      engine_id: null,
      synthesizer_id: null,
      transcriber_id: null,
      instance_id: null,
      flows_platform_id: null,
      widget_settings: null,
      deleted_at: null,
      variables: {},
      post_call_evaluation: true,
      fillers: 0,
      post_call_schema: [
        { name: 'status', type: 'bool', description: 'Did the call reach its goal?' },
        { name: 'summary', type: 'string', description: 'The call, summed up briefly' },
      ],
      tools: [],
      is_webhook_active: false,
      webhook_url: null,
      inbound_webhook_url: null,
      conversation_ended_webhook_url: null,
      max_duration: 600,
      record: false,
      created_at: '2026-03-02T08:15:40.000000Z',
      updated_at: '2026-03-02T08:15:40.000000Z',
      max_silence_duration: 40,
      reengagement_interval: 30,
      end_call_on_voicemail: 1,
      llm_temperature: '0.10',
      voice_stability: '0.70',
      voice_similarity: '0.50',
      allow_interruptions: true,
      enable_noise_cancellation: true,
      endpoint_sensitivity: 0.5,
      speech_speed: '1.00',
      endpoint_type: 'vad',
      wait_for_customer: false,
      transcriber_provider_id: null,
      synthesizer_provider_id: null,
      multimodal_model_id: null,
      ambient_sound: null,
      send_webhook_only_on_completed: true,
      include_recording_in_webhook: true,
      interrupt_sensitivity: 0.5,
      filler_config: null,
      knowledgebase_id: null,
      knowledgebase_mode: null,
      min_interrupt_words: null,
      ambient_sound_volume: '0.50',
      chat_llm_fallback_id: null,
      turn_detection_threshold: null,
      secondary_language_ids: [],
      tool_ids: [],
      tts_emotion_enabled: true,
      max_initial_silence_duration: null,
      ringing_time: 30,
      reengagement_prompt: null,
      voice_mail_message: null,
      conversation_inactivity_timeout: 30,
      conversation_ended_retrigger: false,
    });
  });

  // Every field with a value that is not its default, and how it is answered.
  const GIVEN: [string, unknown, unknown?][] = [
    ['name', 'Ünïcode 名前 😀'],
    ['voice_id', 11],
    ['language_id', 2],
    ['type', 'inbound'],
    ['timezone', 'America/New_York'],
    ['initial_message', ' Good morning. '],
    ['system_prompt', 'Be kind; "quote" and \\ slash.'],
    ['llm_model_id', 3],
    ['multimodal_model_id', 2],
    ['chat_llm_fallback_id', 4],
    ['turn_detection_threshold', 0.25],
    ['secondary_language_ids', [3, 1]],
    ['knowledgebase_id', 77],
    ['knowledgebase_mode', 'prompt'],
    ['tool_ids', [5, 9]],
    ['tools', [{ type: 'end_call', description: 'When done.' }]],
    ['tts_emotion_enabled', false],
    ['voice_stability', 0.333, '0.33'],
    ['voice_similarity', 1, '1.00'],
    ['speech_speed', 0.7, '0.70'],
    ['llm_temperature', 0, '0.00'],
    ['synthesizer_provider_id', 2],
    ['transcriber_provider_id', 1],
    ['allow_interruptions', false],
    ['fillers', true, 1],
    ['filler_config', { positive: ['Great!'], neutral: [] }],
    ['record', true],
    ['enable_noise_cancellation', false],
    ['wait_for_customer', true],
    ['max_duration', 1200],
    ['max_silence_duration', 1],
    ['max_initial_silence_duration', 120],
    ['ringing_time', 60],
    ['reengagement_interval', 7],
    ['reengagement_prompt', 'Are you still there?'],
    ['end_call_on_voicemail', false, 0],
    ['voice_mail_message', 'Please call us back.'],
    ['endpoint_type', 'ai'],
    ['endpoint_sensitivity', 5],
    ['interrupt_sensitivity', 0],
    ['min_interrupt_words', 0],
    ['ambient_sound', 'cafe'],
    ['ambient_sound_volume', 0.05, '0.05'],
    ['is_webhook_active', true],
    ['webhook_url', 'https://hooks.example.test/after-call?a=1'],
    ['send_webhook_only_on_completed', false],
    ['include_recording_in_webhook', false],
    ['post_call_evaluation', false],
    ['post_call_schema', [{ name: 'goal_1', type: 'number', description: 'How many.' }]],
    ['variables', { b: 1, a: null, nested: { deep: [true] } }],
    ['conversation_inactivity_timeout', 1440],
    ['conversation_ended_retrigger', true],
    ['conversation_ended_webhook_url', 'https://hooks.example.test/ended'],
  ];
  const shown = () =>
    Object.fromEntries(
      GIVEN.map(([name, value, answered = value]) => [name, typeof value === 'string' && name === 'system_prompt' ? value : answered]),
    );

  test('keeps and answers every documented field', async () => {
    const phone = await number(t.api, '+12025550101');
    const given = { ...Object.fromEntries(GIVEN), phone_number_id: phone };
    const settable = Object.entries(FIELDS).flatMap(([name, field]) => ('kind' in field && name !== 'mode' ? [name] : []));
    expect(Object.keys(given).sort()).toEqual(settable.sort());
    const id = await create(given);
    expect(await read(id)).toMatchObject({ ...shown(), phone_number_id: phone, language: 'German' });
    // The same by update.
    const second = await create();
    await t.api.put(`/api/user/assistant/${id}`, { phone_number_id: null });
    expect((await t.api.put(`/api/user/assistant/${second}`, given)).status).toBe(200);
    expect(await read(second)).toMatchObject({ ...shown(), phone_number_id: phone });
  });

  test('answers its keys in the documented order', async () => {
    const id = await create({ variables: { z: 1, a: 2 } });
    const { raw } = await t.api.get(`/api/user/assistant/${id}`);
    expect(Object.keys(JSON.parse(raw))).toEqual(Object.keys(FIELDS));
    expect(raw).toContain('"variables":{"z":1,"a":2}');
  });

  test('an empty body lacks the required fields', async () => {
    for (const { status, body } of [await post({}), await t.api.request({ method: 'POST', url: '/api/user/assistant' })]) {
      expect(status).toBe(422);
      expect(body.message).toBe('Validation failed');
      expect(Object.keys(body.errors).sort()).toEqual(['language_id', 'mode', 'name', 'system_prompt', 'type', 'voice_id']);
      expect(body.errors.voice_id).toEqual(['The voice id field is required.']);
    }
  });

  test.each([
    ['pipeline', 'llm_model_id', 'The llm model id field is required.'],
    ['multimodal', 'multimodal_model_id', 'The multimodal model id field is required.'],
    ['dualplex', 'multimodal_model_id', 'The multimodal model id field is required.'],
  ])('%s mode needs %s, given as null too', async (mode, field, sentence) => {
    for (const extra of [{}, { [field]: null }]) {
      const { status, body } = await post({ ...WITHOUT_MODEL, mode, ...extra });
      expect(status).toBe(422);
      expect(body.errors).toEqual({ [field]: [sentence] });
    }
  });

  test.each<[Body, string, string]>([
    [{ name: 'x'.repeat(256) }, 'name', 'The name field must not be greater than 255 characters.'],
    [{ name: '  ' }, 'name', 'The name field is required.'],
    [{ name: 5 }, 'name', 'The name field must be a string.'],
    [{ name: 'a\0b' }, 'name', 'The name field contains characters that are not allowed (NUL or a lone surrogate).'],
    [{ type: 'both' }, 'type', 'The selected type is invalid.'],
    [{ mode: 'Pipe' }, 'mode', 'The selected mode is invalid.'],
    [{ voice_id: 'x' }, 'voice_id', 'The voice id field must be an integer.'],
    [{ voice_id: [1] }, 'voice_id', 'The voice id field must be an integer.'],
    [{ voice_id: 999999 }, 'voice_id', 'The selected voice id is invalid.'],
    [{ voice_id: '9007199254740993' }, 'voice_id', 'The selected voice id is invalid.'],
    [{ voice_id: '99999999999999999999' }, 'voice_id', 'The voice id field must be an integer.'],
    [{ voice_id: 11 }, 'voice_id', 'The selected voice is not compatible with the chosen language.'],
    [{ language_id: 0 }, 'language_id', 'The language id field must be at least 1.'],
    [{ initial_message: 'x'.repeat(201) }, 'initial_message', 'The initial message field must not be greater than 200 characters.'],
    [{ speech_speed: 0.69 }, 'speech_speed', 'The speech speed must be between 0.7 and 1.2.'],
    [{ speech_speed: 1.21 }, 'speech_speed', 'The speech speed must be between 0.7 and 1.2.'],
    [{ max_duration: 19 }, 'max_duration', 'The max duration field must be at least 20.'],
    [{ max_duration: 1201 }, 'max_duration', 'The max duration field must not be greater than 1200.'],
    [{ max_duration: 20.5 }, 'max_duration', 'The max duration field must be an integer.'],
    [{ max_duration: null }, 'max_duration', 'The max duration field must be an integer.'],
    [{ record: 'yes' }, 'record', 'The record field must be true or false.'],
    [{ min_interrupt_words: 11 }, 'min_interrupt_words', 'The min interrupt words field must not be greater than 10.'],
    [{ ambient_sound: 'disco' }, 'ambient_sound', 'The selected ambient sound is invalid.'],
    [{ timezone: 'Mars/Olympus' }, 'timezone', 'The timezone field must be a valid timezone.'],
    [{ webhook_url: 'no url' }, 'webhook_url', 'The webhook url field must be a valid URL.'],
    [{ webhook_url: 'javascript:alert(1)' }, 'webhook_url', 'The webhook url field must be a valid URL.'],
    [{ is_webhook_active: 1 }, 'webhook_url', 'The webhook url field is required when is webhook active is true.'],
    [{ variables: 'x' }, 'variables', 'The variables field must be an array.'],
    [{ phone_number_id: 999999 }, 'phone_number_id', 'The selected phone number id is invalid.'],
    [{ secondary_language_ids: [1, 'x'] }, 'secondary_language_ids.1', 'The secondary_language_ids.1 field must be an integer.'],
    [{ filler_config: { angry: [] } }, 'filler_config', 'The filler config field format is invalid.'],
    [
      { post_call_schema: [{ name: 'Bad Name', type: 'bool', description: 'abc' }] },
      'post_call_schema.0.name',
      'The post_call_schema.0.name field format is invalid.',
    ],
    [
      { post_call_schema: [{ name: 'goal', type: 'date', description: 'abc' }] },
      'post_call_schema.0.type',
      'The selected post_call_schema.0.type is invalid.',
    ],
    [
      { post_call_schema: [{ name: 'goal', type: 'bool' }] },
      'post_call_schema.0.description',
      'The post_call_schema.0.description field is required.',
    ],
    [{ tools: {} }, 'tools', 'The tools field must be an array.'],
    [{ tools: [1] }, 'tools.0', 'The tools.0 field must be an array.'],
    [{ tools: [{}] }, 'tools.0.type', 'The tools.0.type field is required.'],
    [{ tools: [{ type: 'hammer' }] }, 'tools.0.type', 'The selected tools.0.type is invalid.'],
    [{ tools: [{ type: '__proto__' }] }, 'tools.0.type', 'The selected tools.0.type is invalid.'],
    [{ tools: [{ type: 'call_transfer' }] }, 'tools.0.phone_number', 'The tools.0.phone_number field is required.'],
    [{ tools: [{ type: 'collect_keypad', timeout: 31 }] }, 'tools.0.timeout', 'The tools.0.timeout field must not be greater than 30.'],
    [{ tools: [{ type: 'collect_keypad', stop_key: '0' }] }, 'tools.0.stop_key', 'The selected tools.0.stop_key is invalid.'],
    [
      { tools: [{ type: 'warm_call_transfer', supervisor_phone: '+1234567890', outbound_phone_id: 999999, description: 'x' }] },
      'tools.0.outbound_phone_id',
      'The selected tools.0.outbound_phone_id is invalid.',
    ],
  ])('refuses %j', async (fields, field, sentence) => {
    const { status, body } = await post({ ...PIPELINE, ...fields });
    expect(status).toBe(422);
    expect(body.errors[field]).toEqual([sentence]);
    expect(body.message).toBe('Validation failed');
  });

  test('refuses a __proto__ key, and does not choke on depth', async () => {
    const payload = JSON.stringify(PIPELINE).replace('{', '{"__proto__":{"name":"x"},');
    const hostile = await t.api.request({
      method: 'POST',
      url: '/api/user/assistant',
      payload,
      headers: { 'content-type': 'application/json' },
    });
    expect(hostile.status).toBeGreaterThanOrEqual(400);
    expect(hostile.status).toBeLessThan(500);
    const deep = `${JSON.stringify(PIPELINE).slice(0, -1)},"variables":{"a":${'['.repeat(5000)}${']'.repeat(5000)}}}`;
    const answer = await t.api.request({
      method: 'POST',
      url: '/api/user/assistant',
      payload: deep,
      headers: { 'content-type': 'application/json' },
    });
    expect(answer.status).toBe(422);
  });

  test('takes numbers and booleans as text, null where a field may be empty, and ignores unknown keys', async () => {
    const id = await create({
      voice_id: '1',
      language_id: '1',
      llm_model_id: '1',
      max_duration: '300',
      speech_speed: '1.2',
      record: '1',
      fillers: 'true',
      end_call_on_voicemail: 0,
      webhook_url: '',
      phone_number_id: null,
      knowledgebase_mode: null,
      variables: [],
      status: 'active',
      id: 1,
      user_id: 1,
      nonsense: { a: 1 },
    });
    expect(await read(id)).toMatchObject({
      id,
      user_id: t.mine.account.id,
      status: 'inactive',
      voice_id: 1,
      max_duration: 300,
      speech_speed: '1.20',
      record: true,
      fillers: 1,
      end_call_on_voicemail: 0,
      webhook_url: null,
      variables: {},
    });
  });

  test('takes the zone of the account where it names none', async () => {
    await t.other.put('/api/user/account', { timezone: 'Asia/Tokyo' });
    expect(await read(await create({}, t.other), t.other)).toMatchObject({ timezone: 'Asia/Tokyo' });
    expect(await read(await create({ timezone: 'UTC' }, t.other), t.other)).toMatchObject({ timezone: 'UTC' });
  });

  test('the starter is a valid body', async () => {
    expect((await post(starterAssistant())).status).toBe(201);
  });

  test('fills in the defaults of tools, and keeps what it does not know', async () => {
    const phone = await number(t.api, '+12025550102');
    const tools = [
      { type: 'collect_keypad', note: 'kept' },
      { type: 'call_transfer', phone_number: '+1234567890', custom: 'true' },
      { type: 'warm_call_transfer', supervisor_phone: '+1234567890', outbound_phone_id: String(phone), description: 'On demand.' },
      {
        type: 'calendar_integration',
        calcom_api_key: 'cal_test',
        calcom_event_slug: 'intro',
        calcom_booking_fields: [{ slug: 'a', type: 'select', label: 'A', required: '1', options: ['x'] }],
      },
      { type: 'dtmf_input' },
    ];
    const answered = (await read(await create({ tools }))).tools;
    expect(answered).toMatchObject([
      { type: 'collect_keypad', note: 'kept', timeout: 5, stop_key: '#' },
      { type: 'call_transfer', phone_number: '+1234567890', custom: true, warm_transfer: false },
      { outbound_phone_id: phone, hold_music: 'hold_music', hold_music_volume: 80, custom_sip: false },
      { calcom_endpoint: 'us', calcom_booking_fields: [{ required: true, options: ['x'] }] },
      { type: 'dtmf_input' },
    ]);
  });

  test('the plural path does the same', async () => {
    expect((await t.api.post('/api/user/assistants', PIPELINE)).status).toBe(201);
  });
});
