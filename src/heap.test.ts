// The heap: whatever goes in, the first comes out first.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createHeap } from './heap.ts';

interface Entry {
  readonly at: number;
  readonly order: number;
}

const createEntries = () => createHeap<Entry>((a, b) => a.at < b.at || (a.at === b.at && a.order < b.order));
const inOrder = (entries: readonly Entry[]): Entry[] => entries.toSorted((a, b) => a.at - b.at || a.order - b.order);

const drain = (heap: ReturnType<typeof createEntries>): Entry[] => {
  const out: Entry[] = [];
  for (let entry = heap.first(); entry !== undefined; entry = heap.first()) {
    out.push(entry);
    heap.drop();
  }
  return out;
};

test('an empty one has no first, and nothing to drop', () => {
  const heap = createEntries();
  expect(heap.first()).toBeUndefined();
  heap.drop();
  expect(heap.first()).toBeUndefined();
  heap.put({ at: 1, order: 0 });
  expect(heap.first()).toEqual({ at: 1, order: 0 });
});

test('looking at the first leaves it there', () => {
  const heap = createEntries();
  heap.put({ at: 2, order: 0 });
  heap.put({ at: 1, order: 1 });
  expect([heap.first(), heap.first()].map((entry) => entry?.at)).toEqual([1, 1]);
  heap.drop();
  expect(heap.first()?.at).toBe(2);
});

describe('they come in order', () => {
  test.each([
    ['one', [5]],
    ['rising', [1, 2, 3, 4, 5, 6, 7]],
    ['falling', [7, 6, 5, 4, 3, 2, 1]],
    ['the right child is the smaller', [1, 3, 2, 5, 4]],
    ['equals, in the order they came', [2, 1, 2, 1, 2, 1]],
  ])('%s', (_name, times) => {
    const entries = times.map((at, order) => ({ at, order }));
    const heap = createEntries();
    for (const entry of entries) heap.put(entry);
    expect(drain(heap)).toEqual(inOrder(entries));
  });

  test('any, put in and taken out in turns', () => {
    // A number is put in, null takes one out.
    const acts = fc.array(fc.option(fc.integer({ min: 0, max: 9 }), { freq: 2 }), { maxLength: 200 });
    fc.assert(
      fc.property(acts, (list) => {
        const heap = createEntries();
        let model: Entry[] = [];
        for (const [order, at] of list.entries()) {
          if (at === null) {
            heap.drop();
            model = model.slice(1);
          } else {
            heap.put({ at, order });
            model = inOrder([...model, { at, order }]);
          }
          expect(heap.first()).toEqual(model[0]);
        }
        expect(drain(heap)).toEqual(model);
      }),
    );
  });
});
