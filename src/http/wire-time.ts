// Instants as the wire writes them. All are UTC.

const twoDigits = (n: number): string => (n < 10 ? `0${n}` : `${n}`);

/** `2025-06-30 11:18:04`: leads and calls. A list has dozens, and from an ISO text it would take thrice the time. */
export const toSpaceDateTime = (at: Date): string => {
  const day = `${String(at.getUTCFullYear()).padStart(4, '0')}-${twoDigits(at.getUTCMonth() + 1)}-${twoDigits(at.getUTCDate())}`;
  return `${day} ${twoDigits(at.getUTCHours())}:${twoDigits(at.getUTCMinutes())}:${twoDigits(at.getUTCSeconds())}`;
};

/** `2026-03-01T07:00:00.000000Z`: everything else. Milliseconds are what we keep, so the last three digits are 0. */
export const toIsoMicro = (at: Date): string => `${at.toISOString().slice(0, 23)}000Z`;

const DAY = /^\d{4}-\d{2}-\d{2}$/;

/** The first instant of a `YYYY-MM-DD` day in UTC; undefined when it is no such text or no such day. */
export const dayStart = (text: string): Date | undefined => {
  if (!DAY.test(text) || text.startsWith('0000')) return undefined;
  const at = new Date(`${text}T00:00:00.000Z`);
  // An impossible day (2026-02-30) would roll over into the next month.
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(text) ? at : undefined;
};

/** The first instant of the following day; undefined after 9999-12-31, since five digits are no year to a database. */
export const nextDay = (day: Date): Date | undefined => {
  const next = new Date(day.getTime() + 86_400_000);
  return next.getUTCFullYear() > 9999 ? undefined : next;
};

const INSTANT = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?)(Z|[+ -]\d{2}:?\d{2})?)?$/i;

/**
 * An instant as a client may write it: a day, `YYYY-MM-DD HH:MM:SS` as we write them, or ISO 8601; UTC where no offset is named. A blank
 * before an offset is a plus that a URL has lost. Undefined when it is none.
 */
export const readInstant = (text: string): Date | undefined => {
  const [, day = '', time = '00:00', zone = 'Z'] = INSTANT.exec(text.trim()) ?? [];
  if (dayStart(day) === undefined) return undefined;
  const at = new Date(
    `${day}T${time}${zone
      .replace(' ', '+')
      .replace(/^(.\d{2})(\d{2})$/, '$1:$2')
      .toUpperCase()}`,
  );
  return Number.isNaN(at.getTime()) ? undefined : at;
};
