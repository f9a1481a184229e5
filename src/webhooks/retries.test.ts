import { expect, test } from 'vitest';
import { judge, type SendResult, type Verdict, WAITS } from './retries.ts';

const minutes = (n: number): number => n * 60_000;
const hours = (n: number): number => minutes(n * 60);

test('the schedule is the documented one', () => {
  expect(WAITS).toEqual([30_000, 60_000, 120_000, minutes(5), minutes(30), hours(2), hours(5), hours(10), hours(14), hours(20), hours(24)]);
});

const again = (waitMs: number, step: number): Verdict => ({ state: 'pending', waitMs, step });
const answer = (status: number): SendResult => ({ status, error: undefined });
const broken = (error: SendResult['error'], status?: number): SendResult => ({ status, error });

test.each<[string, SendResult, number, Verdict]>([
  ['200', answer(200), 0, { state: 'delivered' }],
  ['204 on the last step', answer(204), 11, { state: 'delivered' }],
  ['299', answer(299), 3, { state: 'delivered' }],
  ['303: it was not taken', answer(303), 0, again(30_000, 1)],
  ['400', answer(400), 0, again(30_000, 1)],
  ['404', answer(404), 1, again(60_000, 2)],
  ['429', answer(429), 2, again(120_000, 3)],
  ['500', answer(500), 3, again(minutes(5), 4)],
  ['500 near the end', answer(500), 10, again(hours(24), 11)],
  ['500 at the end', answer(500), 11, { state: 'failed' }],
  ['410', answer(410), 0, { state: 'failed' }],
  ['no answer', broken('timeout'), 0, again(30_000, 1)],
  ['no answer at the end', broken('dns_failed'), 11, { state: 'failed' }],
  ['a private address: it may be mended', broken('forbidden_destination'), 4, again(minutes(30), 5)],
  ['a redirect to nowhere', broken('bad_redirect', 302), 0, again(30_000, 1)],
  ['our own stop', broken('interrupted'), 7, again(0, 7)],
])('%s', (_, result, step, expected) => {
  expect(judge(result, step)).toEqual(expected);
});
