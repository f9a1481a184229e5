// When a campaign may dial: days and hours on the local clock of its zone. Source: lifecycle 2.1.                  [pure]
// A zone is read as stretches of constant offset from UTC. Within one, local time runs evenly and the rest is arithmetic;
// at its end the clock is put forward or back, so that skipped times do not come and repeated ones come twice.
import { isTimeZone } from '../time-zone.ts';
import { toTimeOfDay, WEEKDAYS, type Weekday } from './campaign.ts';

/** `start` and `end` are `HH:MM` or `HH:MM:SS`; only the minutes matter, and the end's own minute belongs to the window. */
export interface CallingWindow {
  /** IANA name. */
  zone: string;
  /** The days on which the window opens; one that crosses midnight goes on into the next day. */
  days: readonly Weekday[];
  start: string;
  /** Before `start`: the window crosses midnight. */
  end: string;
}

const MINUTE = 60_000;
const DAY = 86_400_000;
/** A clock change can swallow a weekly window once, not twice in a row: in three weeks every weekday's hours have come. */
const SEARCH = 21 * DAY;
/** Days remembered per zone; a server that runs for years would collect them. */
const MAX_DAYS = 1000;

/** A time of constant offset, a UTC day at most: local = UTC + offset, until (not including) an instant. All in milliseconds. */
interface Stretch {
  offset: number;
  until: number;
}

interface Zone {
  format: Intl.DateTimeFormat;
  /** By the number of the UTC day. */
  days: Map<number, readonly Stretch[]>;
}

const zones = new Map<string, Zone>();

const findZone = (name: string): Zone | undefined => {
  const seen = zones.get(name);
  if (seen !== undefined) return seen;
  if (!isTimeZone(name)) return undefined;
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: name,
    calendar: 'gregory',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  const zone = { format, days: new Map() };
  zones.set(name, zone);
  return zone;
};

// `at` is a whole second.
const readOffset = ({ format }: Zone, at: number): number => {
  const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  const part = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? 0;
  return Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second')) - at;
};

// No zone has ever changed its offset twice in one UTC day (the closest in the database are four days apart).
const readDay = (zone: Zone, day: number): readonly Stretch[] => {
  const until = (day + 1) * DAY;
  let before = day * DAY;
  let after = until - 1000;
  const first = readOffset(zone, before);
  const last = readOffset(zone, after);
  if (first === last) return [{ offset: first, until }];
  while (after - before > 1000) {
    const middle = before + Math.floor((after - before) / 2000) * 1000;
    if (readOffset(zone, middle) === first) before = middle;
    else after = middle;
  }
  return [
    { offset: first, until: after },
    { offset: last, until },
  ];
};

const findStretch = (zone: Zone, at: number): Stretch => {
  const day = Math.floor(at / DAY);
  let stretches = zone.days.get(day);
  if (stretches === undefined) {
    if (zone.days.size >= MAX_DAYS) zone.days.clear();
    stretches = readDay(zone, day);
    zone.days.set(day, stretches);
  }
  const [first, second] = stretches;
  const found = first !== undefined && at < first.until ? first : second;
  if (found === undefined) throw new RangeError(`no offset is known at ${at}`);
  return found;
};

/** A window in local milliseconds: when it opens, and how long it stays open. */
interface Hours {
  days: readonly Weekday[];
  start: number;
  length: number;
}

const toMilliseconds = (text: string): number | undefined => {
  const time = toTimeOfDay(text);
  return time === undefined ? undefined : (Number(time.slice(0, 2)) * 60 + Number(time.slice(3, 5))) * MINUTE;
};

const toHours = ({ days, start, end }: CallingWindow): Hours | undefined => {
  const from = toMilliseconds(start);
  const to = toMilliseconds(end);
  if (from === undefined || to === undefined || days.length === 0) return undefined;
  return { days, start: from, length: (from <= to ? to : to + DAY) - from + MINUTE };
};

// Day 0, 1970-01-01, was a thursday.
const weekdayOf = (day: number): Weekday | undefined => WEEKDAYS[(((day + 3) % 7) + 7) % 7];

// The first local moment from `local` on at which the hours are open, on a clock that nobody puts forward or back; beyond the
// next day none. Stretches are no longer than a day, and yesterday's window may still be open.
const nextOnClock = ({ days, start, length }: Hours, local: number): number => {
  const today = Math.floor(local / DAY);
  for (let day = today - 1; day <= today + 1; day += 1) {
    const weekday = weekdayOf(day);
    if (weekday === undefined || !days.includes(weekday)) continue;
    const from = day * DAY + start;
    if (local < from + length) return Math.max(local, from);
  }
  return Number.POSITIVE_INFINITY;
};

/** Whether a dial may start at `now`. Never with no day, an unknown zone or what is no time of day. */
export const isOpen = (window: CallingWindow, now: Date): boolean => {
  const zone = findZone(window.zone);
  const hours = toHours(window);
  if (zone === undefined || hours === undefined) return false;
  const local = now.getTime() + findStretch(zone, now.getTime()).offset;
  return nextOnClock(hours, local) === local;
};

/**
 * The first moment at or after `now` at which the window is open: `now` itself when it is open, else the very start of a local
 * minute. Undefined when it never opens (no day, an unknown zone, what is no time of day).
 */
export const nextOpening = (window: CallingWindow, now: Date): Date | undefined => {
  const zone = findZone(window.zone);
  const hours = toHours(window);
  if (zone === undefined || hours === undefined) return undefined;
  let at = now.getTime();
  const end = at + SEARCH;
  while (at < end) {
    const { offset, until } = findStretch(zone, at);
    const opening = nextOnClock(hours, at + offset) - offset;
    if (opening < until) return new Date(opening);
    at = until;
  }
  return undefined;
};

/** `monday 2026-03-02 09:31` on the zone's clock, for reasons that a person reads; `unknown zone` where there is none. */
export const localTime = (zone: string, now: Date): string => {
  const known = findZone(zone);
  if (known === undefined) return 'unknown zone';
  const local = now.getTime() + findStretch(known, now.getTime()).offset;
  const text = new Date(local).toISOString();
  return `${weekdayOf(Math.floor(local / DAY))} ${text.slice(0, 10)} ${text.slice(11, 16)}`;
};
