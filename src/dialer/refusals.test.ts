import { expect, test } from 'vitest';
import type { RefusalReason } from './ledger.ts';
import { COUNT_EVERY, isCounted, ROWS_TO_FOLD, repeatedRefusal } from './refusals.ts';

const at = new Date('2026-03-02T10:00:00Z');
const row = (id: number, reason: RefusalReason, facts: Record<string, unknown> = {}) => ({ id, reason, facts, last_at: at });

test.each<[string, ReturnType<typeof row>[], RefusalReason, Record<string, unknown>, number | undefined]>([
  ['the first of all', [], 'outside_window', {}, undefined],
  ['the last one again', [row(1, 'outside_window', { opens_at: 'a' })], 'outside_window', { opens_at: 'a' }, 1],
  ['another night', [row(1, 'outside_window', { opens_at: 'a' })], 'outside_window', { opens_at: 'b' }, undefined],
  ['facts that are not told apart', [row(1, 'carrier_paused', { until: 'a' })], 'carrier_paused', {}, 1],
  ['a night, something else, and the night again', [row(2, 'no_number'), row(1, 'outside_window')], 'outside_window', {}, undefined],
  ['two limits in turn', [row(2, 'account_lines_full'), row(1, 'campaign_lines_full')], 'campaign_lines_full', {}, 1],
  [
    'all limits in turn',
    [row(5, 'number_rate'), row(4, 'carrier_rate'), row(3, 'campaign_rate'), row(2, 'account_lines_full'), row(1, 'campaign_lines_full')],
    'campaign_lines_full',
    {},
    1,
  ],
  [
    'a limit, a closed night, the limit again',
    [row(2, 'outside_window'), row(1, 'campaign_lines_full')],
    'campaign_lines_full',
    {},
    undefined,
  ],
  ['a night after a limit', [row(2, 'campaign_rate'), row(1, 'outside_window')], 'outside_window', {}, undefined],
])('%s', (_name, last, reason, same, id) => {
  expect(repeatedRefusal(last, reason, same)?.id).toBe(id);
});

test('as many rows are looked at as there are limits', () => {
  expect(ROWS_TO_FOLD).toBe(5);
});

test('it is counted once a minute', () => {
  expect(isCounted(row(1, 'carrier_rate'), new Date(at.getTime() + COUNT_EVERY - 1))).toBe(false);
  expect(isCounted(row(1, 'carrier_rate'), new Date(at.getTime() + COUNT_EVERY))).toBe(true);
});
