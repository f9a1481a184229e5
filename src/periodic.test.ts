import { expect, test, vi } from 'vitest';
import { startPeriodic } from './periodic.ts';

test('a round at once and then again and again, never two at a time; a failure is reported and ends nothing', async () => {
  let rounds = 0;
  let atOnce = 0;
  let most = 0;
  const errors: unknown[] = [];
  const work = startPeriodic(
    1,
    async () => {
      atOnce += 1;
      most = Math.max(most, atOnce);
      await new Promise((resolve) => setTimeout(resolve, 5));
      atOnce -= 1;
      rounds += 1;
      if (rounds === 2) throw new Error('once');
    },
    (error) => void errors.push(error),
  );
  await vi.waitFor(() => expect(rounds).toBeGreaterThan(3));
  await work.stop();
  const done = rounds;
  await new Promise((resolve) => setTimeout(resolve, 10));
  expect([most, errors.length, rounds]).toEqual([1, 1, done]);
});

test('a stop waits for the round at hand, which is told', async () => {
  let ended = false;
  const work = startPeriodic(
    1000,
    async (isStopping) => {
      while (!isStopping()) await new Promise((resolve) => setTimeout(resolve, 1));
      ended = true;
    },
    () => {},
  );
  await work.stop();
  expect(ended).toBe(true);
});
