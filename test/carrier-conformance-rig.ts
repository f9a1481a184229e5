// The simulated carrier for tests: on virtual time with everything it tells, and the numbers that the conformance suite dials.
import { pino } from 'pino';
import type { CarrierEvent, PlaceCall, PlaceResult } from '../src/carriers/carrier.ts';
import { createSimulatedCarrier, type SimulatedCarrierOptions } from '../src/carriers/simulated/simulated-carrier.ts';
import { createVirtualTime } from '../src/virtual-time.ts';
import type { RigNumbers } from './carrier-conformance.ts';

/** By the table of last digits. */
export const SIMULATED_NUMBERS: RigNumbers = {
  answered: '+12025550101',
  busy: '+12025550150',
  noAnswer: '+12025550160',
  declined: '+12025550155',
  invalid: '+12025550174',
  rejected: '+12025550180',
  numberRefused: { to: '+12025550101', vars: { simulation: JSON.stringify({ mix: { number_refused: 1 } }) } },
  replyLost: '+12025550183',
  hangs: '+12025550182',
  ringsOn: '+12025550169',
  talksOn: '+12025550179',
};

/** When virtual time begins. */
export const START = new Date('2026-03-02T09:00:00Z');
/** An assistant's post_call_schema. */
export const FIELDS = [
  { name: 'interested', type: 'bool', description: 'Is there interest?' },
  { name: 'budget', type: 'number', description: 'How much?' },
  { name: 'summary', type: 'string', description: 'In short' },
];

/** A call whose goal is `interested`. */
export const request = (callId: string, to: string, more: Partial<PlaceCall> = {}): PlaceCall => ({
  callId,
  to,
  from: '+12025550100',
  ringTimeoutMs: 30_000,
  maxDurationMs: 60_000,
  amd: 'detect',
  record: false,
  vars: { post_call_schema: JSON.stringify(FIELDS), goal: 'interested' },
  ...more,
});

/** An event as it was told. */
export interface Told {
  /** Milliseconds after the start, of the telling and not of the event. */
  at: number;
  event: CarrierEvent;
}

/** A started carrier on virtual time, and what it tells. */
export const setUp = async (options: Omit<SimulatedCarrierOptions, 'scheduler'> = {}, fails: () => boolean = () => false) => {
  const time = createVirtualTime(START);
  const carrier = createSimulatedCarrier({ scheduler: time, ...options });
  const told: Told[] = [];
  const emit = async (event: CarrierEvent) => {
    if (fails()) throw new Error('not stored');
    told.push({ at: time.now().getTime() - START.getTime(), event });
  };
  await carrier.start({ emit, now: time.now, log: pino({ level: 'silent' }) });
  const runOut = async () => {
    for (let next = time.next(); next !== undefined; next = time.next()) await time.advanceTo(next);
  };
  const types = () => told.map(({ event }) => event.body.type);
  return { time, carrier, told, runOut, types };
};

/** Two digits. */
export const pad = (digits: number): string => String(digits).padStart(2, '0');

/** A call from beginning to end: how the request was answered, and what was told. */
export const callOf = async (digits: number, more: Partial<PlaceCall> = {}) => {
  const { carrier, told, runOut, types, time } = await setUp();
  const aborter = new AbortController();
  const call = request('7', `+120255501${pad(digits)}`, more);
  let result: PlaceResult | undefined;
  const placing = carrier.place(call, aborter.signal).then((answer) => {
    result = answer;
  });
  await new Promise(setImmediate);
  const answeredAtOnce = result !== undefined;
  await runOut();
  aborter.abort();
  await placing;
  const found = await carrier.lookup({ callId: '7', to: call.to, since: START });
  const bodyOf = (type: string) => told.find(({ event }) => event.body.type === type)?.event.body;
  return {
    result,
    answeredAtOnce,
    told,
    types: types(),
    found,
    rings: carrier.rings(),
    bodyOf,
    tookMs: time.now().getTime() - START.getTime(),
  };
};
