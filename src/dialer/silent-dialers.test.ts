// After an outage of the database every dialer has been silent for as long. Whoever is back first must not take the others for dead.
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { createSimulatedCarrier } from '../carriers/simulated/simulated-carrier.ts';
import { createVirtualTime } from '../virtual-time.ts';
import { startDialer } from './dialer.ts';
import { DEAD_MS } from './dialers.store.ts';
import { createMemoryLedger } from './memory-ledger.ts';
import { runUntil, watchLedger } from './virtual-run.ts';

const START = new Date('2026-03-02T09:00:00Z');
const OUTAGE_MS = 15_000;

const setUp = async (outageMs: number, roundsFail = false) => {
  const time = createVirtualTime(START);
  const memory = createMemoryLedger({ campaigns: [], leads: [], blacklist: [] });
  const ends = new Date(START.getTime() + 5000 + outageMs);
  const isDown = () => time.now().getTime() >= START.getTime() + 5000 && time.now() < ends;
  const taken: number[] = [];
  const beats: number[] = [];
  const { ledger, busy } = watchLedger({
    ...memory,
    lapse: async (now) => {
      if (isDown() || roundsFail) throw new Error('no connection');
      return memory.lapse(now);
    },
    beat: async (self, now) => {
      if (isDown()) throw new Error('no connection');
      beats.push(now.getTime() - START.getTime());
      return memory.beat(self, now);
    },
    takeOver: async (self, now) => {
      taken.push(now.getTime() - START.getTime());
      return memory.takeOver(self, now);
    },
  });
  const carrier = createSimulatedCarrier({ scheduler: time });
  const dialer = await startDialer({ ledger, carrier, schedule: time, log: pino({ level: 'silent' }) });
  await runUntil(time, dialer, busy, new Date(START.getTime() + 60_000));
  return { taken, beats };
};

test('a dialer looks at its start, and each second', async () => {
  const { taken } = await setUp(0);
  expect(taken.slice(0, 3)).toEqual([0, 1000, 2000]);
});

test('after an outage it gives the others as long as it takes to be dead', async () => {
  const { taken } = await setUp(OUTAGE_MS);
  const back = 5000 + OUTAGE_MS;
  expect(taken.filter((at) => at >= 5000 && at < back + DEAD_MS - 1000)).toEqual([]);
  expect(taken.filter((at) => at >= back + DEAD_MS).length).toBeGreaterThan(10);
});

test('a dialer whose rounds fail half-way still says that it lives', async () => {
  const { beats } = await setUp(0, true);
  expect(beats.length).toBeGreaterThan(50);
});
