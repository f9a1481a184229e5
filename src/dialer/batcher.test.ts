// What is put off comes again by itself until the end. Then whoever waits for it hears so, and nothing is left that could act later.
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createVirtualTime } from '../virtual-time.ts';
import { createBatcher } from './batcher.ts';

const START = new Date('2026-01-01T00:00:00Z');
const later = (ms: number): Date => new Date(START.getTime() + ms);

/** A batcher that puts off what is named here, and keeps the batches it was given. */
const batching = (held: Set<string>) => {
  const time = createVirtualTime(START);
  const batches: (readonly string[])[] = [];
  const take = createBatcher<string>(10, time, async (items) => {
    batches.push(items);
    return items.filter((item) => held.has(item));
  });
  return { time, batches, take };
};

test('an item that is held comes again, after longer pauses, and keeps no other waiting', async () => {
  const held = new Set(['held']);
  const { time, batches, take } = batching(held);
  const waiting = take('held');
  await take('free');
  await time.advanceTo(later(250));
  await turn();
  expect(time.next()).toEqual(later(750));
  held.clear();
  await time.advanceTo(later(750));
  await waiting;
  expect(batches).toEqual([['held'], ['free'], ['held'], ['held']]);
  expect(time.next()).toBeUndefined();
});

test('at the end, what is put off is rejected, and so is what is found held after it; nothing is left to wake up for', async () => {
  const { time, batches, take } = batching(new Set(['held', 'late']));
  const waiting = take('held').catch((error: unknown) => error);
  await turn();
  take.end();
  expect(await waiting).toBeInstanceOf(Error);
  await expect(take('late')).rejects.toThrow('before the end');
  await take('free');
  expect(batches).toEqual([['held'], ['late'], ['free']]);
  expect(time.next()).toBeUndefined();
});
