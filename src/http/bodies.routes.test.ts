// Bodies that are wrong as a whole: malformed, or a megabyte that is wrong a hundred thousand times. The answer stays small.
import { beforeAll, expect, test } from 'vitest';
import { startApp, type TestApp } from '../../test/support/app.ts';

let t: TestApp;

beforeAll(async () => {
  t = await startApp();
});

const list = (item: string, count: number): string => `[${Array(count).fill(item).join(',')}]`;
const keys = Array.from({ length: 80_000 }, (_, index) => `"key${index}":1`).join(',');

test.each<[string, 'POST' | 'PUT', string, string, string]>([
  ['contacts', 'POST', '/api/user/lead', `{"secondary_contacts":${list('{}', 300_000)}}`, 'must not have more than 10 items.'],
  ['numbers to block', 'POST', '/api/user/blacklist', `{"phone_numbers":${list('1', 400_000)}}`, 'must not have more than 1000 items.'],
  ['a pool', 'POST', '/api/user/campaign', `{"phone_number_ids":${list('"a"', 200_000)}}`, 'must not have more than 1000 items.'],
  ['tools', 'POST', '/api/user/assistant', `{"tools":${list('{}', 300_000)}}`, 'must not have more than 1000 items.'],
  ['call fields', 'POST', '/api/user/assistant', `{"post_call_schema":${list('{}', 300_000)}}`, 'must not have more than 1000 items.'],
  ['unknown keys', 'PUT', '/api/user/leads/1', `{${keys}}`, 'Invalid fields: key0, key1, '],
])('%s', async (_, method, url, payload, sentence) => {
  const answer = await t.api.request({ method, url, payload, headers: { 'content-type': 'application/json' } });
  expect(answer.status).toBe(422);
  expect(answer.raw).toContain(sentence);
  expect(answer.raw.length).toBeLessThan(20_000);
});

test('variables as a list of a great many objects are merged', async () => {
  const payload = `{"variables":${list('{"a":1}', 120_000)},"phone_number":"+12025550143","campaign_id":999}`;
  const answer = await t.api.request({ method: 'POST', url: '/api/user/lead', payload, headers: { 'content-type': 'application/json' } });
  expect([answer.status, answer.body]).toEqual([404, { message: 'Campaign not found' }]);
});

test.each(['/api/user/campaigns/update-status', '/api/user/campaign/update-status', '/api/user/lead', '/api/user/make-believe'])(
  'malformed JSON is refused on %s as anywhere, whatever the route says of a 400',
  async (url) => {
    for (const payload of ['{', '[', '"', 'nul']) {
      const answer = await t.api.request({ method: 'POST', url, payload, headers: { 'content-type': 'application/json' } });
      const besides = url.endsWith('update-status') ? { success: false } : {};
      const expected = url.endsWith('believe') ? [404, { message: 'Not Found' }] : [400, { message: 'Malformed JSON', ...besides }];
      expect([answer.status, answer.body]).toEqual(expected);
    }
  },
);

test('JSON that is no UTF-8 is malformed', async () => {
  const payload = Buffer.from('{"name":"M\xfcller"}', 'latin1');
  const answer = await t.api.request({
    method: 'POST',
    url: '/api/user/api-keys',
    payload,
    headers: { 'content-type': 'application/json' },
  });
  expect([answer.status, answer.body]).toEqual([400, { message: 'Malformed JSON' }]);
});

test.each(['application/x-www-form-urlencoded', 'text/plain'])('without a body a Content-Type of %s does no harm', async (type) => {
  const headers = { 'content-type': type, 'content-length': '0' };
  const answer = await t.api.request({ method: 'DELETE', url: '/api/user/leads/999', headers });
  expect([answer.status, answer.body]).toEqual([404, { message: 'Lead not found' }]);
});
