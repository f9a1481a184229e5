import { expect, test } from 'vitest';
import { sparsely } from './sparsely.ts';

test('the first is said at once, the next when the time has passed, and also when the clock was set back', () => {
  let now = 0;
  const said: number[] = [];
  const say = sparsely({ now: () => new Date(now) }, 1000, (n: number) => void said.push(n));
  for (const [at, n] of [
    [5000, 1],
    [5999, 2],
    [6000, 3],
    [100, 4],
    [200, 5],
  ] as const) {
    now = at;
    say(n);
  }
  expect(said).toEqual([1, 3, 4]);
});
