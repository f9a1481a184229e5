// How long a carrier that refuses to dial (throttled, trunk down) is left alone.                                    [pure]

const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 60_000;

// Longer with each refusal in a row, or as long as the carrier says. `strikes`: this one included.
const pauseOf = (strikes: number, retryAfterMs: number | undefined): number =>
  Math.max(retryAfterMs ?? 0, Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (strikes - 1)));

/** How long a carrier is left alone, and how often in a row it has refused. */
export interface Pause {
  strikes: number;
  until: Date;
}

/**
 * The pause after a refusal. What comes during a pause was under way when it began: it is no strike of its own, and takes nothing
 * from what the carrier has asked for.
 */
export const nextPause = (last: Pause | undefined, retryAfterMs: number | undefined, now: Date): Pause => {
  const isOver = last === undefined || last.until <= now;
  const strikes = isOver ? (last?.strikes ?? 0) + 1 : last.strikes;
  const until = new Date(now.getTime() + pauseOf(strikes, retryAfterMs));
  return { strikes, until: isOver || until > last.until ? until : last.until };
};
