// The simulated carrier in another process, as a carrier. A request to call is sent once: what goes wrong before it has
// left is a certain refusal, and whatever goes wrong afterwards leaves the call unknown.
import { Agent, request as httpRequest } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CallRef, Carrier, CarrierContext, CarrierEvent, EndedEvent, PlaceCall, PlaceResult } from '../carrier.ts';
import { type EventsAnswer, fromWire, type LookupAnswer, type PlaceAnswer } from './wire.ts';

const POLL_WAIT_MS = 20_000;
const POLL_AGAIN_MS = 200;
const ASK_TIMEOUT_MS = 5_000;

/** Talks to the carrier process at a URL. */
export const createRemoteSimulatedCarrier = (url: string): Carrier => {
  const agent = new Agent({ keepAlive: true });
  // The calls that this client has placed and whose end it has not seen: what a stop waits for.
  const live = new Set<string>();
  const enders = new Set<() => void>();
  let accepting = false;
  let polling = new AbortController();
  let polled: Promise<void> = Promise.resolve();
  let cursor: string | undefined;

  const forget = (callId: string | undefined): void => {
    if (callId !== undefined) live.delete(callId);
    if (live.size === 0) for (const ender of enders) ender();
  };

  // Rejects for anything but a 200; `onLeave` is called when the request has a connection to leave by.
  const ask = (method: string, path: string, body: unknown, signal: AbortSignal, onLeave: () => void = () => {}): Promise<string> =>
    new Promise((resolve, reject) => {
      const headers = body === undefined ? {} : { 'content-type': 'application/json' };
      const asked = httpRequest(new URL(path, url), { method, headers, agent, signal }, (response) => {
        text(response).then((answer) => {
          if (response.statusCode === 200) resolve(answer);
          else reject(new Error(`the carrier answered ${response.statusCode}`));
        }, reject);
      });
      asked.once('socket', (socket) => {
        if (socket.connecting) socket.once('connect', onLeave);
        else onLeave();
      });
      asked.once('error', reject);
      asked.end(body === undefined ? undefined : JSON.stringify(body));
    });

  const place = async (call: PlaceCall, signal: AbortSignal): Promise<PlaceResult> => {
    if (!accepting)
      return { kind: 'rejected', scope: 'carrier', code: 'not_running', message: 'The simulated carrier takes no calls now.' };
    if (signal.aborted)
      return { kind: 'rejected', scope: 'carrier', code: 'aborted', message: 'The call was given up before it was sent.' };
    let hasLeft = false;
    // Before it is sent: the end may be heard of before the answer.
    live.add(call.callId);
    try {
      const leave = () => {
        hasLeft = true;
      };
      const answer: PlaceAnswer = JSON.parse(await ask('POST', '/place', call, signal, leave));
      if (answer.kind === 'rejected') forget(call.callId);
      return answer;
    } catch (error) {
      forget(call.callId);
      if (hasLeft) return { kind: 'unknown', error };
      const message = error instanceof Error ? error.message : 'no connection';
      return { kind: 'rejected', scope: 'carrier', code: 'unreachable', message: `The simulated carrier cannot be reached: ${message}` };
    }
  };

  const fetchEvents = async (waitMs: number, signal: AbortSignal): Promise<EventsAnswer> => {
    const query = new URLSearchParams({ wait: String(waitMs), ...(cursor === undefined ? {} : { after: cursor }) });
    const answer: EventsAnswer = JSON.parse(await ask('GET', `/events?${query}`, undefined, signal));
    return answer;
  };

  const take = async (context: CarrierContext, event: CarrierEvent): Promise<void> => {
    await context.emit(event);
    if (event.body.type === 'ended') forget(event.callId);
  };

  // Only the next request acknowledges what this one brought, and only when all of it is stored: whoever is killed in
  // between, or cannot store it, gets it again.
  const poll = async (context: CarrierContext, signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      try {
        const answer = await fetchEvents(POLL_WAIT_MS, signal);
        await Promise.all(answer.events.map((event) => take(context, fromWire<CarrierEvent>(event))));
        cursor = answer.cursor;
      } catch (error) {
        if (signal.aborted) return;
        context.log.warn({ err: error }, 'events of the simulated carrier are asked for again');
        await sleep(POLL_AGAIN_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  };

  const drained = (drainMs: number): Promise<void> =>
    new Promise((resolve) => {
      if (live.size === 0) return resolve();
      const timer = setTimeout(resolve, drainMs);
      enders.add(() => {
        clearTimeout(timer);
        resolve();
      });
    });

  return {
    kind: 'simulated',
    capabilities: { amd: 'native', media: false, transfer: false, recording: false, idempotentPlace: false, sharedRecord: true },
    start: async (context) => {
      polling = new AbortController();
      accepting = true;
      polled = poll(context, polling.signal);
    },
    // Calls that go on do so in the other process, and whoever asks next hears of them.
    stop: async ({ drainMs }) => {
      accepting = false;
      await drained(drainMs);
      polling.abort();
      await polled;
      // Acknowledges the last ones; if that fails they come again.
      if (cursor !== undefined) await fetchEvents(0, AbortSignal.timeout(ASK_TIMEOUT_MS)).catch(() => undefined);
      live.clear();
      enders.clear();
      agent.destroy();
    },
    health: async () => {
      try {
        const health: { ok: boolean; detail?: string } = JSON.parse(
          await ask('GET', '/health', undefined, AbortSignal.timeout(ASK_TIMEOUT_MS)),
        );
        return health;
      } catch (error) {
        return { ok: false, detail: error instanceof Error ? error.message : 'no connection' };
      }
    },
    place,
    hangup: async (carrierCallId, reason) => {
      await ask('POST', '/hangup', { carrierCallId, reason }, AbortSignal.timeout(ASK_TIMEOUT_MS));
    },
    lookup: async (ref: CallRef) => {
      const { found }: LookupAnswer = JSON.parse(await ask('POST', '/lookup', ref, AbortSignal.timeout(ASK_TIMEOUT_MS)));
      return typeof found === 'string' ? found : fromWire<EndedEvent>(found);
    },
  };
};
