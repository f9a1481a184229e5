// Any POST repeated under one key: the first answer, and one effect.
import { request as httpRequest } from 'node:http';
import { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import Fastify from 'fastify';
import { sql } from 'kysely';
import { beforeEach, describe, expect, test } from 'vitest';
import { startApp } from '../../test/support/app.ts';
import { buildCampaign, buildLead } from '../../test/support/build.ts';
import { createKeyStore } from '../idempotency/idempotency.store.ts';
import { handleError } from './error-handler.ts';
import { addIdempotency, MAX_KEPT_BYTES } from './idempotency.ts';

const t = await startApp();
const { id: campaign } = await buildCampaign(t.api);
const { id: other } = await buildCampaign(t.api);
const { id: foreign } = await buildCampaign(t.other);
const KEY = { 'idempotency-key': '8e03978e-40d5-43e8-bc93-6894a57f9324' };
const PHONE = '+12025550143';

const add = (fields: object = {}, headers: Record<string, string> = KEY, api = t.api) =>
  api.post('/api/user/lead', { phone_number: PHONE, campaign_id: campaign, allow_dupplicate: true, ...fields }, headers);
const leads = async (): Promise<number> =>
  (await t.db.selectFrom('leads').select('id').where('phone_number', '=', PHONE).where('primary_id', 'is', null).execute()).length;
const keys = () => t.db.selectFrom('idempotency_keys').selectAll().execute();
const replayed = ({ headers }: { headers: object }): unknown =>
  'idempotent-replayed' in headers ? headers['idempotent-replayed'] : undefined;

const RUNNING =
  'A request with this Idempotency-Key is still running, or broke off, so it is not run again. If this does not change, look at what it has done, and send what is missing under a new key.';
const UNKNOWN =
  'The request with this Idempotency-Key failed, and its outcome is unknown, so it is not run again. Look at what it has done, and send what is missing under a new key.';

beforeEach(async () => {
  await t.db.deleteFrom('leads').execute();
  await t.db.deleteFrom('idempotency_keys').execute();
});

describe('the same again', () => {
  test('is the first answer, byte for byte, whatever has changed since, and one effect', async () => {
    const first = await add({ variables: { a: 1, b: 'é\u2028' } });
    expect([first.status, replayed(first)]).toEqual([200, undefined]);
    await t.api.delete(`/api/user/leads/${first.body.data.id}`);
    t.clock.advance(60_000);
    for (const fields of [{ variables: { a: 1, b: 'é\u2028' } }, { variables: { b: 'é\u2028', a: 1 } }]) {
      const again = await add(fields);
      expect([again.status, again.raw, replayed(again)]).toEqual([first.status, first.raw, 'true']);
      expect(again.headers['content-type']).toBe(first.headers['content-type']);
      expect(again.headers['x-request-id']).not.toBe(first.headers['x-request-id']);
    }
    expect(await leads()).toBe(0);
  });

  test('has status, Location and Cache-Control', async () => {
    const form = (text: string, field = String(campaign)) => ({
      payload: `--x\r\ncontent-disposition: form-data; name="campaign_id"\r\n\r\n${field}\r\n--x\r\ncontent-disposition: form-data; name="file"; filename="a.csv"\r\n\r\n${text}\r\n--x--\r\n`,
      headers: { 'content-type': 'multipart/form-data; boundary=x', ...KEY },
    });
    const send = (text: string, field?: string) => t.api.request({ method: 'POST', url: '/api/user/leads/import', ...form(text, field) });
    expect((await send('')).status).toBe(422);
    const first = await send(`phone\r\n${PHONE}`);
    expect([first.status, first.headers.location]).toEqual([201, expect.stringContaining(`/import/${first.body.id}`)]);
    const again = await send(`phone\r\n${PHONE}`);
    expect([again.status, again.raw, again.headers.location, replayed(again)]).toEqual([201, first.raw, first.headers.location, 'true']);
    expect((await send('phone\r\n+12025550144')).status).toBe(409);
    expect((await send(`phone\r\n${PHONE}`, String(other))).status).toBe(409);
    expect([await leads(), (await t.api.get('/api/user/leads/imports')).body.total]).toEqual([1, 1]);

    const rotated = await t.api.post('/api/user/webhooks/secret/rotate', undefined, { 'idempotency-key': 'r' });
    const same = await t.api.post('/api/user/webhooks/secret/rotate', {}, { 'idempotency-key': 'r' });
    expect([same.raw, same.headers['cache-control'], replayed(same)]).toEqual([rotated.raw, 'no-store', 'true']);
  });

  test('of a new API key is without the token, which is nowhere', async () => {
    const first = await t.api.post('/api/user/api-keys', { name: 'token' }, KEY);
    const { token, ...rest } = first.body.api_key;
    expect(token).toEqual(expect.any(String));
    const again = await t.api.post('/api/user/api-keys', { name: 'token' }, KEY);
    expect([again.status, again.body, replayed(again)]).toEqual([201, { ...first.body, api_key: rest }, 'true']);
    expect(JSON.stringify(await keys())).not.toContain(token.split('|')[1]);
    expect((await t.api.get('/api/user/api-keys')).body.api_keys.filter(({ name }: { name: string }) => name === 'token')).toHaveLength(1);
  });

  test('without a key is another request', async () => {
    await add();
    expect(replayed(await add({}, {}))).toBeUndefined();
    expect(await leads()).toBe(2);
  });
});

describe('something else with the key', () => {
  const different = 'This Idempotency-Key belongs to a request that was different.';

  test('is 409, and does nothing', async () => {
    await add();
    for (const answer of [await add({ variables: { a: 1 } }), await t.api.post('/api/user/blacklist', { phone_number: PHONE }, KEY)]) {
      expect([answer.status, answer.body]).toEqual([409, { message: different }]);
    }
    const { id } = await buildLead(t.api, { campaign_id: campaign });
    await t.api.post(`/api/user/leads/${id}/contacts`, { phone_number: '+12025550150' }, { 'idempotency-key': 'c' });
    const { id: second } = await buildLead(t.api, { campaign_id: campaign });
    const other = await t.api.post(`/api/user/leads/${second}/contacts`, { phone_number: '+12025550150' }, { 'idempotency-key': 'c' });
    expect(other.status).toBe(409);
    expect(await leads()).toBe(1);
  });

  test('by make_call, too', async () => {
    await add();
    const made = await t.api.post('/api/user/make_call', { phone_number: PHONE, assistant_id: 1 }, KEY);
    expect([made.status, made.body]).toEqual([409, { message: different }]);
  });

  test('of another account is nothing to us', async () => {
    await add();
    const other = await add({ campaign_id: foreign }, KEY, t.other);
    expect([other.status, replayed(other)]).toEqual([200, undefined]);
  });
});

test('twenty at once have one effect', async () => {
  const answers = await Promise.all(Array.from({ length: 20 }, () => add()));
  expect(await leads()).toBe(1);
  const given = answers.filter(({ status }) => status === 200);
  expect(new Set(given.map(({ raw }) => raw)).size).toBe(1);
  expect(given.filter((answer) => replayed(answer) === undefined)).toHaveLength(1);
  for (const { status, body } of answers.filter((answer) => answer.status !== 200)) {
    expect([status, body]).toEqual([409, { message: RUNNING }]);
  }
  expect((await add()).raw).toBe(given[0]?.raw);
});

test('a refusal leaves the key free: what was missing may be mended', async () => {
  for (const [fields, status] of [
    [{ phone_number: 'x' }, 422],
    [{ campaign_id: foreign }, 404],
    [{ secondary_contacts: [{ phone_number: PHONE }] }, 422],
  ] as const) {
    expect((await add(fields)).status).toBe(status);
  }
  expect((await t.api.post('/api/user/leads/999999/contacts', { phone_number: PHONE }, KEY)).status).toBe(404);
  expect(
    (await t.api.request({ method: 'POST', url: '/api/user/lead', payload: '{', headers: { ...KEY, 'content-type': 'application/json' } }))
      .status,
  ).toBe(400);
  expect(await keys()).toEqual([]);
  expect((await add()).status).toBe(200);
  expect((await add({ allow_dupplicate: false }, { 'idempotency-key': 'd' })).status).toBe(422);
  expect((await add({}, { 'idempotency-key': 'd' })).status).toBe(200);
});

test('a failure of ours is never run again: nobody knows what it has done', async () => {
  await sql`alter table leads add constraint never check (phone_number <> '+12025550143')`.execute(t.db);
  const failed = await add();
  await sql`alter table leads drop constraint never`.execute(t.db);
  expect(failed.status).toBe(500);
  for (let round = 0; round < 2; round += 1) {
    const again = await add();
    expect([again.status, again.body, replayed(again)]).toEqual([409, { message: UNKNOWN }, undefined]);
  }
  expect(await leads()).toBe(0);
  expect((await add({}, { 'idempotency-key': 'new' })).status).toBe(200);
});

test('what its process left running is never run again', async () => {
  await add();
  await sql`update idempotency_keys set state = 'running', status = null, response = null`.execute(t.db);
  const again = await add();
  expect([again.status, again.body]).toEqual([409, { message: RUNNING }]);
  expect(await leads()).toBe(1);
});

test('an answer that cannot be kept is given all the same, and its request not run again', async () => {
  await sql`alter table idempotency_keys add constraint never check (state <> 'finished')`.execute(t.db);
  const first = await add();
  await sql`alter table idempotency_keys drop constraint never`.execute(t.db);
  expect([first.status, (await add()).status, await leads()]).toEqual([200, 409, 1]);
});

test('is kept for a day', async () => {
  const first = await add();
  t.clock.advance(24 * 3_600_000 - 1000);
  expect((await add()).raw).toBe(first.raw);
  t.clock.advance(1000);
  const later = await add({ variables: { b: 1 } });
  expect([later.status, replayed(later)]).toEqual([200, undefined]);
  t.clock.advance(25 * 3_600_000);
  // Anybody's next key takes it away.
  await add({ campaign_id: foreign }, { 'idempotency-key': 'o' }, t.other);
  expect((await keys()).map(({ key }) => key)).toEqual(['o']);
});

test('many that have expired may be used again at once', async () => {
  const all = Array.from({ length: 30 }, (_, index) => ({ 'idempotency-key': `k${index}` }));
  for (let day = 1; day <= 3; day += 1) {
    const answers = await Promise.all(all.map((headers) => add({}, headers)));
    expect(answers.map((answer) => [answer.status, replayed(answer)])).toEqual(all.map(() => [200, undefined]));
    expect(await leads()).toBe(30 * day);
    t.clock.advance(25 * 3_600_000);
  }
});

test.each([
  ['empty', ''],
  ['blank', '  '],
  ['too long', 'x'.repeat(256)],
])('%s is 400, and does nothing', async (_name, key) => {
  const { status, body } = await add({}, { 'idempotency-key': key });
  expect([status, body]).toEqual([400, { message: 'The Idempotency-Key header must have 1 to 255 characters.' }]);
  expect(await leads()).toBe(0);
});

test.each(['x'.repeat(255), "'; drop table leads; --", '%00', '\xff\xfe', '{"a":1}'])('any other text is a key: %.20s', async (key) => {
  const [first, again] = [await add({}, { 'idempotency-key': key }), await add({}, { 'idempotency-key': key })];
  expect([first.status, again.raw, await leads()]).toEqual([200, first.raw, 1]);
});

test('other verbs do not look at it', async () => {
  const { id } = (await add()).body.data;
  for (const key of [KEY['idempotency-key'], '']) {
    const headers = { 'idempotency-key': key };
    expect((await t.api.get(`/api/user/leads/${id}`, headers)).status).toBe(200);
    expect((await t.api.put(`/api/user/leads/${id}`, { variables: { a: 2 } }, headers)).status).toBe(200);
  }
  expect((await t.api.delete(`/api/user/leads/${id}`, KEY)).status).toBe(200);
});

test('who hangs up before the answer finds it later', async () => {
  await t.app.listen({ port: 0, host: '127.0.0.1' });
  const address = t.app.server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const body = JSON.stringify({ phone_number: PHONE, campaign_id: campaign, allow_dupplicate: true });
  const headers = { ...KEY, authorization: `Bearer ${t.mine.token}`, 'content-type': 'application/json', 'content-length': body.length };
  const call = httpRequest({ port, host: '127.0.0.1', method: 'POST', path: '/api/user/lead', headers });
  call.on('error', () => {});
  await new Promise<void>((sent) => call.end(body, () => sent()));
  await pause(5);
  call.destroy();
  for (let round = 0; round < 100 && (await keys()).every(({ state }) => state === 'running'); round += 1) await pause(20);
  const again = await add();
  expect([again.status, again.body.data?.phone_number, await leads()]).toEqual([200, PHONE, 1]);
});

describe('an answer', () => {
  // An application of one route, to answer what no route of ours does.
  const startOne = async (answer: () => unknown) => {
    const app = Fastify();
    app.setErrorHandler(handleError);
    app.decorateRequest('account');
    app.addHook('onRequest', async (request) => {
      request.account = t.mine.account;
    });
    addIdempotency(app, { keys: createKeyStore(t.db), clock: t.clock });
    let runs = 0;
    app.post('/x', async (_request, reply) => {
      runs += 1;
      return reply.type('application/json').send(answer());
    });
    const ask = () => app.inject({ method: 'POST', url: '/x', headers: KEY });
    return { ask, runs: () => runs };
  };

  test.each([
    ['of the most that is kept', MAX_KEPT_BYTES, 200],
    ['of more than is kept', MAX_KEPT_BYTES + 1, 409],
  ])('%s', async (_name, bytes, status) => {
    const text = JSON.stringify('x'.repeat(bytes - 2));
    const { ask, runs } = await startOne(() => text);
    const first = await ask();
    expect([first.statusCode, first.payload.length]).toEqual([200, bytes]);
    const again = await ask();
    expect([again.statusCode, runs()]).toEqual([status, 1]);
    if (status === 200) expect(again.payload === text).toBe(true);
    else
      expect(again.json()).toEqual({
        message: 'The request with this Idempotency-Key was carried out, and is not run again. Its answer was too large to be kept.',
      });
  });

  test('that streams is given, not kept, and not given twice', async () => {
    const { ask, runs } = await startOne(() => Readable.from(['{"a":', '1}']));
    expect((await ask()).payload).toBe('{"a":1}');
    expect([(await ask()).statusCode, runs()]).toEqual([409, 1]);
  });
});
