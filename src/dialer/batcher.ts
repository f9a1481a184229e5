// Gathers what comes while earlier work is under way, so that one transaction serves many calls.

/** Takes an item; resolves, or rejects, when the batch that holds it is done. */
export type Batcher<Item> = (item: Item) => Promise<void>;

interface Waiting<Item> {
  item: Item;
  resolve: () => void;
  reject: (error: unknown) => void;
}

/** One batch at a time, of `most` items at most. The first item does not wait for company. */
export const createBatcher = <Item>(most: number, work: (items: Item[]) => Promise<void>): Batcher<Item> & { idle(): Promise<void> } => {
  let waiting: Waiting<Item>[] = [];
  let running: Promise<void> | undefined;

  const runBatch = async (): Promise<void> => {
    const batch = waiting.splice(0, most);
    try {
      await work(batch.map(({ item }) => item));
      for (const { resolve } of batch) resolve();
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
      waiting = [...waiting, { item, resolve, reject }];
      running ??= run();
    });
  return Object.assign(take, { idle: async () => running });
};
