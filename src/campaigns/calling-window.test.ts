import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CallingWindow, isOpen, localTime, nextOpening } from './calling-window.ts';
import { WEEKDAYS, type Weekday } from './campaign.ts';

const MINUTE = 60_000;
const at = (text: string) => new Date(text);
const windowOf = (zone: string, start: string, end: string, days: readonly Weekday[] = WEEKDAYS): CallingWindow => ({
  zone,
  days,
  start,
  end,
});
const office = windowOf('Europe/Bucharest', '09:00:00', '18:00:00', ['monday', 'friday']);
const night = windowOf('UTC', '22:00', '02:00', ['friday']);
const minute = windowOf('UTC', '12:30', '12:30');
const always = windowOf('Asia/Kathmandu', '00:00', '23:59');

test.each<[string, CallingWindow, string, boolean]>([
  // 2026-03-02 is a monday; Bucharest is two hours ahead.
  ['the last moment before', office, '2026-03-02T06:59:59.999Z', false],
  ['the first moment', office, '2026-03-02T07:00:00.000Z', true],
  ['in the middle', office, '2026-03-02T12:00:00.000Z', true],
  ['the end, to the minute', office, '2026-03-02T16:00:00.000Z', true],
  ["the end's own minute", office, '2026-03-02T16:00:59.999Z', true],
  ['a minute past the end', office, '2026-03-02T16:01:00.000Z', false],
  ['another day', office, '2026-03-03T12:00:00.000Z', false],
  ['over midnight: in the evening', night, '2026-03-06T22:00:00Z', true],
  ['over midnight: before midnight', night, '2026-03-06T23:59:59.999Z', true],
  ['over midnight: after midnight it is still of friday', night, '2026-03-07T00:00:00Z', true],
  ['over midnight: its last minute', night, '2026-03-07T02:00:59Z', true],
  ['over midnight: past it', night, '2026-03-07T02:01:00Z', false],
  ['over midnight: the early hours of friday are of thursday', night, '2026-03-06T01:00:00Z', false],
  ['over midnight: saturday evening is of saturday', night, '2026-03-07T23:00:00Z', false],
  ['over midnight: sunday into monday', { ...night, days: ['sunday'] }, '2026-03-09T01:59:00Z', true],
  ['start == end: a minute before', minute, '2026-03-02T12:29:59.999Z', false],
  ['start == end: that minute', minute, '2026-03-02T12:30:00Z', true],
  ['start == end: to its last moment', minute, '2026-03-02T12:30:59.999Z', true],
  ['start == end: a minute after', minute, '2026-03-02T12:31:00Z', false],
  ['the whole day: the last minute too', always, '2026-03-02T18:14:59.999Z', true],
  ['the whole day: and the first', always, '2026-03-02T18:15:00Z', true],
  ['the minute after end == start - 1: no gap', windowOf('UTC', '10:00', '09:59'), '2026-03-02T10:00:00Z', true],
  ['seconds of the settings do not matter', windowOf('UTC', '09:00:59', '09:00:01'), '2026-03-02T09:00:30Z', true],
  ['no day', windowOf('UTC', '00:00', '23:59', []), '2026-03-02T12:00:00Z', false],
  ['an unknown zone', windowOf('Mars/Olympus', '00:00', '23:59'), '2026-03-02T12:00:00Z', false],
  ['a bare offset', windowOf('+02:00', '00:00', '23:59'), '2026-03-02T12:00:00Z', false],
  ['no time of day', windowOf('UTC', '9', '24:00'), '2026-03-02T12:00:00Z', false],
])('%s', (_name, window, now, open) => {
  expect(isOpen(window, at(now))).toBe(open);
  if (open) expect(nextOpening(window, at(now))).toEqual(at(now));
});

