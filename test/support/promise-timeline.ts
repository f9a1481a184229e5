// What the checker knows of time: when a line was free again, what a status may have been at an instant, whether a window
// was open. None of it uses the product's own reckoning.
import type { Attempt, Evidence, Rows } from './promise-checker.ts';

const FOREVER = Number.POSITIVE_INFINITY;

/** When things ended for an attempt, in milliseconds. */
export interface Ends {
  /** Its line was free again. */
  freed: number;
  /** Nothing more was waited for. */
  ended: number;
}

const ON_LINE = ['reserved', 'sending', 'live', 'unknown'];

/** Each attempt's ends, by its id. */
export const endsOf = ({ attempts, changes }: Rows): Map<number, Ends> => {
  const ends = new Map(attempts.map(({ id }): [number, Ends] => [id, { freed: FOREVER, ended: FOREVER }]));
  for (const { what, call_id, from_status, to_status, at } of changes) {
    const of = what === 'call' ? ends.get(call_id ?? 0) : undefined;
    if (of === undefined) continue;
    if (ON_LINE.includes(from_status) && !ON_LINE.includes(to_status)) of.freed = Math.min(of.freed, at.getTime());
    if (to_status === 'ended') of.ended = Math.min(of.ended, at.getTime());
  }
  return ends;
};

/** Statuses of one kind of thing over time. */
export interface Timeline {
  /** All that it may have been at an instant; none: nothing is known of it. */
  at(id: number, instant: Date): readonly string[];
  /** When it came to a status. */
  arrivals(id: number, status: string): number[];
}

/** `now`: statuses at the end. */
export const timelineOf = (
  { changes }: Pick<Rows, 'changes'>,
  what: 'lead' | 'campaign',
  now: ReadonlyMap<number, string>,
  toleranceMs: number,
): Timeline => {
  const byId = new Map<number, Rows['changes'][number][]>();
  for (const change of changes) {
    if (change.what !== what) continue;
    const id = (what === 'lead' ? change.lead_id : change.campaign_id) ?? 0;
    const list = byId.get(id);
    if (list === undefined) byId.set(id, [change]);
    else list.push(change);
  }
  return {
    at: (id, instant) => {
      const list = byId.get(id) ?? [];
      const end = now.get(id);
      let before = list[0]?.from_status ?? end;
      const about: string[] = [];
      for (const { at, to_status } of list) {
        if (at.getTime() < instant.getTime() - toleranceMs) before = to_status;
        else if (at.getTime() <= instant.getTime() + toleranceMs) about.push(to_status);
      }
      return before === undefined ? about : [before, ...about];
    },
    arrivals: (id, status) => (byId.get(id) ?? []).filter(({ to_status }) => to_status === status).map(({ at }) => at.getTime()),
  };
};

const WEEKDAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'];
const formats = new Map<string, Intl.DateTimeFormat>();

const localOf = (zone: string, at: Date): { day: number; minute: number } => {
  let format = formats.get(zone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', { timeZone: zone, weekday: 'long', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
    formats.set(zone, format);
  }
  const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, value]));
  return {
    day: WEEKDAYS.indexOf((parts.get('weekday') ?? '').toLowerCase()),
    minute: Number(parts.get('hour')) * 60 + Number(parts.get('minute')),
  };
};

const minuteOf = (text: string): number => Number(text.slice(0, 2)) * 60 + Number(text.slice(3, 5));

/** Whether the hours were open, read off the clock on the wall: the end's own minute belongs to them. */
export const wasOpen = (window: { zone: string; days: readonly string[]; start: string; end: string }, at: Date): boolean => {
  const { day, minute } = localOf(window.zone, at);
  const opensOn = (which: number): boolean => window.days.includes(WEEKDAYS[(which + 7) % 7] ?? '');
  const [start, end] = [minuteOf(window.start), minuteOf(window.end)];
  if (start <= end) return opensOn(day) && minute >= start && minute <= end;
  return (opensOn(day) && minute >= start) || (opensOn(day - 1) && minute <= end);
};

/** An attempt with the numbers of attempts that held a line of its campaign and its account when it was reserved, itself included. */
export interface Counted {
  attempt: Attempt;
  /** At least, and at most: what was freed at that very instant may count or not. */
  campaign: readonly [least: number, most: number];
  account: readonly [least: number, most: number];
}

/** Counts lines anew from the attempts alone. */
export const countLines = (
  { attempts }: Rows,
  ends: ReadonlyMap<number, Ends>,
  { toleranceMs = 0 }: Pick<Evidence, 'toleranceMs'>,
): Counted[] => {
  const ordered = [...attempts].sort((a, b) => a.created_at.getTime() - b.created_at.getTime() || a.id - b.id);
  const freed = (one: Attempt): number => ends.get(one.id)?.freed ?? FOREVER;
  let open: Attempt[] = [];
  return ordered.map((attempt) => {
    const at = attempt.created_at.getTime();
    open = open.filter((one) => freed(one) >= at - toleranceMs);
    open.push(attempt);
    const count = (matches: (one: Attempt) => boolean): readonly [number, number] => {
      const matching = open.filter(matches);
      return [matching.filter((one) => one === attempt || freed(one) > at + toleranceMs).length, matching.length];
    };
    return {
      attempt,
      campaign: count((one) => one.campaign_id === attempt.campaign_id),
      account: count((one) => one.account_id === attempt.account_id),
    };
  });
};
