// Input that nobody means well: every request is answered with a reason (4xx) or taken as it stands. Never a 500.
import { beforeAll, describe, expect, test } from 'vitest';
import { type Answer, startApp, type TestApp } from '../../test/support/app.ts';
import { nextNumber } from '../../test/support/build.ts';
import { insertCampaign } from '../../test/support/insert-leads.ts';

const JSON_TYPE = { 'content-type': 'application/json' };
const MEGABYTE = 1_048_576;

let t: TestApp;
let campaign: number;
let lead: number;

beforeAll(async () => {
  t = await startApp();
  campaign = await insertCampaign(t.db, t.mine.account.id);
  lead = (await t.api.post('/api/user/lead', { phone_number: '+12025550143', campaign_id: campaign, variables: { a: 1 } })).body.data.id;
});

const postRaw = (payload: string | Buffer, headers: Record<string, string> = JSON_TYPE): Promise<Answer> =>
  t.api.request({ method: 'POST', url: '/api/user/lead', payload, headers });
const withVariables = (variables: string, number = nextNumber()): string =>
  `{"phone_number":"${number}","campaign_id":${campaign},"variables":${variables}}`;

describe('bodies', () => {
  test.each<[string, string, number, string]>([
    ['nothing', '', 422, 'Validation failed'],
    ['blanks', ' \n ', 422, 'Validation failed'],
    ['an array', '[]', 422, 'Validation failed'],
    ['an array of leads', '[{"phone_number":"+12025550143"}]', 422, 'Validation failed'],
    ['text', '"x"', 422, 'Validation failed'],
    ['a number', '5', 422, 'Validation failed'],
    ['null', 'null', 422, 'Validation failed'],
    ['half an object', '{"phone_number":', 400, 'Malformed JSON'],
    ['no JSON', 'phone_number=1', 400, 'Malformed JSON'],
    ['single quotes', "{'a':1}", 400, 'Malformed JSON'],
    ['two values', '{} {}', 400, 'Malformed JSON'],
    ['NaN', '{"campaign_id":NaN}', 400, 'Malformed JSON'],
    ['brackets without end', '['.repeat(100_000), 400, 'Malformed JSON'],
  ])('%s', async (_name, payload, status, message) => {
    for (const url of ['/api/user/lead', `/api/user/leads/${lead}/contacts`]) {
      const answer = await t.api.request({ method: 'POST', url, payload, headers: JSON_TYPE });
      expect([answer.status, answer.body.message]).toEqual([status, message]);
    }
  });

  test('a hundred thousand brackets are nested too deeply, wherever they are', async () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    const object = `${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`;
    for (const payload of [withVariables(deep), withVariables(object), `{"x":${deep}}`, withVariables(`{"a":${object}}`)]) {
      const { status, body } = await postRaw(payload);
      expect([status, Object.values(body.errors).flat().join()]).toEqual([422, expect.stringMatching(/is nested too deeply\.$/)]);
    }
    expect((await postRaw(deep)).status).toBe(422);
  });

  test('almost a megabyte is taken, more is 413', async () => {
    const text = 'x'.repeat(MEGABYTE - 200);
    const taken = await postRaw(withVariables(`{"text":"${text}"}`));
    expect(taken.status).toBe(200);
    expect((await t.api.get(`/api/user/leads/${taken.body.data.id}`)).body.variables.text).toBe(text);
    for (const payload of [withVariables(`{"text":"${'x'.repeat(MEGABYTE)}"}`), ' '.repeat(2 * MEGABYTE)]) {
      const { status, body } = await postRaw(payload);
      expect([status, body]).toEqual([413, { message: 'The request body is too large.' }]);
    }
  });

  test('tens of thousands of keys are refused or kept, not lost', async () => {
    const keys = Object.fromEntries(Array.from({ length: 30_000 }, (_, index) => [`k${index}`, index]));
    const { status, body } = await postRaw(withVariables(JSON.stringify(keys)));
    expect([status, Object.keys(body.data.variables).length]).toEqual([200, 30_000]);
    expect((await t.api.put(`/api/user/leads/${lead}`, keys)).status).toBe(422);
  });

  test.each(['text/plain', 'application/x-www-form-urlencoded', 'application/xml', 'multipart/form-data; boundary=x', 'nonsense'])(
    '%s is 415',
    async (type) => {
      const { status, body } = await postRaw('{"a":1}', { 'content-type': type });
      expect([status, body]).toEqual([415, { message: 'Unsupported Media Type. Send the body as application/json.' }]);
    },
  );

  test.each(['application/json; charset=utf-8', 'application/vnd.api+json', 'APPLICATION/JSON'])('%s is JSON', async (type) => {
    expect((await postRaw(withVariables('{}'), { 'content-type': type })).status).toBe(200);
  });

  test('bytes that are no UTF-8 are malformed: stored, they would be other letters than were sent', async () => {
    const payload = Buffer.from(withVariables('{"a":"\xff\xfe"}'), 'latin1');
    const answer = await postRaw(payload);
    expect([answer.status, answer.body]).toEqual([400, { message: 'Malformed JSON' }]);
  });

  test.each<[string, string]>([
    ['a way to the prototype', '{"__proto__":{"x":1}}'],
    ['one further in', '{"a":[{"__proto__":1}]}'],
    ['NUL', '{"a":"\\u0000"}'],
    ['a lone surrogate', '{"a":"\\udc00"}'],
    ['a lone surrogate as key', '{"\\ud800":1}'],
    ['a number beyond all', '{"a":1e400}'],
    ['a number beyond all, below', '{"a":[-1e999]}'],
  ])('variables with %s are 422', async (_name, variables) => {
    for (const answer of [
      await postRaw(withVariables(variables)),
      await t.api.request({ method: 'PUT', url: `/api/user/leads/${lead}`, payload: `{"variables":${variables}}`, headers: JSON_TYPE }),
    ]) {
      expect([answer.status, answer.body.message]).toEqual([422, 'Validation failed']);
      expect(Object.keys(answer.body.errors)[0]).toMatch(/^variables\./);
    }
    expect(({} as { x?: number }).x).toBeUndefined();
  });

  test('the same in fields and keys that nobody knows', async () => {
    for (const payload of [
      '{"__proto__":{"phone_number":"+12025550143"}}',
      '{"x":"\\u0000"}',
      '{"\\u0000":1}',
      '{"phone_number":"+1202555\\u00000143"}',
    ]) {
      expect((await postRaw(payload)).status).toBe(422);
    }
  });

  test.each<[string, unknown]>([
    ['a list', [1]],
    ['an object', { id: 1 }],
    ['true', true],
    ['null', null],
    ['beyond 2^63', 2 ** 64],
    ['beyond 2^63 as text', '18446744073709551616'],
    ['SQL', '1; drop table leads; --'],
  ])('campaign_id as %s is 422', async (_name, campaign_id) => {
    for (const answer of [
      await t.api.post('/api/user/lead', { phone_number: nextNumber(), campaign_id }),
      await t.api.put(`/api/user/leads/${lead}`, { campaign_id }),
    ]) {
      expect([answer.status, Object.keys(answer.body.errors)]).toEqual([422, ['campaign_id']]);
    }
  });

  test.each<[string, unknown]>([
    ['a list', ['+12025550143']],
    ['an object', {}],
    ['a number', 12025550143],
    ['true', true],
    ['null', null],
    ['SQL', "'; drop table leads; --"],
    ['a megabyte of digits', `+${'1'.repeat(900_000)}`],
    ['other digits', '+١٢٣٤٥٦٧٨٩'],
    ['an emoji', '+1202555014😀'],
  ])('phone_number as %s is 422', async (_name, phone_number) => {
    for (const answer of [
      await t.api.post('/api/user/lead', { phone_number, campaign_id: campaign }),
      await t.api.put(`/api/user/leads/${lead}`, { phone_number }),
      await t.api.post(`/api/user/leads/${lead}/contacts`, { phone_number }),
    ]) {
      expect([answer.status, Object.keys(answer.body.errors)]).toEqual([422, ['phone_number']]);
    }
  });
});

