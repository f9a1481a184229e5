// What is done for many calls at once must not wait for one of them that another transaction has in hand: a forgotten one, or somebody's long act.
import { isLockTimeout } from '../db/limits.ts';
import type { CallName, Ledger } from './ledger.ts';

const oneByOne = async <Item>(items: readonly Item[], act: (items: readonly Item[]) => Promise<void>): Promise<Item[]> => {
  const held: Item[] = [];
  for (const item of items) {
    try {
      await act([item]);
    } catch (error) {
      if (!isLockTimeout(error)) throw error;
      held.push(item);
    }
  }
  return held;
};

/**
 * Does an act for all items. If it meets a lock, it is done for those whose calls nobody has in hand.
 * @returns the others, for which nothing has been done.
 * @throws what `act` throws beside lock timeouts.
 */
export const actAroundHeld = async <Item>(
  { held: findHeld }: Pick<Ledger, 'held'>,
  carrier: string,
  items: readonly Item[],
  nameOf: (item: Item) => CallName,
  act: (items: readonly Item[]) => Promise<void>,
): Promise<Item[]> => {
  try {
    await act(items);
    return [];
  } catch (error) {
    if (!isLockTimeout(error)) throw error;
  }
  if (items.length === 1) return [...items];
  const isHeld = await findHeld(carrier, items.map(nameOf));
  const [free, held] = [items.filter((_, index) => isHeld[index] !== true), items.filter((_, index) => isHeld[index] === true)];
  try {
    if (free.length > 0) await act(free);
    return held;
  } catch (error) {
    if (!isLockTimeout(error)) throw error;
    // Something else than calls and leads is held, an account's row it may be.
    return [...held, ...(await oneByOne(free, act))];
  }
};
