import Fastify from 'fastify';
import { expect, test } from 'vitest';
import { freshDatabase } from '../../test/support/db.ts';
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
