import Fastify from 'fastify';
import { expect, test } from 'vitest';
import { freshDatabase } from '../../test/support/db.ts';
import type { Readiness } from '../monitoring/readiness.ts';
import { healthRoutes } from './health.routes.ts';
import type { App } from './types.ts';

test('a server that listens is not ready before it has started', async () => {
  const { db } = await freshDatabase();
  const app = Fastify();
  let started = false;
  healthRoutes(app as unknown as App, { db, isStarted: () => started });
  const ask = async () => {
    const { statusCode, body } = await app.inject('/readyz');
    return [statusCode, body];
  };
  expect(await ask()).toEqual([503, '{"status":"starting"}']);
  expect((await app.inject('/healthz')).statusCode).toBe(200);
  started = true;
  expect(await ask()).toEqual([200, '{"status":"ready"}']);
  await app.close();
});

test('readiness is told with its checks: 200 when the process can work, 503 with the reasons when it cannot', async () => {
  const app = Fastify();
  const slow = { ok: false, required: false, reason: 'It informs.', figures: { age_seconds: 0.5 } };
  let answer: Readiness = { ready: true, checks: { carrier: slow } };
  healthRoutes(app as unknown as App, { db: undefined as never, readiness: async () => answer });
  const ask = async () => {
    const response = await app.inject('/readyz');
    return [response.statusCode, response.json()];
  };
  expect(await ask()).toEqual([200, { status: 'ready', checks: { carrier: slow } }]);
  answer = { ready: false, checks: { dialer: { ok: false, required: true, reason: 'It stands.' }, carrier: slow } };
  expect(await ask()).toEqual([503, { status: 'not ready', checks: answer.checks }]);
  answer = { ready: false, checks: { database: { ok: false, required: true, reason: 'did not answer within 2 s.' } } };
  expect(await ask()).toEqual([503, { status: 'database is not reachable', checks: answer.checks }]);
  await app.close();
});
