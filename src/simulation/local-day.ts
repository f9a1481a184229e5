// When a day begins on the clock of a zone.                                                                          [pure]
import { localTime, nextOpening } from '../campaigns/calling-window.ts';
import { WEEKDAYS } from '../campaigns/campaign.ts';

const HOUR = 3_600_000;
/** No zone is further ahead of UTC, nor as far behind it. */
const FURTHEST = 14 * HOUR;

/** The first moment of a date (`2026-03-02`) in a zone; undefined when there is no such date, or no such zone. */
export const startOfDay = (date: string, zone: string): Date | undefined => {
  const midnight = Date.parse(`${date}T00:00:00Z`);
  // Date.parse moves the 31st of a short month into the next.
  if (Number.isNaN(midnight) || new Date(midnight).toISOString().slice(0, 10) !== date) return undefined;
  const window = { zone, days: WEEKDAYS, start: '00:00', end: '23:59' };
  for (let at = midnight - FURTHEST; at <= midnight + FURTHEST; at += HOUR / 4) {
    const opened = nextOpening(window, new Date(at));
    if (opened !== undefined && localTime(zone, opened).includes(` ${date} `)) return opened;
  }
  return undefined;
};