describe('paths', () => {
  test.each([
    ['/api/user/leads/%', 400],
    ['/api/user/leads/%zz', 400],
    ['/api/user/leads/%FF', 400],
    ['/api/user/leads/%00', 404],
    ['/api/user/leads/%2e%2e', 404],
    ['/api/user/leads/1%2F2', 404],
    [`/api/user/leads/${'9'.repeat(10_000)}`, 404],
    [`/api/user/leads/${'x'.repeat(10_000)}`, 404],
    ['/api/user/leads/9007199254740992', 404],
    ['/api/user/leads/-9223372036854775809', 404],
    ["/api/user/leads/1'%20or%20'1'='1", 404],
    ['/api/user/leads/1;drop', 404],
    ['/api/user/leads/__proto__', 404],
    ['/api/user/leads/1/contacts/constructor', 404],
  ])('%s', async (url, status) => {
    const answer = await t.api.get(url);
    expect([answer.status, Object.keys(answer.body)]).toEqual([status, ['message']]);
    expect(answer.headers['content-type']).toMatch(/^application\/json/);
  });

  test('an unknown path is 404 and another verb 405, with or without a key', async () => {
    for (const headers of [{}, { authorization: 'Bearer nonsense' }]) {
      const unknown = await t.api.request({ method: 'GET', url: '/api/user/leeds', headers });
      expect([unknown.status, unknown.body]).toEqual([404, { message: 'Not Found' }]);
      const verb = await t.api.request({ method: 'DELETE', url: '/api/user/leads', headers });
      expect([verb.status, verb.headers.allow]).toEqual([405, 'GET, HEAD']);
      expect(verb.body.message).toBe('The DELETE method is not supported for route api/user/leads. Supported methods: GET, HEAD.');
    }
  });

  test('doubled and trailing slashes are one', async () => {
    for (const url of ['//api/user/leads', '/api//user///leads/', `/api/user/leads/${lead}/`])
      expect((await t.api.get(url)).status).toBe(200);
  });

  test('HEAD is GET without a body', async () => {
    for (const url of ['/api/user/leads', `/api/user/leads/${lead}`]) {
      const [head, get] = [await t.api.request({ method: 'HEAD', url }), await t.api.get(url)];
      expect([head.status, head.raw, head.headers['content-length']]).toEqual([200, '', get.headers['content-length']]);
    }
  });

  test('a DELETE may say it has JSON, and have none', async () => {
    for (const headers of [JSON_TYPE, { ...JSON_TYPE, 'content-length': '0' }, {}]) {
      const { id } = (await t.api.post('/api/user/lead', { phone_number: nextNumber(), campaign_id: campaign })).body.data;
      expect((await t.api.delete(`/api/user/leads/${id}`, headers)).status).toBe(200);
    }
  });
});

