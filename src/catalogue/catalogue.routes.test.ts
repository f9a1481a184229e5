import { beforeAll, expect, test } from 'vitest';
import { startApp, type TestApp } from '../../test/support/app.ts';

let t: TestApp;
beforeAll(async () => {
  t = await startApp();
});

const get = (path: string) => t.api.get(`/api/user/assistants/${path}`);

test('languages are a bare array; English is the first', async () => {
  const { status, body } = await get('languages');
  expect(status).toBe(200);
  expect(body[0]).toEqual({ id: 1, name: 'English', iso_2: 'en' });
  expect(body.length).toBeGreaterThanOrEqual(30);
});

test.each(['models', 'models?type=llm', 'models?type='])('%s: text models, without code', async (path) => {
  const { status, body } = await get(path);
  expect(status).toBe(200);
  expect(body.length).toBeGreaterThan(3);
  expect(body.every((model: object) => JSON.stringify(Object.keys(model)) === '["id","name"]')).toBe(true);
});

test.each(['multimodal', 'dualplex'])('models of %s have a code', async (type) => {
  const { body } = await get(`models?type=${type}`);
  expect(body.length).toBeGreaterThan(1);
  expect(body.every((model: object) => JSON.stringify(Object.keys(model)) === '["id","name","code"]')).toBe(true);
});

test.each(['pipeline', 'LLM', '0', "llm' or 1=1", 'll%00m', '%FF'])('models of the type %s are refused', async (type) => {
  const { status, body } = await get(`models?type=${type}`);
  expect(status).toBe(422);
  expect(Object.keys(body.errors)).toEqual(['type']);
  if (!type.includes('%00')) expect(body).toEqual({ message: 'Validation failed', errors: { type: ['The selected type is invalid.'] } });
});

test('voices have the documented keys in their order', async () => {
  const { raw, body } = await get('voices');
  expect(Object.keys(JSON.parse(raw)[0])).toEqual([
    'id',
    'name',
    'language_id',
    'gender',
    'preview_url',
    'accent',
    'age',
    'synthesizer_provider_id',
  ]);
  expect(new Set(body.map(({ language_id }: { language_id: number }) => language_id)).size).toBeGreaterThan(30);
});

test('voices are filtered by mode, by language, and by both', async () => {
  const count = async (query: string) => (await get(`voices${query}`)).body.length;
  const [all, multimodal, german, both] = [
    await count(''),
    await count('?mode=multimodal'),
    await count('?language_id=2'),
    await count('?mode=multimodal&language_id=2'),
  ];
  expect(multimodal).toBeLessThan(all);
  expect(german).toBeLessThan(all);
  expect(both).toBeLessThan(german);
  expect(both).toBeGreaterThan(0);
  expect(await count('?mode=&language_id=')).toBe(all);
  expect(await count('?mode=pipeline&language_id=99999')).toBe(0);
  expect(await count('?language_id=9007199254740993')).toBe(0);
});

test.each([
  ['voices?mode=triplex', { mode: ['The selected mode is invalid.'] }],
  ['voices?language_id=de', { language_id: ['The language id field must be an integer.'] }],
  ['voices?language_id=0', { language_id: ['The language id field must be at least 1.'] }],
  ['voices?language_id[]=1', { language_id: ['The language id field must be an integer.'] }],
  ['synthesizer-providers?language_id=x', { language_id: ['The language id field must be an integer.'] }],
  ['transcriber-providers?language_id=1.5', { language_id: ['The language id field must be an integer.'] }],
])('%s is refused', async (path, errors) => {
  const { status, body } = await get(path);
  expect(status).toBe(422);
  expect(body).toEqual({ message: 'Validation failed', errors });
});

test.each(['synthesizer-providers', 'transcriber-providers'])('%s, all and by language', async (path) => {
  const all = await get(path);
  expect(all.status).toBe(200);
  expect(Object.keys(all.body[0])).toEqual(['id', 'name', 'code']);
  // Neither Piper nor Vosk has Hebrew.
  const hebrew = await get(`${path}?language_id=27`);
  expect(hebrew.body.length).toBe(all.body.length - 1);
  expect((await get(`${path}?language_id=99999`)).body).toEqual([]);
});

test('the catalogue is the same for everybody with a key, and for nobody without', async () => {
  expect((await t.other.get('/api/user/assistants/voices')).raw).toBe((await get('voices')).raw);
  const without = await t.api.request({ method: 'GET', url: '/api/user/assistants/voices', headers: { authorization: '' } });
  expect(without.status).toBe(401);
});
