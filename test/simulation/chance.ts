// Chance that a seed decides: the same seed, the same draws in the same order.

/** Draws. */
export interface Chance {
  /** From 0 up to, not including, 1. */
  draw(): number;
  /** Whether something of this probability happens. */
  hit(probability: number): boolean;
  /** A whole number, both bounds included. */
  whole(from: number, to: number): number;
  pick<Item>(items: readonly [Item, ...Item[]]): Item;
  /** Chance of its own for a part, whatever else is drawn. */
  fork(label: number): Chance;
}

// Mulberry32, in public use.
export const createChance = (seed: number): Chance => {
  let state = seed | 0;
  const draw = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const whole = (from: number, to: number): number => from + Math.floor(draw() * (to - from + 1));
  return {
    draw,
    hit: (probability) => draw() < probability,
    whole,
    pick: (items) => items[whole(0, items.length - 1)] ?? items[0],
    fork: (label) => createChance(Math.imul(seed + 1, 2654435761) ^ Math.imul(label + 1, 40503)),
  };
};
