// How much a key may ask, what guessing keys comes to, and what is said when we fail.
import { Writable } from 'node:stream';
import { sql } from 'kysely';
import { type LoggerOptions, pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { type Answer, createApi, startApp, type TestApp } from '../../test/support/app.ts';
import { createLogger } from '../logger.ts';

const limitsOf = ({ headers }: Answer) => ['limit', 'remaining', 'reset'].map((name) => headers[`x-ratelimit-${name}`]);
const seconds = (t: TestApp) => t.clock.now.getTime() / 1000;
const failWith = (t: TestApp, token: string, remoteAddress?: string): Promise<Answer> =>
  createApi(t.app, token).request({ method: 'GET', url: '/api/user/me', ...(remoteAddress === undefined ? {} : { remoteAddress }) });

describe('the limit of a key', () => {
  test('every answer tells it; beyond it 429, and the clock fills it again', async () => {
    const t = await startApp({ http: { rateLimit: 2 } });
    const me = () => t.api.get('/api/user/me');
    const first = await me();
    expect([first.status, limitsOf(first)]).toEqual([200, ['20', '19', String(seconds(t) + 1)]]);
    const refused422 = await t.api.get('/api/user/leads?status=x');
    expect([refused422.status, limitsOf(refused422)[1]]).toEqual([422, '18']);
    for (let left = 17; left >= 0; left--) expect(limitsOf(await me())[1]).toBe(String(left));
    const refused = await me();
    expect([refused.status, refused.raw]).toEqual([429, '{"message":"Too Many Attempts.","retry_after":1}']);
    expect([refused.headers['retry-after'], ...limitsOf(refused)]).toEqual(['1', '20', '0', String(seconds(t) + 10)]);
    t.clock.advance(500);
    expect([(await me()).status, (await me()).status]).toEqual([200, 429]);
    t.clock.advance(10_000);
    expect(limitsOf(await me())).toEqual(['20', '19', String(Math.ceil(seconds(t) + 0.5))]);
  });

  test('is a key’s own, not the account’s', async () => {
    const t = await startApp({ http: { rateLimit: 0.1 } });
    const { token } = (await t.api.post('/api/user/api-keys', { name: 'second' })).body.api_key;
    const refused = await t.api.get('/api/user/me');
    expect([refused.status, refused.body.retry_after, refused.headers['retry-after']]).toEqual([429, 10, '10']);
    expect((await createApi(t.app, token).get('/api/user/me')).status).toBe(200);
    expect((await t.other.get('/api/user/me')).status).toBe(200);
  });

  test('nothing is done for who is refused', async () => {
    const t = await startApp({ http: { rateLimit: 0.1 } });
    await t.api.get('/api/user/me');
    expect((await t.api.put('/api/user/account', { name: 'Changed' })).status).toBe(429);
    expect((await t.other.get('/api/user/me')).status).toBe(200);
    expect(await t.db.selectFrom('accounts').select('name').orderBy('id').execute()).toEqual([{ name: 'Mine' }, { name: 'Other' }]);
  });

  test('0 is none', async () => {
    const t = await startApp();
    const answers = await Promise.all(Array.from({ length: 50 }, () => t.api.get('/api/user/me')));
    for (const { status, headers } of answers) expect([status, headers['x-ratelimit-limit']]).toEqual([200, undefined]);
  });
});

describe('guessing', () => {
  test('comes to an end for an address; a good key from there still works', async () => {
    const t = await startApp();
    const answers: Answer[] = [];
    for (let guess = 0; guess < 101; guess++) answers.push(await failWith(t, `1|guess${guess}`));
    expect(answers.slice(0, 100).map(({ status }) => status)).toEqual(Array.from({ length: 100 }, () => 401));
    expect(answers[0]?.headers['x-ratelimit-limit']).toBeUndefined();
    const refused = answers.at(-1);
    expect([refused?.status, refused?.body.retry_after, refused?.headers['retry-after']]).toEqual([429, 1, '1']);
    expect((await t.api.get('/api/user/me')).status).toBe(200);
    expect((await failWith(t, 'x', '192.0.2.7')).status).toBe(401);
    t.clock.advance(100);
    expect([(await failWith(t, 'x')).status, (await failWith(t, 'x')).status]).toEqual([401, 429]);
  });

  test('X-Forwarded-For is no way around it, unless a proxy is trusted', async () => {
    for (const [trustProxy, expected] of [
      [false, 429],
      [true, 401],
    ] as const) {
      const t = await startApp({ http: { trustProxy } });
      let last = 0;
      for (let guess = 0; guess < 101; guess++) {
        last = (await createApi(t.app, 'x').get('/api/user/me', { 'x-forwarded-for': `192.0.2.${guess}` })).status;
      }
      expect(last).toBe(expected);
    }
  });
});

describe('a failure of ours', () => {
  test('is a 500 with an id that the log has too, and says nothing else', async () => {
    const lines: string[] = [];
    const stream = new Writable({
      write: (chunk, _encoding, done) => {
        lines.push(String(chunk));
        done();
      },
    });
    // The server's own logger, but for where it writes to.
    const { [pino.symbols.serializersSym]: serializers } = createLogger('info') as unknown as Record<symbol, LoggerOptions['serializers']>;
    const t = await startApp({ logger: pino({ level: 'info', ...(serializers === undefined ? {} : { serializers }) }, stream) });
    await sql`alter table leads rename to leads_elsewhere`.execute(t.db);
    const answers = [
      await t.api.get('/api/user/leads?phone_number=%2B12025550143', { 'x-request-id': 'chosen-by-client' }),
      await t.api.put('/api/user/leads/5', { phone_number: '+12025550143', variables: { name: 'Mara Secret' } }),
    ];
    for (const { status, body, headers, raw } of answers) {
      const id = String(headers['x-request-id']);
      expect(status).toBe(500);
      expect(body).toEqual({ message: `Server Error. The log has the details under request ${id}.` });
      expect(id).toMatch(/^[0-9a-f-]{36}$/);
      expect(raw).not.toMatch(/leads|relation|select|stack/i);
      const logged = lines.map((line) => JSON.parse(line)).filter((line) => line.reqId === id && line.msg === 'request failed');
      expect(logged.map(({ err }) => [err.type, err.code, typeof err.stack])).toEqual([[expect.any(String), '42P01', 'string']]);
    }
    expect(lines.join('')).not.toMatch(/2025550143|Mara/);
    expect(lines.join('')).not.toContain(t.mine.token.split('|')[1]);
    // And it stands: what needs no leads goes on.
    expect((await t.api.get('/api/user/me')).status).toBe(200);
  });

  test('a database that is gone is not ready, and no key is called wrong', async () => {
    const t = await startApp();
    await sql`alter table api_keys rename to keys_elsewhere`.execute(t.db);
    expect((await t.api.get('/api/user/me')).status).toBe(500);
    expect((await t.api.get('/healthz')).body).toEqual({ status: 'ok' });
    expect((await t.api.get('/readyz')).body).toEqual({ status: 'ready' });
  });
});
