import { expect, test } from 'vitest';
import { dayStart, nextDay, toIsoMicro, toSpaceDateTime } from './wire-time.ts';

test.each([
  ['2025-06-30T11:18:04Z', '2025-06-30 11:18:04', '2025-06-30T11:18:04.000000Z'],
  ['2025-06-30T11:18:04.987Z', '2025-06-30 11:18:04', '2025-06-30T11:18:04.987000Z'],
  ['2025-12-31T23:59:59.999-02:00', '2026-01-01 01:59:59', '2026-01-01T01:59:59.999000Z'],
])('%s', (instant, blank, iso) => {
  const at = new Date(instant);
  expect([toSpaceDateTime(at), toIsoMicro(at)]).toEqual([blank, iso]);
});

test.each([
  ['2026-03-02', '2026-03-02T00:00:00.000Z', '2026-03-03T00:00:00.000Z'],
  ['2028-02-29', '2028-02-29T00:00:00.000Z', '2028-03-01T00:00:00.000Z'],
  ['2025-12-31', '2025-12-31T00:00:00.000Z', '2026-01-01T00:00:00.000Z'],
  ['0001-01-01', '0001-01-01T00:00:00.000Z', '0001-01-02T00:00:00.000Z'],
  ['9999-12-31', '9999-12-31T00:00:00.000Z', undefined],
])('the day %s', (text, start, next) => {
  const day = dayStart(text);
  expect(day?.toISOString()).toBe(start);
  expect(day && nextDay(day)?.toISOString()).toBe(next);
});

test.each([
  ['2026-02-30'],
  ['2027-02-29'],
  ['2026-13-01'],
  ['2026-00-10'],
  ['0000-01-01'],
  ['2026-3-2'],
  ['26-03-02'],
  ['02.03.2026'],
  ['2026-03-02T00:00:00Z'],
  ['2026-03-02 '],
  ['+02026-03-02'],
  ['today'],
  [''],
])('%o is no day', (text) => {
  expect(dayStart(text)).toBeUndefined();
});
