import { expect, test } from 'vitest';
import { nextPause, type Pause, pauseAfterAccept } from './carrier-pause.ts';

const NOW = new Date('2026-03-02T10:00:00Z');
const after = (seconds: number): Date => new Date(NOW.getTime() + seconds * 1000);
const pause = (strikes: number, until: Date, askedUntil?: Date): Pause => ({ strikes, until, askedUntil });

test.each<[string, Pause | undefined, number | undefined, Pause]>([
  ['the first refusal', undefined, undefined, pause(1, after(1))],
  ['as long as the carrier says', undefined, 60_000, pause(1, after(60), after(60))],
  ['the next one after a pause', pause(2, NOW), undefined, pause(3, after(4))],
  ['what was under way when the pause began', pause(1, after(60), after(60)), undefined, pause(1, after(60), after(60))],
  ['a longer wish during a pause', pause(1, after(5)), 30_000, pause(1, after(30), after(30))],
  ['a shorter wish during a pause of our own', pause(5, after(16)), 2000, pause(5, after(16), after(2))],
  ['never longer than a minute by itself', pause(40, NOW), undefined, pause(41, after(60))],
  ['a strike while only a wish is left of the pause', pause(0, after(30), after(30)), undefined, pause(1, after(30), after(30))],
])('%s', (_name, last, retryAfterMs, next) => {
  expect(nextPause(last, { retryAfterMs, isStrike: true }, NOW)).toEqual(next);
});

test('a refusal that speaks against its contact alone is no strike; what the carrier asks for counts all the same', () => {
  expect(nextPause(undefined, { retryAfterMs: undefined, isStrike: false }, NOW)).toBeUndefined();
  expect(nextPause(undefined, { retryAfterMs: 1000, isStrike: false }, NOW)).toEqual(pause(0, after(1), after(1)));
  expect(nextPause(pause(3, after(2)), { retryAfterMs: undefined, isStrike: false }, NOW)).toEqual(pause(3, after(2)));
});

test('an accepted call ends our own back-off and the strikes, and not what the carrier has asked for', () => {
  expect(pauseAfterAccept(pause(6, after(30)), NOW)).toBeUndefined();
  expect(pauseAfterAccept(pause(6, after(30), NOW), NOW)).toBeUndefined();
  expect(pauseAfterAccept(pause(6, after(30), after(10)), NOW)).toEqual(pause(0, after(10), after(10)));
});
