// Files over a real connection: what they are called, and what a stop does with those that are being read.
import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import Fastify, { type FastifyInstance } from 'fastify';
import { expect, onTestFinished, test } from 'vitest';
import { addAttachments } from './attachment.ts';

const endless = function* (): Generator<string> {
  for (;;) yield 'a,b\r\n'.repeat(10_000);
};

const serve = async (
  file: Readable,
  before = async (): Promise<unknown> => undefined,
): Promise<{ app: FastifyInstance; ask: (method: string) => Promise<IncomingMessage> }> => {
  const app = Fastify({ forceCloseConnections: 'idle' });
  addAttachments(app);
  app.get('/file', async (request, reply) => {
    await before();
    return app.sendAttachment(request, reply, { name: 'leads.csv', type: 'text/csv; charset=utf-8', file });
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
  onTestFinished(() => app.close());
  const { port } = app.server.address() as AddressInfo;
  const ask = async (method: string): Promise<IncomingMessage> => {
    const [response] = await once(http.request({ port, path: '/file', method, agent: false }).end(), 'response');
    return response;
  };
  return { app, ask };
};

test('a file has its name and its type', async () => {
  const { ask } = await serve(Readable.from(['a,b\r\n', '1,2\r\n'], { objectMode: false }));
  const response = await ask('GET');
  expect(response.headers).toMatchObject({
    'content-type': 'text/csv; charset=utf-8',
    'content-disposition': 'attachment; filename="leads.csv"',
  });
  expect((await buffer(response)).toString()).toBe('a,b\r\n1,2\r\n');
});

test('a HEAD reads nothing of it', async () => {
  const file = Readable.from(endless(), { objectMode: false });
  const { ask } = await serve(file);
  const response = await ask('HEAD');
  expect([response.statusCode, response.headers['content-type']]).toEqual([200, 'text/csv; charset=utf-8']);
  expect(file.destroyed).toBe(true);
});

test('a stop lets a slow reader see the file break off', async () => {
  const { app, ask } = await serve(Readable.from(endless(), { objectMode: false }));
  const response = await ask('GET');
  response.pause();
  await app.close();
  await expect(buffer(response)).rejects.toThrow('aborted');
});

test('nor does it wait for one that begins only then', async () => {
  let asked = () => {};
  const arrived = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const { app, ask } = await serve(Readable.from(endless(), { objectMode: false }), async () => {
    asked();
    // Longer than a stop leaves to files.
    await pause(3500);
  });
  const answer = ask('GET');
  await arrived;
  await app.close();
  const response = await answer;
  expect([response.statusCode, (await buffer(response)).toString()]).toEqual([503, '{"message":"The server stops."}']);
});
