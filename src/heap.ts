// A binary heap: thousands wait, and each step wants the first of them.                                            [pure]

/** Things in an order of which only the first matters. */
export interface Heap<Item> {
  put(item: Item): void;
  /** The first, which stays; undefined when the heap is empty. */
  first(): Item | undefined;
  /** Takes the first out. */
  drop(): void;
}

/** An empty heap; `isBefore` has to be a total order where it matters which of two comes first. */
export const createHeap = <Item extends object>(isBefore: (a: Item, b: Item) => boolean): Heap<Item> => {
  const items: Item[] = [];

  const rise = (item: Item): void => {
    let hole = items.length;
    items.push(item);
    while (hole > 0) {
      const above = (hole - 1) >> 1;
      const parent = items[above];
      if (parent === undefined || !isBefore(item, parent)) break;
      items[hole] = parent;
      hole = above;
    }
    items[hole] = item;
  };

  const sink = (item: Item): void => {
    let hole = 0;
    for (;;) {
      const left = hole * 2 + 1;
      const [one, other] = [items[left], items[left + 1]];
      if (one === undefined) break;
      const [child, at] = other !== undefined && isBefore(other, one) ? [other, left + 1] : [one, left];
      if (!isBefore(child, item)) break;
      items[hole] = child;
      hole = at;
    }
    items[hole] = item;
  };

  return {
    put: rise,
    first: () => items[0],
    drop: () => {
      const last = items.pop();
      if (last !== undefined && items.length > 0) sink(last);
    },
  };
};
