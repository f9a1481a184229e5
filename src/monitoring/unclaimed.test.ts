import { expect, test } from 'vitest';
import { type DialersAtWork, type DueCampaign, findNotClaimed, findOverdue, findWithoutDialer } from './unclaimed.ts';

// A Monday, in the middle of the window.
const NOW = new Date('2026-03-02T10:00:00Z');
const ago = (minutes: number): Date => new Date(NOW.getTime() - minutes * 60_000);
const WINDOW: DueCampaign['window'] = { zone: 'UTC', days: ['monday'], start: '09:00', end: '17:00' };
const DUE: DueCampaign = { id: 1, accountId: 1, window: WINDOW, dueAt: ago(60), changedAt: ago(60), linesFull: false };
const NOBODY: DialersAtWork = { alive: 0, free: 0, lastAt: ago(2) };
const ONE: DialersAtWork = { alive: 1, free: 1, lastAt: NOW };

test.each<[string, Partial<DueCampaign>, DialersAtWork, boolean]>([
  ['nobody dials', {}, NOBODY, true],
  ['nobody dials, and its lines are held by calls of the dead', { linesFull: true }, NOBODY, true],
  ['nobody has ever dialed', {}, { ...NOBODY, lastAt: undefined }, true],
  ['the window is closed', { window: { ...WINDOW, start: '11:00' } }, NOBODY, false],
  ['a dialer works', {}, ONE, false],
  ['a dialer works, and its carrier is left alone', {}, { ...ONE, free: 0 }, false],
])('no dialer: %s', (_, campaign, dialers, expected) => {
  const found = findWithoutDialer([{ ...DUE, ...campaign }], dialers, NOW);
  expect(found.map(({ reason, since }) => [reason, since])).toEqual(expected ? [['no_dialer', dialers.lastAt]] : []);
});

test.each<[string, Partial<DueCampaign>, DialersAtWork, boolean]>([
  ['due for an hour', {}, ONE, true],
  ['due for four minutes', { dueAt: ago(4) }, ONE, false],
  ['started or changed a moment ago', { changedAt: ago(4) }, ONE, false],
  ['its lines are full', { linesFull: true }, ONE, false],
  ['outside of the window', { window: { ...WINDOW, end: '09:30' } }, ONE, false],
  ['the window has opened a moment ago, after a night full of due leads', { window: { ...WINDOW, start: '09:57' } }, ONE, false],
  ['the carrier of every dialer is left alone', {}, { ...ONE, free: 0 }, false],
  ['nobody dials: that is the other reason', {}, NOBODY, false],
])('overdue: %s', (_, campaign, dialers, expected) => {
  expect(findOverdue([{ ...DUE, ...campaign }], dialers, NOW)).toHaveLength(expected ? 1 : 0);
});

test('a dialer that has come to a campaign of late, to call or to refuse, is no silence', () => {
  const found = (signs: [number, Date][]) => findNotClaimed([DUE], new Map(signs), NOW).map(({ reason, since }) => [reason, since]);
  expect(found([])).toEqual([['not_claimed', undefined]]);
  expect(found([[1, ago(6)]])).toEqual([['not_claimed', ago(6)]]);
  expect(found([[1, ago(4)]])).toEqual([]);
});