test.each<[string, CallingWindow, string, string | undefined]>([
  ['open now', office, '2026-03-02T07:00:00.001Z', '2026-03-02T07:00:00.001Z'],
  ['later today', office, '2026-03-02T06:12:34.567Z', '2026-03-02T07:00:00.000Z'],
  ['on the next allowed day', office, '2026-03-02T16:01:00.000Z', '2026-03-06T07:00:00.000Z'],
  ['over the weekend', office, '2026-03-06T20:00:00.000Z', '2026-03-09T07:00:00.000Z'],
  ['summer time comes between', office, '2026-03-27T20:00:00.000Z', '2026-03-30T06:00:00.000Z'],
  ['winter time comes between', office, '2026-10-23T20:00:00.000Z', '2026-10-26T07:00:00.000Z'],
  ['a week less a minute', windowOf('UTC', '12:30', '12:30', ['monday']), '2026-03-02T12:31:00Z', '2026-03-09T12:30:00Z'],
  ['in the evening of the day', night, '2026-03-06T03:00:00Z', '2026-03-06T22:00:00Z'],
  ['no day', { ...office, days: [] }, '2026-03-02T12:00:00Z', undefined],
  ['an unknown zone', { ...office, zone: 'Mars/Olympus' }, '2026-03-02T12:00:00Z', undefined],
  ['no time of day', { ...office, end: '25:00' }, '2026-03-02T12:00:00Z', undefined],
])('opens: %s', (_name, window, now, opening) => {
  expect(nextOpening(window, at(now))).toEqual(opening === undefined ? undefined : at(opening));
});

// Each row: what is open between two instants that span the change, as [first moment, first moment no longer] in UTC.
describe('nights on which the clock is changed', () => {
  const spansOf = (window: CallingWindow, from: string, to: string) => {
    const spans: [string, string][] = [];
    let since: number | undefined;
    for (let time = at(from).getTime(); time <= at(to).getTime(); time += MINUTE) {
      const open = isOpen(window, new Date(time));
      if (open && since === undefined) since = time;
      if (!open && since !== undefined) {
        spans.push([new Date(since).toISOString().slice(5, 16), new Date(time).toISOString().slice(5, 16)]);
        since = undefined;
      }
    }
    return spans;
  };

  const NEW_YORK = 'America/New_York';
  const BUCHAREST = 'Europe/Bucharest';
  const LORD_HOWE = 'Australia/Lord_Howe';
  test.each<[string, CallingWindow, string, string, [string, string][]]>([
    [
      'New York, spring: 02:00 to 02:59 does not exist',
      windowOf(NEW_YORK, '02:00', '02:59'),
      '2026-03-07T12:00Z',
      '2026-03-09T12:00Z',
      [['03-09T06:00', '03-09T07:00']],
    ],
    [
      'New York, spring: what begins in the skipped hour opens after it',
      windowOf(NEW_YORK, '02:30', '03:29'),
      '2026-03-08T00:00Z',
      '2026-03-08T12:00Z',
      [['03-08T07:00', '03-08T07:30']],
    ],
    [
      'New York, spring: what ends in it closes before it',
      windowOf(NEW_YORK, '01:30', '02:29'),
      '2026-03-08T00:00Z',
      '2026-03-08T12:00Z',
      [['03-08T06:30', '03-08T07:00']],
    ],
    [
      'New York, autumn: 01:30 to 01:44 comes twice',
      windowOf(NEW_YORK, '01:30', '01:44'),
      '2026-11-01T00:00Z',
      '2026-11-01T12:00Z',
      [
        ['11-01T05:30', '11-01T05:45'],
        ['11-01T06:30', '11-01T06:45'],
      ],
    ],
    [
      'New York, autumn: a night is an hour longer',
      windowOf(NEW_YORK, '22:00', '05:59', ['saturday']),
      '2026-10-31T12:00Z',
      '2026-11-01T23:00Z',
      [['11-01T02:00', '11-01T11:00']],
    ],
    [
      'Bucharest, spring',
      windowOf(BUCHAREST, '02:30', '04:29'),
      '2026-03-28T12:00Z',
      '2026-03-29T12:00Z',
      [['03-29T00:30', '03-29T01:30']],
    ],
    [
      'Bucharest, autumn: closes, and opens again as the clock is put back',
      windowOf(BUCHAREST, '03:00', '03:29'),
      '2026-10-24T12:00Z',
      '2026-10-25T12:00Z',
      [
        ['10-25T00:00', '10-25T00:30'],
        ['10-25T01:00', '10-25T01:30'],
      ],
    ],
    [
      'Lord Howe, spring: half an hour is skipped',
      windowOf(LORD_HOWE, '01:50', '02:39'),
      '2026-10-03T12:00Z',
      '2026-10-03T23:00Z',
      [['10-03T15:20', '10-03T15:40']],
    ],
    [
      'Lord Howe, autumn: half an hour is repeated',
      windowOf(LORD_HOWE, '01:40', '01:49'),
      '2026-04-04T12:00Z',
      '2026-04-04T23:00Z',
      [
        ['04-04T14:40', '04-04T14:50'],
        ['04-04T15:10', '04-04T15:20'],
      ],
    ],
    [
      'Apia 2011: that friday does not exist',
      windowOf('Pacific/Apia', '09:00', '17:59', ['thursday', 'friday', 'saturday']),
      '2011-12-29T12:00Z',
      '2011-12-31T12:00Z',
      [
        ['12-29T19:00', '12-30T04:00'],
        ['12-30T19:00', '12-31T04:00'],
      ],
    ],
  ])('%s', (_name, window, from, to, spans) => {
    expect(spansOf(window, from, to)).toEqual(spans);
  });

  test.each<[string, CallingWindow, string, string]>([
    [
      'a weekly minute that is skipped comes a week later',
      windowOf(NEW_YORK, '02:30', '02:30', ['sunday']),
      '2026-03-01T07:31Z',
      '2026-03-15T06:30Z',
    ],
    [
      'what would open as the clock is put forward does not',
      windowOf(NEW_YORK, '02:00', '02:59'),
      '2026-03-08T00:00Z',
      '2026-03-09T06:00Z',
    ],
    ['the second of two repeated times', windowOf(NEW_YORK, '01:30', '01:44'), '2026-11-01T05:45Z', '2026-11-01T06:30Z'],
    ['the moment at which the clock is put forward', windowOf(NEW_YORK, '02:30', '03:29'), '2026-03-08T06:00Z', '2026-03-08T07:00Z'],
    ['a friday that does not exist', windowOf('Pacific/Apia', '09:00', '17:59', ['friday']), '2011-12-30T03:00Z', '2012-01-05T19:00Z'],
  ])('%s', (_name, window, now, opening) => {
    expect(nextOpening(window, at(now))).toEqual(at(opening));
  });
});

