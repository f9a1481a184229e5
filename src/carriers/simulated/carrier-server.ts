// A simulated carrier over HTTP, on loopback: what a dialer talks to when its carrier is to outlive it.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import type { Logger } from 'pino';
import type { Scheduler } from '../../scheduler.ts';
import type { PlaceCall } from '../carrier.ts';
import { createEventQueue } from './event-queue.ts';
import type { SimulatedCarrier } from './simulated-carrier.ts';
import { type EventsAnswer, type LookupAnswer, type RefOnWire, toRef } from './wire.ts';

/** A carrier that is being served. */
export interface CarrierServer {
  readonly url: string;
  close(): Promise<void>;
}

const LONGEST_WAIT_MS = 30_000;

type Answer = (request: IncomingMessage, signal: AbortSignal) => Promise<unknown>;

/** Serves a carrier, which it starts and, in the end, stops. Port 0: any that is free. */
export const serveCarrier = async (carrier: SimulatedCarrier, scheduler: Scheduler, log: Logger, port = 0): Promise<CarrierServer> => {
  const queue = createEventQueue(scheduler.now().getTime().toString(36));
  await carrier.start({ emit: async (event) => queue.push(event), now: scheduler.now, log });

  const answers: Record<string, Answer> = {
    'POST /place': async (request, signal) => {
      const call: PlaceCall = JSON.parse(await text(request));
      const result = await carrier.place(call, signal);
      // The reply that a script loses, or that nobody waits for any longer.
      return result.kind === 'unknown' ? undefined : result;
    },
    'POST /hangup': async (request) => {
      const { carrierCallId, reason }: { carrierCallId: string; reason: string } = JSON.parse(await text(request));
      await carrier.hangup(carrierCallId, reason);
      return {};
    },
    'POST /lookup': async (request): Promise<LookupAnswer> => {
      const ref: RefOnWire = JSON.parse(await text(request));
      const found = await carrier.lookup(toRef(ref));
      return { found: typeof found === 'string' ? found : { ...found, at: found.at.toISOString() } };
    },
    'GET /events': async (request, signal): Promise<EventsAnswer> => {
      const query = new URL(request.url ?? '', 'http://localhost').searchParams;
      const waitMs = Math.min(Number(query.get('wait') ?? 0) || 0, LONGEST_WAIT_MS);
      const { events, cursor } = await queue.fetch(query.get('after') ?? undefined, waitMs, signal);
      return { events: events.map((event) => ({ ...event, at: event.at.toISOString() })), cursor };
    },
    'GET /rings': async () => carrier.rings(),
    'GET /health': () => carrier.health(),
  };

  const respond = (response: ServerResponse, status: number, body: unknown): void => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    const answer = answers[`${request.method} ${(request.url ?? '').split('?')[0]}`];
    if (answer === undefined) return respond(response, 404, { message: 'There is nothing here.' });
    try {
      const body = await answer(request, gone.signal);
      if (body === undefined) response.destroy();
      else respond(response, 200, body);
    } catch (error) {
      respond(response, 400, { message: error instanceof Error ? error.message : 'The request cannot be read.' });
    }
  };

  const server = createServer((request, response) => void handle(request, response));
  // Connections stay open: one that was closed just as a request left would make a call unknown that nobody has heard of.
  server.keepAliveTimeout = 0;
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const bound = typeof address === 'object' && address !== null ? address.port : port;

  return {
    url: `http://127.0.0.1:${bound}`,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
      await carrier.stop({ drainMs: 0 });
    },
  };
};
