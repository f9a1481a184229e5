// The carrier over HTTP: what is certain when a request fails and what is not, and that events wait for whoever stores them.
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { pino } from 'pino';
import { expect, onTestFinished, test, vi } from 'vitest';
import { realTime } from '../../scheduler.ts';
import type { Carrier, CarrierEvent, PlaceCall } from '../carrier.ts';
import { serveCarrier } from './carrier-server.ts';
import { createEventQueue } from './event-queue.ts';
import { createRemoteSimulatedCarrier } from './remote.ts';
import { createSimulatedCarrier } from './simulated-carrier.ts';

const log = pino({ level: 'silent' });
const clock = () => new Date();
const call = (callId: string, to = '+12025550150'): PlaceCall => ({
  callId,
  to,
  from: '+12025550100',
  ringTimeoutMs: 30_000,
  maxDurationMs: 60_000,
  amd: 'detect',
  record: false,
});
const never = new AbortController().signal;

const serve = async (speed = 0) => {
  const scheduler = realTime(clock);
  const carrier = createSimulatedCarrier({ scheduler, speed });
  const server = await serveCarrier(carrier, scheduler, log);
  onTestFinished(server.close);
  return { url: server.url, carrier };
};

const startClient = async (url: string, emit: (event: CarrierEvent) => Promise<void> = async () => {}): Promise<Carrier> => {
  const client = createRemoteSimulatedCarrier(url);
  await client.start({ emit, now: clock, log });
  onTestFinished(() => client.stop({ drainMs: 0 }));
  return client;
};

const listen = async (server: Server): Promise<string> => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
};

test('nobody listens: certain, nothing was sent', async () => {
  const server = createServer();
  const url = await listen(server);
  server.close();
  const client = await startClient(url);
  expect(await client.place(call('1'), never)).toMatchObject({ kind: 'rejected', code: 'unreachable' });
  expect(await client.health()).toMatchObject({ ok: false });
  await expect(client.lookup({ carrierCallId: 'x' })).rejects.toThrow();
});

test.each<[string, string | undefined]>([
  ['closes the connection', undefined],
  ['answers with a 500', 'HTTP/1.1 500 Oops\r\ncontent-length: 2\r\n\r\n{}'],
  ['answers with half an answer', 'HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{"kind":"acc'],
  ['answers with nonsense', 'HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nhm?'],
])('a carrier that hears the request and %s: unknown, and asked once', async (_, answer) => {
  let asked = 0;
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      if (!chunk.toString().startsWith('POST /place')) return;
      asked += 1;
      if (answer !== undefined) socket.write(answer);
      socket.end();
    });
  });
  const url = await listen(server);
  const client = await startClient(url);
  onTestFinished(() => void server.close());
  expect(await client.place(call('1'), never)).toMatchObject({ kind: 'unknown', error: expect.any(Error) });
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(asked).toBe(1);
});

test('a client that dies with events in its hands leaves them to the next', async () => {
  const { url } = await serve();
  const seen: CarrierEvent[] = [];
  const stuck = createRemoteSimulatedCarrier(url);
  await stuck.start({
    emit: (event) => {
      seen.push(event);
      return new Promise(() => {});
    },
    now: clock,
    log,
  });
  await stuck.place(call('1'), never);
  await vi.waitFor(() => expect(seen).toHaveLength(1));
  const stored: CarrierEvent[] = [];
  await startClient(url, async (event) => void stored.push(event));
  await vi.waitFor(() => expect(stored).toEqual(seen));
});

test('what was stored does not come again', async () => {
  const { url } = await serve();
  const stored: string[] = [];
  const first = await startClient(url, async (event) => void stored.push(event.dedupeKey));
  await first.place(call('1'), never);
  await first.stop({ drainMs: 5000 });
  expect(stored).toEqual(['sim-1-1/ended']);
  const again: string[] = [];
  const second = await startClient(url, async (event) => void again.push(event.dedupeKey));
  await second.place(call('2'), never);
  await vi.waitFor(() => expect(again).toEqual(['sim-2-1/ended']));
});

test('a script that hangs lets go when the client does, and the call goes on', async () => {
  const { url, carrier } = await serve();
  const client = await startClient(url);
  const aborter = new AbortController();
  const placing = client.place(call('1', '+12025550181'), aborter.signal);
  await vi.waitFor(() => expect(carrier.rings()).toHaveLength(1));
  aborter.abort();
  expect(await placing).toMatchObject({ kind: 'unknown' });
  await vi.waitFor(async () => expect(await client.lookup({ callId: '1', to: '', since: new Date(0) })).toMatchObject({ callId: '1' }));
});

test('what cannot be read is refused', async () => {
  const { url } = await serve();
  expect((await fetch(`${url}/place`, { method: 'POST', body: '{' })).status).toBe(400);
  expect((await fetch(`${url}/elsewhere`)).status).toBe(404);
});

test('a cursor of an earlier process acknowledges nothing here', async () => {
  const [before, queue] = [createEventQueue('old'), createEventQueue('new')];
  const event = (dedupeKey: string): CarrierEvent => ({ carrierCallId: 'x', dedupeKey, at: new Date(0), body: { type: 'answered' } });
  for (const key of ['a', 'b']) before.push(event(key));
  queue.push(event('c'));
  const { cursor } = await before.fetch(undefined, 0, never);
  const { events } = await queue.fetch(cursor, 0, never);
  expect(events.map(({ dedupeKey }) => dedupeKey)).toEqual(['c']);
});