test.each([
  ['UTC', '2026-03-02T09:31:59Z', 'monday 2026-03-02 09:31'],
  ['Asia/Kathmandu', '2026-03-02T18:15:00Z', 'tuesday 2026-03-03 00:00'],
  ['America/New_York', '2026-03-02T04:59:59Z', 'sunday 2026-03-01 23:59'],
  ['America/New_York', '2026-11-01T06:30:00Z', 'sunday 2026-11-01 01:30'],
  ['Pacific/Apia', '2011-12-30T10:00:00Z', 'saturday 2011-12-31 00:00'],
  ['Europe/Bucharest', '1969-12-31T21:59:00Z', 'wednesday 1969-12-31 23:59'],
  ['Mars/Olympus', '2026-03-02T09:31:59Z', 'unknown zone'],
])('in %s it is at %s: %s', (zone, now, text) => {
  expect(localTime(zone, at(now))).toBe(text);
});

// A second opinion that knows nothing of offsets: it asks what the clock on the wall shows, minute by minute.
describe('compared with the clock on the wall', () => {
  const clocks = new Map<string, Intl.DateTimeFormat>();
  const wallOf = (zone: string, time: number): { day: number; minutes: number } => {
    const options = { timeZone: zone, weekday: 'long', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const;
    const clock = clocks.get(zone) ?? new Intl.DateTimeFormat('en-GB', options);
    clocks.set(zone, clock);
    // `Monday 09:31`
    const text = clock.format(time);
    const hour = Number(text.slice(-5, -3));
    return { day: WEEKDAYS.findIndex((day) => text.toLowerCase().startsWith(day)), minutes: hour * 60 + Number(text.slice(-2)) };
  };
  const minutesOf = (text: string) => Number(text.slice(0, 2)) * 60 + Number(text.slice(3, 5));
  const isOpenOnTheWall = ({ zone, days, start, end }: CallingWindow, time: number): boolean => {
    const { day, minutes } = wallOf(zone, time);
    const [from, to] = [minutesOf(start), minutesOf(end)];
    const allowed = (which: number) => days.some((name) => name === WEEKDAYS[(which + 7) % 7]);
    if (from <= to) return allowed(day) && from <= minutes && minutes <= to;
    return (allowed(day) && minutes >= from) || (allowed(day - 1) && minutes <= to);
  };

  const CHANGES: Record<string, string[]> = {
    'America/New_York': ['2026-03-08T07:00Z', '2026-11-01T06:00Z'],
    'Europe/Bucharest': ['2026-03-29T01:00Z', '2026-10-25T01:00Z'],
    'Australia/Lord_Howe': ['2026-04-04T15:00Z', '2026-10-03T15:30Z'],
    'Pacific/Apia': ['2011-12-30T10:00Z', '2012-03-31T14:00Z'],
    'Asia/Kathmandu': ['1985-12-31T18:30Z'],
    // Midnight comes twice, is skipped, and is moved by a minute past it.
    'America/Havana': ['2026-03-08T05:00Z', '2026-11-01T05:00Z'],
    'America/St_Johns': ['2010-03-14T03:31Z', '2010-11-07T02:31Z'],
    UTC: ['2026-01-01T00:00Z'],
  };
  const moments = fc.constantFrom(...Object.keys(CHANGES)).chain((zone) =>
    fc.record({
      zone: fc.constant(zone),
      time: fc.oneof(
        // About a change of the clock, or anywhere in sixty years.
        fc
          .tuple(fc.constantFrom(...(CHANGES[zone] ?? [])), fc.integer({ min: -36 * 3_600_000, max: 36 * 3_600_000 }))
          .map(([change, shift]) => at(change).getTime() + shift),
        fc.integer({ min: Date.UTC(1980, 0), max: Date.UTC(2040, 0) }),
      ),
    }),
  );
  const pad = (value: number) => String(value).padStart(2, '0');
  const times = fc
    .oneof(fc.integer({ min: 0, max: 1439 }), fc.integer({ min: 0, max: 240 }), fc.constantFrom(0, 1439, 119, 120, 150, 180))
    .map((value) => `${pad(Math.floor(value / 60))}:${pad(value % 60)}`);
  const windows = fc.record({
    days: fc.oneof(fc.constant(WEEKDAYS), fc.subarray([...WEEKDAYS], { minLength: 1 })),
    start: times,
    end: times,
  });

  test('open is what the wall says', () => {
    fc.assert(
      fc.property(moments, windows, ({ zone, time }, settings) => {
        const window = { zone, ...settings };
        expect(isOpen(window, new Date(time))).toBe(isOpenOnTheWall(window, time));
      }),
      { numRuns: 3000 },
    );
  });

  test('the next opening is open, not in the past, and nothing is open before it', () => {
    fc.assert(
      fc.property(moments, windows, ({ zone, time }, settings) => {
        const window = { zone, ...settings };
        const opening = nextOpening(window, new Date(time))?.getTime() ?? Number.NaN;
        expect(opening).toBeGreaterThanOrEqual(time);
        expect(isOpen(window, new Date(opening))).toBe(true);
        expect(isOpenOnTheWall(window, opening)).toBe(true);
        // Every minute of the wall begins with one of UTC in these years.
        if (opening > time) expect(opening % MINUTE).toBe(0);
        for (let step = time; step < opening; step = (Math.floor(step / MINUTE) + 1) * MINUTE) {
          if (isOpenOnTheWall(window, step)) expect.fail(`open already at ${new Date(step).toISOString()}`);
        }
      }),
      { numRuns: 200 },
    );
  });
});
