import { expect, test } from 'vitest';
import { addRemoved, cutoffsOf, REPORTABLE_DAYS, SHORT_RETENTION_DAYS } from './retention.ts';

const long = (months: number, now: string): string => cutoffsOf(months, new Date(now)).long.toISOString();

test.each<[number, string, string]>([
  [24, '2026-03-02T08:15:40.000Z', '2024-03-02T08:15:40.000Z'],
  [1, '2026-08-15T00:00:00.000Z', '2026-07-15T00:00:00.000Z'],
  [12, '2024-02-29T12:00:00.000Z', '2023-02-28T12:00:00.000Z'],
  [6, '2026-08-31T23:59:59.999Z', '2026-02-28T23:59:59.999Z'],
])('%i months before %s', (months, now, then) => {
  expect(long(months, now)).toBe(then);
});

test('a month is never shorter than 30 days', () => {
  expect(long(1, '2026-03-15T00:00:00.000Z')).toBe('2026-02-13T00:00:00.000Z');
});

test('what is kept a short time is kept 30 days', () => {
  expect(cutoffsOf(24, new Date('2026-03-31T00:00:00Z')).short.toISOString()).toBe('2026-03-01T00:00:00.000Z');
});

test('reports are dropped before the first ones of their call go', () => {
  expect(REPORTABLE_DAYS).toBeLessThan(SHORT_RETENTION_DAYS);
});

test('rows are added up by table', () => {
  expect(addRemoved({ calls: 1, leads: 2 }, { calls: 3, imports: 4 })).toEqual({ calls: 4, leads: 2, imports: 4 });
});
