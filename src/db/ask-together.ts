// Look-ups that many requests make at the same time, as one query for all of them.

interface Waiter<Found> {
  resolve: (found: Found | undefined) => void;
  reject: (error: unknown) => void;
}

/**
 * Makes a look-up that asks for one key. Whoever comes while a query is under way waits for the next one, which is for all who wait: so an
 * answer is never older than its question, and however many ask at once, there is one query at a time.
 */
export const askTogether = <Key, Found>(
  ask: (keys: readonly Key[]) => Promise<ReadonlyMap<Key, Found>>,
): ((key: Key) => Promise<Found | undefined>) => {
  let waiting = new Map<Key, Waiter<Found>[]>();
  let isAsking = false;

  const askAll = async (): Promise<void> => {
    isAsking = true;
    while (waiting.size > 0) {
      const asked = waiting;
      waiting = new Map();
      try {
        const found = await ask([...asked.keys()]);
        for (const [key, waiters] of asked) for (const { resolve } of waiters) resolve(found.get(key));
      } catch (error) {
        for (const waiters of asked.values()) for (const { reject } of waiters) reject(error);
      }
    }
    isAsking = false;
  };

  return (key) =>
    new Promise((resolve, reject) => {
      const waiters = waiting.get(key);
      if (waiters === undefined) waiting.set(key, [{ resolve, reject }]);
      else waiters.push({ resolve, reject });
      if (!isAsking) void askAll();
    });
};
