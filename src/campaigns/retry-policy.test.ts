import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Disposition } from '../calls/disposition.ts';
import { type CallingWindow, isOpen } from './calling-window.ts';
import { WEEKDAYS } from './campaign.ts';
import { afterInterval, decideRetry, type RetryDecision, type RetryPolicy } from './retry-policy.ts';

const always: CallingWindow = { zone: 'UTC', days: WEEKDAYS, start: '00:00', end: '23:59' };
const policy: RetryPolicy = { maxRetries: 3, retryIntervalMinutes: 60, retryOnVoicemail: false, goal: null };
const endedAt = new Date('2026-03-02T12:00:30.500Z');

type Kind = RetryDecision['kind'];
// Columns: voicemail retry off and on without a goal, then off and on with one.
describe.each<[Disposition, Kind, Kind, Kind, Kind]>([
  ['no-answer', 'retry', 'retry', 'retry', 'retry'],
  ['busy', 'retry', 'retry', 'retry', 'retry'],
  ['failed', 'retry', 'retry', 'retry', 'retry'],
  ['declined', 'retry', 'retry', 'retry', 'retry'],
  ['canceled', 'retry', 'retry', 'retry', 'retry'],
  ['invalid-number', 'exhaust', 'exhaust', 'exhaust', 'exhaust'],
  ['voicemail', 'complete', 'retry', 'retry', 'retry'],
  ['reached', 'complete', 'complete', 'complete', 'complete'],
  ['goal-missed', 'complete', 'complete', 'retry', 'retry'],
  ['lost', 'exhaust', 'exhaust', 'exhaust', 'exhaust'],
])('%s', (disposition, ...kinds) => {
  test.each([
    [false, null, kinds[0]],
    [true, null, kinds[1]],
    [false, 'booked', kinds[2]],
    [true, 'booked', kinds[3]],
  ])('voicemail retry %s, goal %s: %s', (retryOnVoicemail, goal, kind) => {
    const kindAfter = (tries: number) => decideRetry({ ...policy, retryOnVoicemail, goal }, always, tries, disposition, endedAt).kind;
    expect([kindAfter(1), kindAfter(2)]).toEqual([kind, kind]);
    // At the last try, and beyond it when the limit was lowered meanwhile, what would be retried is exhausted.
    const last = kind === 'retry' ? 'exhaust' : kind;
    expect([kindAfter(3), kindAfter(4)]).toEqual([last, last]);
  });
});

test('a single attempt is the last one', () => {
  expect(decideRetry({ ...policy, maxRetries: 1 }, always, 1, 'busy', endedAt)).toEqual({ kind: 'exhaust' });
});

const office: CallingWindow = { zone: 'Europe/Bucharest', days: ['monday', 'tuesday'], start: '09:00', end: '18:00' };
test.each<[string, CallingWindow, number, string, string]>([
  ['counts from the end of the attempt, to the millisecond', always, 60, '2026-03-02T12:00:30.500Z', '2026-03-02T13:00:30.500Z'],
  ['the longest interval', always, 4320, '2026-03-02T12:00:00.000Z', '2026-03-05T12:00:00.000Z'],
  ['still inside the window', office, 10, '2026-03-02T15:50:59.999Z', '2026-03-02T16:00:59.999Z'],
  ['a moment too late: next morning', office, 10, '2026-03-02T15:51:00.000Z', '2026-03-03T07:00:00.000Z'],
  ['over the weekend', office, 60, '2026-03-03T15:30:00.000Z', '2026-03-09T07:00:00.000Z'],
  ['before it opens', office, 10, '2026-03-02T06:30:00.000Z', '2026-03-02T07:00:00.000Z'],
  ['a window that never opens: unmoved', { ...office, days: [] }, 60, '2026-03-02T12:00:00.000Z', '2026-03-02T13:00:00.000Z'],
])('%s', (_name, window, retryIntervalMinutes, ended, at) => {
  expect(decideRetry({ ...policy, retryIntervalMinutes }, window, 1, 'busy', new Date(ended))).toEqual({ kind: 'retry', at: new Date(at) });
  expect(afterInterval({ ...policy, retryIntervalMinutes }, window, new Date(ended))).toEqual(new Date(at));
});

test('whoever never answers is dialed exactly max_retries times, each an interval apart at least and inside the window', () => {
  const policies = fc.record({
    maxRetries: fc.integer({ min: 1, max: 5 }),
    retryIntervalMinutes: fc.integer({ min: 10, max: 4320 }),
    retryOnVoicemail: fc.boolean(),
    goal: fc.constantFrom(null, 'booked'),
  });
  fc.assert(
    fc.property(
      policies,
      fc.constantFrom(always, office),
      fc.constantFrom<Disposition>('busy', 'no-answer', 'failed'),
      (own, window, end) => {
        let tries = 1;
        let last = endedAt;
        for (;;) {
          const decision = decideRetry(own, window, tries, end, last);
          if (decision.kind !== 'retry') {
            expect(decision.kind).toBe('exhaust');
            break;
          }
          expect(decision.at.getTime() - last.getTime()).toBeGreaterThanOrEqual(own.retryIntervalMinutes * 60_000);
          expect(isOpen(window, decision.at)).toBe(true);
          last = decision.at;
          tries += 1;
        }
        expect(tries).toBe(own.maxRetries);
      },
    ),
    { numRuns: 200 },
  );
});
