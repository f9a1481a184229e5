// Chance that repeats itself: a draw is a pure function of what it is drawn for.                                     [pure]

/** What a call's draws depend on. */
export interface Drawn {
  readonly seed: number | string;
  readonly callId: string;
  readonly to: string;
}

// cyrb53, a hash of 53 bits in public use: far from secret, and even enough for shares of a mix.
const hash = (text: string): number => {
  let a = 0xdeadbeef;
  let b = 0x41c6ce57;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    a = Math.imul(a ^ code, 2654435761);
    b = Math.imul(b ^ code, 1597334677);
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909);
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909);
  return 4294967296 * (2097151 & b) + (a >>> 0);
};

/**
 * A number from 0 up to, not including, 1. Each question has a label of its own, so that one question more does not change
 * the answers to the others.
 */
export const draw = ({ seed, callId, to }: Drawn, label: string): number => hash(`${seed}\n${callId}\n${to}\n${label}`) / 2 ** 53;

/** A number between two bounds. */
export const drawBetween = (drawn: Drawn, label: string, [from, to]: readonly [number, number]): number =>
  from + draw(drawn, label) * (to - from);

/** One of the keys, by their weights; the last one with a weight when sums do not come out exactly. */
export const drawWeighted = <Key extends string>(
  drawn: Drawn,
  label: string,
  weights: readonly (readonly [Key, number])[],
): Key | undefined => {
  const given = weights.filter(([, weight]) => weight > 0);
  let left = draw(drawn, label) * given.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [key, weight] of given) {
    left -= weight;
    if (left < 0) return key;
  }
  return given.at(-1)?.[0];
};
