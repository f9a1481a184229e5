// How long a carrier that refuses to dial (throttled, trunk down) is left alone.                                    [pure]

const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 60_000;

// Longer with each refusal in a row.
const backOffMs = (strikes: number): number => Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (strikes - 1));

/** How long a carrier is left alone, and how often in a row it has refused. */
export interface Pause {
  strikes: number;
  until: Date;
  /** Until when the carrier itself asked for it; undefined: it did not, or that is over. */
  askedUntil: Date | undefined;
}

/** Refusals that came together. */
export interface Refused {
  /** The longest that the carrier asked for, in milliseconds. */
  retryAfterMs: number | undefined;
  /** Whether they speak against the carrier, and not only against contacts that it refuses while it accepts others. */
  isStrike: boolean;
}

const latest = (...instants: readonly (Date | undefined)[]): Date | undefined =>
  instants.reduce((last, at) => (last === undefined || (at !== undefined && at > last) ? at : last), undefined);

/**
 * The pause after a refusal; undefined: there is none, now or before. What comes during a pause was under way when it began: it is no
 * strike of its own, and takes nothing from what the carrier has asked for.
 */
export const nextPause = (last: Pause | undefined, { retryAfterMs, isStrike }: Refused, now: Date): Pause | undefined => {
  const isOver = last === undefined || last.until <= now;
  const before = last?.strikes ?? 0;
  const strikes = isStrike ? Math.max(1, isOver ? before + 1 : before) : before;
  const ours = isStrike ? new Date(now.getTime() + backOffMs(strikes)) : undefined;
  const asked = retryAfterMs === undefined ? undefined : new Date(now.getTime() + retryAfterMs);
  const askedUntil = latest(asked, last?.askedUntil !== undefined && last.askedUntil > now ? last.askedUntil : undefined);
  const until = latest(ours, askedUntil, last?.until);
  return until === undefined ? undefined : { strikes, until, askedUntil };
};

/** What an accepted call leaves of a pause: only what the carrier itself has asked for; undefined: nothing. */
export const pauseAfterAccept = ({ askedUntil }: Pause, now: Date): Pause | undefined =>
  askedUntil !== undefined && askedUntil > now ? { strikes: 0, until: askedUntil, askedUntil } : undefined;
