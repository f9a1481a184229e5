import { pino } from 'pino';
import { expect, test } from 'vitest';
import type { CallingWindow } from '../campaigns/calling-window.ts';
import type { Carrier } from '../carriers/carrier.ts';
import { createVirtualTime } from '../virtual-time.ts';
import type { Ledger, RejectedCall, Reservation } from './ledger.ts';
import { createPlacing } from './place-calls.ts';

const WINDOW: CallingWindow = { zone: 'UTC', days: ['monday'], start: '09:00:00', end: '17:00:00' };

/** Places two calls, one within the window, and one of make_call. @returns what the carrier got and what was taken back. */
const place = async (at: string, sendTakesMs: number, isStopping: (now: Date) => boolean = () => false) => {
  const time = createVirtualTime(new Date(at));
  const placed: string[] = [];
  const rejected: RejectedCall[] = [];
  const released: number[] = [];
  const ledger = {
    send: async (ids: number[]) => {
      await time.advanceTo(new Date(time.now().getTime() + sendTakesMs));
      return ids;
    },
    release: async (ids: number[]) => void released.push(...ids),
    accepted: async () => false,
    rejected: async (calls: RejectedCall[]) => void rejected.push(...calls),
  } as unknown as Ledger;
  const carrier = {
    place: async ({ callId }: { callId: string }) => {
      placed.push(callId);
      return { kind: 'accepted', carrierCallId: `c${callId}` };
    },
  } as unknown as Carrier;
  const log = pino({ level: 'silent' });
  const reservation = (callId: number, window: CallingWindow | undefined): Reservation => ({
    callId,
    window,
    place: { callId: String(callId) } as Reservation['place'],
  });
  await createPlacing({
    ledger,
    carrier,
    schedule: time,
    worker: 'w',
    placeTimeoutMs: 10_000,
    log,
    isStopping: () => isStopping(time.now()),
  })([reservation(1, WINDOW), reservation(2, undefined)]);
  return { placed, released, rejected };
};

test('within the window both leave', async () => {
  expect(await place('2026-03-02T10:00:00Z', 100)).toEqual({ placed: ['1', '2'], released: [], rejected: [] });
});

test('a window that is closed already: it is given back unsent', async () => {
  expect(await place('2026-03-02T17:01:00Z', 100)).toEqual({ placed: ['2'], released: [1], rejected: [] });
});

test('a window that closes while the database is asked: nothing leaves, and the carrier is not to blame', async () => {
  const { placed, rejected } = await place('2026-03-02T17:00:59.950Z', 100);
  expect([placed, rejected]).toEqual([
    ['2'],
    [{ callId: 1, code: 'window_closed', scope: 'carrier', retryAfterMs: undefined, ours: true }],
  ]);
});

test('a database that takes too long to agree: nothing leaves at all', async () => {
  const { placed, rejected } = await place('2026-03-02T10:00:00Z', 10_000);
  expect(placed).toEqual([]);
  expect(rejected.map(({ callId, code, ours }) => [callId, code, ours])).toEqual([
    [1, 'sent_too_late', true],
    [2, 'sent_too_late', true],
  ]);
});

test('a dialer that stops: nothing is asked to be sent, and the campaign’s is given back', async () => {
  expect(await place('2026-03-02T10:00:00Z', 100, () => true)).toEqual({ placed: [], released: [1], rejected: [] });
});

test('a dialer that is stopped while the database is asked: nothing leaves, and the tries are taken back', async () => {
  const stopped = new Date('2026-03-02T10:00:00.050Z');
  const { placed, rejected } = await place('2026-03-02T10:00:00Z', 100, (now) => now >= stopped);
  expect(placed).toEqual([]);
  expect(rejected.map(({ callId, code, ours }) => [callId, code, ours])).toEqual([
    [1, 'dialer_stopped', true],
    [2, 'dialer_stopped', true],
  ]);
});
