// Which caller number of a campaign's pool calls next, so that all are used evenly. Source: lifecycle 2.2.          [pure]

/** A number of the pool. */
export interface CallerNumber {
  id: number;
  /** Calls it has made for this campaign. */
  uses: number;
  /** Null: never. */
  lastUsedAt: Date | null;
}

const compare = (a: CallerNumber, b: CallerNumber): number =>
  a.uses - b.uses || (a.lastUsedAt?.getTime() ?? 0) - (b.lastUsedAt?.getTime() ?? 0) || a.id - b.id;

/**
 * The id of the number that calls next: least used, then longest idle, then lowest id; not `previousId`, which made the
 * contact's last attempt, while there is another. Undefined when the pool is empty.
 */
export const pickCaller = (pool: readonly CallerNumber[], previousId: number | null): number | undefined => {
  const others = pool.filter(({ id }) => id !== previousId);
  const [first, ...rest] = others.length > 0 ? others : pool;
  if (first === undefined) return undefined;
  return rest.reduce((best, number) => (compare(number, best) < 0 ? number : best), first).id;
};
