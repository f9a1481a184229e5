import { expect, test } from 'vitest';
import { countRefusal, isSpent, isStrike, MOST_AGAINST, MOST_IN_ALL, ownWaitMs, type Refusals } from './contact-refusals.ts';

const NOW = new Date('2026-03-02T10:00:00Z');
const after = (seconds: number): Date => new Date(NOW.getTime() + seconds * 1000);

test.each<[string, Refusals | undefined, Date | undefined, number]>([
  ['the first one says nothing of the contact', undefined, after(-1), 0],
  ['nor does another one in an outage', { against: 0, inAll: 1, at: after(-60) }, undefined, 0],
  ['nor one while the last acceptance is older than the last refusal', { against: 2, inAll: 7, at: after(-60) }, after(-61), 2],
  ['one after others were accepted does', { against: 2, inAll: 7, at: after(-60) }, after(-59), 3],
])('%s', (_name, last, acceptedAt, against) => {
  expect(countRefusal(last, acceptedAt, NOW)).toEqual({ against, inAll: (last?.inAll ?? 0) + 1, at: NOW });
});

test('an outage of the carrier costs no contact its call, and pauses the carrier each time', () => {
  let refusals: Refusals | undefined;
  for (let minute = 0; minute < 900; minute += 1) {
    refusals = countRefusal(refusals, after(-1), after(minute * 60));
    expect([isSpent(refusals), isStrike(refusals), ownWaitMs(refusals)]).toEqual([false, true, 0]);
  }
});

test('whatever the carrier says, a contact ends', () => {
  expect(isSpent({ against: 0, inAll: MOST_IN_ALL - 1, at: NOW })).toBe(false);
  expect(isSpent({ against: 0, inAll: MOST_IN_ALL, at: NOW })).toBe(true);
});

test('a contact that is refused while others are accepted waits longer each time, pauses nobody, and ends', () => {
  const waits: number[] = [];
  let refusals = countRefusal(undefined, undefined, NOW);
  let at = 0;
  while (!isSpent(refusals)) {
    const wait = ownWaitMs(refusals) / 1000;
    waits.push(wait);
    at += wait + 1;
    refusals = countRefusal(refusals, after(at - 0.5), after(at));
    expect(isStrike(refusals)).toBe(false);
  }
  expect(waits).toEqual([0, 5, 20, 80, 320, 900, 900, 900]);
  expect(refusals.against).toBe(MOST_AGAINST);
});
