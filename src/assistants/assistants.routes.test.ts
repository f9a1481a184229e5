// Assistants over HTTP: read, update, delete and the lists; other accounts, garbage, races.
import { beforeAll, describe, expect, test } from 'vitest';
import { type Api, startApp, type TestApp } from '../../test/support/app.ts';
import { buildAssistant } from '../../test/support/build.ts';

let t: TestApp;
beforeAll(async () => {
  t = await startApp();
});

type Body = Record<string, unknown>;

const read = async (id: number | string, api: Api = t.api) => (await api.get(`/api/user/assistant/${id}`)).body;
const create = async (fields: Body = {}, api: Api = t.api): Promise<number> => (await buildAssistant(api, fields)).id;

const NOBODYS_UUID = '00000000-0000-4000-8000-000000000000';
const GARBAGE = ['0', '-1', '1.5', '1e3', 'abc', '%00', '%F0%9F%98%80', "1'or'1'='1", `${NOBODYS_UUID}0`, '99999999999999999999999999'];

describe('read, update, delete', () => {
  test.each(['/api/user/assistant', '/api/user/assistants'])('%s/{id} reads by id and by uuid', async (path) => {
    const id = await create();
    const first = await t.api.get(`${path}/${id}`);
    expect(first.status).toBe(200);
    for (const uuid of [first.body.uuid, first.body.uuid.toUpperCase()]) {
      expect((await t.api.get(`${path}/${uuid}`)).raw).toBe(first.raw);
    }
  });

  test.each([
    ['put', 'assistant'],
    ['patch', 'assistant'],
    ['put', 'assistants'],
    ['patch', 'assistants'],
  ] as const)('%s on %s changes what is given and nothing else', async (verb, path) => {
    const id = await create({ variables: { a: 1 }, tools: [{ type: 'end_call' }] });
    const before = await read(id);
    t.clock.advance(1000);
    for (const ref of [id, before.uuid]) {
      const { status, raw } = await t.api[verb](`/api/user/${path}/${ref}`, { name: `Desk ${ref}` });
      expect(status).toBe(200);
      expect(raw).toBe(
        `{"message":"Assistant updated successfully","data":{"id":${id},"name":"Desk ${ref}","status":"inactive","type":"outbound","mode":"pipeline"}}`,
      );
    }
    const after = await read(id);
    expect(after).toEqual({ ...before, name: `Desk ${before.uuid}`, updated_at: after.updated_at });
    expect(after.updated_at > before.updated_at).toBe(true);
  });

  test('what was read can be sent back', async () => {
    for (const fields of [{}, { llm_model_id: undefined, mode: 'dualplex', multimodal_model_id: 3 }]) {
      const id = await create(fields);
      const before = await read(id);
      expect((await t.api.put(`/api/user/assistant/${id}`, before)).status).toBe(200);
      expect({ ...(await read(id)), updated_at: '' }).toEqual({ ...before, updated_at: '' });
    }
  });

  test('lists and objects are replaced whole; empty ones empty them', async () => {
    const id = await create({
      variables: { a: 1, b: 2 },
      secondary_language_ids: [2],
      tool_ids: [1],
      filler_config: { positive: ['Yes'] },
    });
    await t.api.put(`/api/user/assistant/${id}`, { variables: { c: 3 }, filler_config: { neutral: ['Hm'] } });
    expect(await read(id)).toMatchObject({ secondary_language_ids: [2], filler_config: { neutral: ['Hm'] } });
    expect((await read(id)).variables).toEqual({ c: 3 });
    await t.api.put(`/api/user/assistant/${id}`, {
      variables: {},
      secondary_language_ids: [],
      tool_ids: [],
      filler_config: null,
      post_call_schema: [],
      initial_message: '',
    });
    expect(await read(id)).toMatchObject({
      variables: {},
      secondary_language_ids: [],
      tool_ids: [],
      filler_config: null,
      post_call_schema: [],
    });
  });

  test('a blank clears what may be empty', async () => {
    const id = await create({
      webhook_url: 'https://hooks.example.test/',
      voice_mail_message: 'Hi',
      initial_message: 'Hello',
      timezone: 'UTC',
    });
    await t.api.put(`/api/user/assistant/${id}`, { webhook_url: '', voice_mail_message: ' ', initial_message: '', timezone: '' });
    expect(await read(id)).toMatchObject({ webhook_url: null, voice_mail_message: null, initial_message: '', timezone: null });
  });

  test.each(['name', 'system_prompt', 'type', 'mode'])('a blank %s is a wrong value', async (field) => {
    const id = await create();
    const { status, body } = await t.api.put(`/api/user/assistant/${id}`, { max_duration: 99, [field]: ' ' });
    expect([status, Object.keys(body.errors)]).toEqual([422, [field]]);
    expect((await read(id)).max_duration).not.toBe(99);
  });

  test('a change of mode resets models and providers, unless the body gives them', async () => {
    const id = await create({
      llm_model_id: 3,
      transcriber_provider_id: 2,
      synthesizer_provider_id: 1,
      fillers: true,
      allow_interruptions: false,
    });
    const put = (body: Body) => t.api.put(`/api/user/assistant/${id}`, body);
    expect((await put({ mode: 'multimodal' })).status).toBe(200);
    expect(await read(id)).toMatchObject({
      mode: 'multimodal',
      llm_model_id: null,
      multimodal_model_id: 1,
      transcriber_provider_id: null,
      synthesizer_provider_id: null,
      fillers: 0,
      allow_interruptions: true,
    });
    await put({ mode: 'dualplex', multimodal_model_id: 3, transcriber_provider_id: 3 });
    expect(await read(id)).toMatchObject({ multimodal_model_id: 3, transcriber_provider_id: 3 });
    await put({ mode: 'pipeline', llm_model_id: 4 });
    expect(await read(id)).toMatchObject({ llm_model_id: 4, multimodal_model_id: null, transcriber_provider_id: null });
  });

  test('an update is refused with the documented sentences, and changes nothing', async () => {
    const id = await create({ llm_model_id: undefined, mode: 'multimodal', multimodal_model_id: 1 });
    const before = await read(id);
    const speed = await t.api.put(`/api/user/assistant/${id}`, { name: 'Changed', speech_speed: 2 });
    expect(speed.body).toEqual({
      message: 'Validation failed',
      errors: { speech_speed: ['The speech speed must be between 0.7 and 1.2.'] },
    });
    const { status, body } = await t.api.put(`/api/user/assistant/${id}`, { name: 'Changed', allow_interruptions: false, voice_id: 1001 });
    expect(status).toBe(422);
    expect(body).toEqual({
      message: 'Validation failed',
      errors: {
        voice_id: ['The selected voice is not compatible with the chosen engine type.'],
        allow_interruptions: ['Interruptions cannot be disabled in multimodal or dualplex mode.'],
      },
    });
    expect(await read(id)).toEqual(before);
  });

  test('updates at once lose nothing of each other', async () => {
    const id = await create();
    const changes = { max_duration: 99, ringing_time: 9, record: true, wait_for_customer: true, min_interrupt_words: 2, tool_ids: [4] };
    const answers = await Promise.all([
      ...Object.entries(changes).map(([name, value]) => t.api.put(`/api/user/assistant/${id}`, { [name]: value })),
      t.api.post('/api/user/assistants/enable-inbound-webhook', { assistant_id: id, webhook_url: 'https://hooks.example.test/' }),
    ]);
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(await read(id)).toMatchObject({ ...changes, inbound_webhook_url: 'https://hooks.example.test/' });
  });

  test('an empty update changes nothing but its time', async () => {
    const id = await create();
    const { updated_at: _before, ...before } = await read(id);
    expect((await t.api.put(`/api/user/assistant/${id}`, {})).status).toBe(200);
    expect((await t.api.request({ method: 'PUT', url: `/api/user/assistant/${id}` })).status).toBe(200);
    expect(await read(id)).toMatchObject(before);
  });

  test.each(['assistant', 'assistants'])('DELETE %s/{id} answers once, then 404 everywhere', async (path) => {
    const id = await create({ name: 'Gone' });
    const { uuid } = await read(id);
    const { status, raw } = await t.api.delete(`/api/user/${path}/${path === 'assistant' ? id : uuid}`);
    expect(status).toBe(200);
    expect(raw).toBe('{"message":"Assistant deleted successfully"}');
    for (const ref of [id, uuid]) {
      const answers = [
        await t.api.get(`/api/user/${path}/${ref}`),
        await t.api.put(`/api/user/${path}/${ref}`, { name: 'Back' }),
        await t.api.delete(`/api/user/${path}/${ref}`),
        await t.api.post('/api/user/assistants/disable-webhook', { assistant_id: ref }),
      ];
      for (const answer of answers) expect([answer.status, answer.raw]).toEqual([404, '{"message":"Assistant not found"}']);
    }
    const lists = ['/api/user/assistants', '/api/user/assistants/outbound', '/api/user/assistants/get?per_page=100'];
    for (const list of lists) expect((await t.api.get(list)).raw).not.toContain(uuid);
    for (const list of lists) expect((await t.api.get(list)).raw).not.toContain('"name":"Gone"');
    const row = await t.db.selectFrom('assistants').select(['name', 'deleted_at']).where('id', '=', id).executeTakeFirstOrThrow();
    expect(row).toEqual({ name: 'Gone', deleted_at: t.clock() });
  });

  test("what is garbage, unknown or somebody else's answers 404 on every verb", async () => {
    const theirs = await create({}, t.other);
    const { uuid } = await read(theirs, t.other);
    for (const ref of [...GARBAGE, '999999', NOBODYS_UUID, String(theirs), uuid]) {
      for (const path of [`/api/user/assistant/${ref}`, `/api/user/assistants/${ref}`]) {
        const answers = [
          await t.api.get(path),
          await t.api.put(path, { name: 'x' }),
          await t.api.patch(path, {}),
          await t.api.delete(path),
        ];
        for (const answer of answers) expect([path, answer.status, answer.raw]).toEqual([path, 404, '{"message":"Assistant not found"}']);
      }
    }
    expect((await read(theirs, t.other)).name).toBe('Renewal desk');
  });
});

