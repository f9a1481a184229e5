import { expect, test } from 'vitest';
import { nextPause } from './carrier-pause.ts';

const NOW = new Date('2026-03-02T10:00:00Z');
const after = (seconds: number): Date => new Date(NOW.getTime() + seconds * 1000);

test.each<[string, Parameters<typeof nextPause>[0], number | undefined, ReturnType<typeof nextPause>]>([
  ['the first refusal', undefined, undefined, { strikes: 1, until: after(1) }],
  ['as long as the carrier says', undefined, 60_000, { strikes: 1, until: after(60) }],
  ['the next one after a pause', { strikes: 2, until: NOW }, undefined, { strikes: 3, until: after(4) }],
  ['what was under way when the pause began', { strikes: 1, until: after(60) }, undefined, { strikes: 1, until: after(60) }],
  ['a longer wish during a pause', { strikes: 1, until: after(5) }, 30_000, { strikes: 1, until: after(30) }],
  ['never longer than a minute by itself', { strikes: 40, until: NOW }, undefined, { strikes: 41, until: after(60) }],
])('%s', (_name, last, retryAfterMs, next) => {
  expect(nextPause(last, retryAfterMs, NOW)).toEqual(next);
});