describe('queries', () => {
  test.each([
    ['status[]=created', 422],
    ['status[x][y]=created', 422],
    ['campaign_id[]=1', 422],
    ['phone_number[]=1', 422],
    ['date_from[]=2026-01-01', 422],
    ['per_page[]=5', 422],
    ['per_page=5&per_page=6', 200],
    ['status=x&status=created', 200],
    ['status=created&status=x', 422],
    ['page[]=1&page[x]=2', 200],
    ['campaign_id=9223372036854775807', 200],
    ['campaign_id=9223372036854775808', 422],
    ['campaign_id=0', 422],
    ['campaign_id=-1', 422],
    [`campaign_id=${'9'.repeat(8000)}`, 422],
    ["campaign_id=1'--", 422],
    ['page=9223372036854775807', 200],
    [`page=${'9'.repeat(8000)}`, 200],
    ['page=%00', 200],
    ['status=%00created', 422],
    ['status=%00', 422],
    ['campaign_id=5%00', 422],
    ['unknown=%00', 200],
    ['status=crea%00ted', 422],
    ['status=%ED%A0%80', 422],
    ['phone_number=%00', 422],
    ['phone_number=1%002', 422],
    ['phone_number=%ED%A0%80', 200],
    [`phone_number=${'1'.repeat(33)}`, 422],
    ['phone_number=%27%20or%201%3D1', 200],
    ['date_from=%00', 422],
    ['date_from=2026-01-01%00', 422],
    ['date_to=9999-12-31', 200],
    ['__proto__[status]=created', 200],
    ['constructor[prototype][status]=x', 200],
    ['status=%', 422],
    ['%', 200],
    ['&&&=&=&[]=&[', 200],
    ['a%5B%5D'.repeat(1000), 200],
    [`a${'[x]'.repeat(2000)}=1`, 200],
    [Array.from({ length: 3000 }, (_, index) => `p${index}`).join('&'), 200],
  ])('?%s', async (query, status) => {
    const answer = await t.api.get(`/api/user/leads?${query}`);
    expect(answer.status).toBe(status);
    if (status === 422) expect(Object.keys(answer.body.errors)).toHaveLength(1);
  });
});

test('after all this the lead is as it was', async () => {
  expect((await t.api.get(`/api/user/leads/${lead}`)).body).toMatchObject({
    phone_number: '+12025550143',
    variables: { a: 1 },
    status: 'created',
  });
});