describe('lists', () => {
  let u: TestApp;
  const ids: number[] = [];
  beforeAll(async () => {
    u = await startApp();
    for (let at = 0; at < 12; at++) ids.push(await create({ name: `Desk ${at}`, type: at % 3 === 0 ? 'inbound' : 'outbound' }, u.api));
    await create({ name: 'Theirs' }, u.other);
  });

  test('the paginated one has ten a page, whole assistants, by id', async () => {
    const { body } = await u.api.get('/api/user/assistants/get');
    expect(body).toMatchObject({ current_page: 1, per_page: 10, total: 12, last_page: 2, from: 1, to: 10 });
    expect(body.data.map(({ id }: { id: number }) => id)).toEqual(ids.slice(0, 10));
    expect(body.data[3]).toEqual(await read(ids[3] ?? 0, u.api));
    expect(body.next_page_url).toMatch(/^http:.*\/api\/user\/assistants\/get\?page=2$/);
  });

  test.each([
    ['?page=2', 2, 12],
    ['?per_page=5&page=3', 2, 12],
    ['?page=9', 0, 12],
    ['?page=9223372036854775807', 0, 12],
    ['?page=abc', 10, 12],
    ['?type=inbound', 4, 4],
    ['?type=outbound&per_page=100', 8, 8],
    ['?type=', 10, 12],
    ['?limit=3&name=Desk', 10, 12],
  ])('%s', async (query, rows, total) => {
    const { status, body } = await u.api.get(`/api/user/assistants/get${query}`);
    expect([status, body.data.length, body.total]).toEqual([200, rows, total]);
  });

  test('the filter stays in the page URLs', async () => {
    const { body } = await u.api.get('/api/user/assistants/get?type=outbound&per_page=3');
    expect(body.next_page_url).toMatch(/\/api\/user\/assistants\/get\?type=outbound&per_page=3&page=2$/);
  });

  test.each([
    ['?per_page=0', 'per_page', 'The per page field must be at least 1.'],
    ['?per_page=101', 'per_page', 'The per page field must not be greater than 100.'],
    ['?per_page=x', 'per_page', 'The per page field must be an integer.'],
    ['?type=both', 'type', 'The selected type is invalid.'],
    ['?type[]=inbound', 'type', 'The type field must be a string.'],
  ])('%s is refused', async (query, field, sentence) => {
    const { status, body } = await u.api.get(`/api/user/assistants/get${query}`);
    expect(status).toBe(422);
    expect(body.errors[field]).toContain(sentence);
  });

  test('the plain ones are bare arrays without pages', async () => {
    const { raw, body } = await u.api.get('/api/user/assistants?per_page=3&page=2');
    expect(body.map(({ id }: { id: number }) => id)).toEqual(ids);
    expect(Object.keys(JSON.parse(raw)[0])).toEqual([
      ...['id', 'user_id', 'name', 'type', 'mode', 'status', 'voice_id', 'language_id', 'timezone', 'initial_message'],
      ...['system_prompt', 'variables', 'webhook_url', 'is_webhook_active', 'created_at', 'updated_at'],
    ]);
    const outbound = await u.api.get('/api/user/assistants/outbound');
    expect(outbound.body.map(({ id }: { id: number }) => id)).toEqual(ids.filter((_id, at) => at % 3 !== 0));
  });

  test('an account without assistants has empty lists', async () => {
    const v = await startApp();
    expect((await v.api.get('/api/user/assistants')).raw).toBe('[]');
    expect((await v.api.get('/api/user/assistants/outbound')).raw).toBe('[]');
    expect((await v.api.get('/api/user/assistants/get')).body).toMatchObject({ data: [], total: 0, from: null, to: null, last_page: 1 });
  });
});
