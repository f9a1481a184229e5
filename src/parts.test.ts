import { pino } from 'pino';
import { expect, test } from 'vitest';
import { createParts } from './parts.ts';

const silent = pino({ level: 'silent' });
const forever = new Promise<never>(() => {});
const after = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test('all are told at once, those added last first, and the database when they have ended', async () => {
  const heard: string[] = [];
  const part = (name: string, ms: number) => ({
    stop: async () => {
      heard.push(name);
      await after(ms);
      heard.push(`${name} ended`);
    },
  });
  const parts = createParts(silent, part('database', 0));
  parts.add('first', part('first', 60));
  parts.add('second', part('second', 10));
  const stopping = parts.stop();
  expect(heard).toEqual(['second', 'first']);
  expect(await stopping).toEqual([]);
  expect(heard).toEqual(['second', 'first', 'second ended', 'first ended', 'database', 'database ended']);
});

test('the deadline is one for all: whoever hangs is named, and the database has its time all the same', async () => {
  const lines: { msg: string; parts?: string[] }[] = [];
  const log = pino({ level: 'error' }, { write: (line) => lines.push(JSON.parse(line)) });
  let closed = false;
  const database = {
    stop: async () => {
      closed = true;
    },
  };
  const parts = createParts(log, database, 1600);
  parts.add('quick', { stop: async () => {} });
  parts.add('stuck', { stop: () => forever });
  const began = performance.now();
  expect(await parts.stop()).toEqual(['stuck']);
  expect([closed, performance.now() - began < 5000]).toEqual([true, true]);
  expect(lines).toMatchObject([{ parts: ['stuck'] }]);
});

test('a database that does not close is not waited for either', async () => {
  const parts = createParts(silent, { stop: () => forever }, 100);
  parts.add('api', { stop: async () => {} });
  expect(await parts.stop()).toEqual(['database']);
});

test('one that fails to stop costs the others nothing', async () => {
  let closed = false;
  const parts = createParts(silent, {
    stop: async () => {
      closed = true;
    },
  });
  parts.add('broken', {
    stop: async () => {
      throw new Error('no');
    },
  });
  expect([await parts.stop(), closed]).toEqual([['broken'], true]);
});

test('each is told how long it has', async () => {
  const told: number[] = [];
  const part = { stop: async (leftMs: number) => told.push(leftMs) };
  const parts = createParts(silent, part, 10_000);
  parts.add('work', part);
  await parts.stop();
  expect(told.map((ms) => Math.round(ms / 500) * 500)).toEqual([8500, 10_000]);
});
