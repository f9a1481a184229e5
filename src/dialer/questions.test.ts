import { pino } from 'pino';
import { expect, test } from 'vitest';
import type { Carrier, EndedEvent } from '../carriers/carrier.ts';
import { createVirtualTime } from '../virtual-time.ts';
import type { Ledger, OpenQuestion } from './ledger.ts';
import { answerQuestions } from './questions.ts';

const NOW = new Date('2026-03-02T10:00:00Z');
const MINUTE = 60_000;

const question = (callId: number): OpenQuestion => ({
  callId,
  carrierCallId: `c${callId}`,
  to: '+12025550101',
  sentAt: new Date(NOW.getTime() - 60 * MINUTE),
  state: 'live',
  wasGone: false,
});

const SELF = { worker: 'w', carrier: 'test', ownRecord: true, deadMs: 10_000 };

const ended = (carrierCallId: string): EndedEvent => ({
  carrierCallId,
  dedupeKey: `${carrierCallId} ended`,
  at: NOW,
  body: { type: 'ended', outcome: 'busy', by: 'network', talkMs: 0 } as EndedEvent['body'],
});

/** Asks about calls 1 to 25; `keeps` says how the database takes the record of each. */
const ask = async (keeps: (callId: number) => Error | undefined) => {
  const kept: number[] = [];
  const givenUp: number[] = [];
  const ledger = {
    questions: async () => Array.from({ length: 25 }, (_, index) => question(index + 1)),
    record: async (_: string, [event]: { callId?: string }[]) => {
      const callId = Number(event?.callId);
      const error = keeps(callId);
      if (error !== undefined) throw error;
      kept.push(callId);
    },
    giveUp: async (ids: number[]) => {
      givenUp.push(...ids);
    },
  } as unknown as Ledger;
  const carrier = { kind: 'test', lookup: async (ref: { carrierCallId: string }) => ended(ref.carrierCallId) } as unknown as Carrier;
  const log = pino({ level: 'silent' });
  const schedule = createVirtualTime(NOW);
  const deps = { ledger, carrier, schedule, worker: 'w', placeTimeoutMs: 1000, log, isStopping: () => false };
  return { settled: await answerQuestions(deps, SELF, 15 * MINUTE, () => false), kept, givenUp };
};

test('a record that the database will never take costs no other call its answer, and its own call is given up in time', async () => {
  const { settled, kept, givenUp } = await ask((id) => (id === 1 ? Object.assign(new Error('bad text'), { code: '22P05' }) : undefined));
  expect([settled, kept.length, givenUp]).toEqual([true, 24, [1]]);
});

test('what an outage keeps from being recorded is asked again, and given up by nobody', async () => {
  const { settled, kept, givenUp } = await ask((id) => (id <= 12 ? new Error('connection lost') : undefined));
  expect([settled, kept.length, givenUp]).toEqual([true, 13, []]);
});

test('an accepted call of which the carrier says that it is gone is asked about once more, and then given up', async () => {
  const asked = [question(1), { ...question(2), wasGone: true }, { ...question(3), state: 'unknown' as const, sentAt: NOW }];
  const [gone, givenUp]: number[][] = [[], []];
  const ledger = {
    questions: async () => asked,
    gone: async (ids: number[]) => void gone?.push(...ids),
    giveUp: async (ids: number[]) => void givenUp?.push(...ids),
  } as unknown as Ledger;
  const carrier = { kind: 'test', lookup: async () => 'gone' } as unknown as Carrier;
  const log = pino({ level: 'silent' });
  const deps = { ledger, carrier, schedule: createVirtualTime(NOW), worker: 'w', placeTimeoutMs: 1000, log, isStopping: () => false };
  expect(await answerQuestions(deps, SELF, 15 * MINUTE, () => false)).toBe(true);
  expect([gone, givenUp]).toEqual([[1], [2]]);
});
