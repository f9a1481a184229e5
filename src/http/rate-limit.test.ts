import { describe, expect, test } from 'vitest';
import { createRateLimiter, RateLimitError, takeToken } from './rate-limit.ts';

const T = 1_750_000_000_000;
const at = (tokens: number) => ({ tokens, filledAt: T });

describe('takeToken', () => {
  test.each([
    // before, rate, burst, seconds later -> allowed, remaining, retryAfter, resetAt - now
    ['a new bucket is full', undefined, 1, 3, 0, true, 2, 1, 1],
    ['the last token', at(1), 1, 3, 0, true, 0, 1, 3],
    ['none left', at(0), 1, 3, 0, false, 0, 1, 3],
    ['not quite one', at(0.9), 1, 3, 0, false, 0, 1, 3],
    ['one came back', at(0), 1, 3, 1, true, 0, 1, 3],
    ['it never holds more than it can', at(0), 1, 3, 1000, true, 2, 1, 1],
    ['a slow rate waits long', at(0), 0.2, 3, 0, false, 0, 5, 15],
    ['but never says more than ten seconds', at(0), 0.01, 1, 0, false, 0, 10, 100],
    ['a clock set back takes nothing away', at(2), 1, 3, -500, true, 1, 1, 2],
    ['nor gives', at(0), 1, 3, -500, false, 0, 1, 3],
  ])('%s', (_name, before, rate, burst, seconds, allowed, remaining, retryAfter, reset) => {
    const now = T + seconds * 1000;
    const { bucket, allowance } = takeToken(before, { rate, burst }, now);
    expect(allowance).toEqual({ allowed, remaining, retryAfter, resetAt: Math.ceil(now / 1000 + reset) });
    expect(bucket.filledAt).toBe(now);
  });
});

describe('createRateLimiter', () => {
  test('counts each name on its own, and fills with the clock', () => {
    let now = T;
    const limiter = createRateLimiter({ rate: 2, burst: 2 }, () => new Date(now));
    const allowed = (name: string) => limiter.take(name).allowed;
    expect([allowed('a'), allowed('a'), allowed('a'), allowed('b')]).toEqual([true, true, false, true]);
    now += 500;
    expect([allowed('a'), allowed('a')]).toEqual([true, false]);
  });

  test('over time a name gets the burst and the rate, no more', () => {
    let now = T;
    const limiter = createRateLimiter({ rate: 5, burst: 10 }, () => new Date(now));
    let passed = 0;
    for (let step = 0; step < 1000; step++) {
      if (limiter.take('a').allowed) passed++;
      now += 10;
    }
    expect(passed).toBeGreaterThanOrEqual(59);
    expect(passed).toBeLessThanOrEqual(60);
  });

  test('an empty bucket is not forgotten among tens of thousands of others', () => {
    let now = T;
    const limiter = createRateLimiter({ rate: 1, burst: 1 }, () => new Date(now));
    limiter.take('a');
    for (let index = 0; index < 25_000; index++) limiter.take(`address ${index}`);
    expect(limiter.take('a').allowed).toBe(false);
    now += 1000;
    expect(limiter.take('a').allowed).toBe(true);
  });
});

test('a refusal speaks the framework’s sentence', () => {
  expect(new RateLimitError(3)).toMatchObject({ message: 'Too Many Attempts.', retryAfter: 3 });
});
