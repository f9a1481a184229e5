// Which calls rang, written down by the rehearsal itself, apart from any database: what a checker compares the database
// with. One line of JSON for each request that went through, whatever came of it.
import { appendFileSync, existsSync, readFileSync } from 'node:fs';

/** A request that went through. `at` is ISO 8601. */
export interface Ring {
  readonly callId: string;
  readonly to: string;
  readonly at: string;
}

/** Where rings are written down. */
export interface RingLog {
  append(ring: Ring): void;
  all(): readonly Ring[];
}

// Enough to look at; a log that has to be complete is a file.
const KEPT = 100_000;

/** A log in memory, of the last hundred thousand rings. */
export const memoryRingLog = (): RingLog => {
  let rings: Ring[] = [];
  return {
    append: (ring) => {
      rings.push(ring);
      if (rings.length >= KEPT * 2) rings = rings.slice(-KEPT);
    },
    all: () => rings.slice(-KEPT),
  };
};

/** The rings in a file; none when there is no file. */
export const readRings = (path: string): readonly Ring[] => {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8').split('\n');
  // Written by the log below; a line without its end is one that is being written.
  return lines.slice(0, -1).map((line): Ring => JSON.parse(line));
};

/** A log in a file, at its end. The line is in the file before the request is answered. */
export const fileRingLog = (path: string): RingLog => ({
  append: (ring) => appendFileSync(path, `${JSON.stringify(ring)}\n`),
  all: () => readRings(path),
});
