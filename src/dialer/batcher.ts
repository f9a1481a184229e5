// Gathers what comes while earlier work is under way, so that one transaction serves many calls.
import type { Scheduler } from '../scheduler.ts';

/** Takes an item; resolves, or rejects, when the batch that holds it is done. */
export type Batcher<Item> = (item: Item) => Promise<void>;

interface Waiting<Item> {
  item: Item;
  /** Milliseconds that it waits when it is put off again. */
  pauseMs: number;
  resolve: () => void;
  reject: (error: unknown) => void;
}

/** What a batcher is asked beside items. */
export interface BatcherEnd {
  /** Resolves when the batch at hand is done. */
  idle(): Promise<void>;
  /** Puts nothing off any more: what was, and what would be, is rejected. */
  end(): void;
}

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5000;

/**
 * One batch at a time, of `most` items at most. The first item does not wait for company. `work` gives back the items that cannot be done now,
 * since somebody else has them in hand: they come again after a pause, longer each time, and keep nobody waiting.
 */
export const createBatcher = <Item>(
  most: number,
  schedule: Pick<Scheduler, 'after'>,
  work: (items: readonly Item[]) => Promise<readonly Item[]>,
): Batcher<Item> & BatcherEnd => {
  let waiting: Waiting<Item>[] = [];
  /** With what keeps each from coming again. */
  const off = new Map<Waiting<Item>, () => void>();
  let hasEnded = false;
  let running: Promise<void> | undefined;

  const start = (): void => {
    running ??= run();
  };
  const giveUp = ({ reject }: Waiting<Item>): void =>
    reject(new Error('It could not be done before the end: something else has it in hand.'));
  const putOff = (one: Waiting<Item>): void => {
    if (hasEnded) {
      giveUp(one);
      return;
    }
    const cancel = schedule.after(one.pauseMs, () => {
      off.delete(one);
      waiting = [...waiting, { ...one, pauseMs: Math.min(LONGEST_PAUSE_MS, 2 * one.pauseMs) }];
      start();
    });
    off.set(one, cancel);
  };
  const runBatch = async (): Promise<void> => {
    const batch = waiting.splice(0, most);
    try {
      const held = new Set(await work(batch.map(({ item }) => item)));
      for (const one of batch) {
        if (held.has(one.item)) putOff(one);
        else one.resolve();
      }
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  };
  const run = async (): Promise<void> => {
    while (waiting.length > 0) await runBatch();
    running = undefined;
  };
  const take = (item: Item): Promise<void> =>
    new Promise((resolve, reject) => {
      waiting = [...waiting, { item, pauseMs: FIRST_PAUSE_MS, resolve, reject }];
      start();
    });
  const end = (): void => {
    hasEnded = true;
    for (const [one, cancel] of off) {
      cancel();
      giveUp(one);
    }
    off.clear();
  };
  return Object.assign(take, { idle: async () => running, end });
};
