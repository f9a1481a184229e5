import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type CallerNumber, pickCaller } from './rotation.ts';

const at = (minute: number) => new Date(Date.UTC(2026, 2, 2, 9, minute));
const number = (id: number, uses: number, lastUsedAt: Date | null): CallerNumber => ({ id, uses, lastUsedAt });

test.each<[string, CallerNumber[], number | null, number | undefined]>([
  ['no number', [], null, undefined],
  ['no number, whoever was last', [], 1, undefined],
  ['the only one', [number(1, 5, at(0))], null, 1],
  ['the only one, though it was the last', [number(1, 5, at(0))], 1, 1],
  ['the least used', [number(1, 2, at(0)), number(2, 1, at(9)), number(3, 2, at(1))], null, 2],
  ['of equally used ones the longest idle', [number(1, 1, at(5)), number(2, 1, at(4)), number(3, 1, at(6))], null, 2],
  ['one that never called is idle longest', [number(1, 0, at(5)), number(2, 0, null)], null, 2],
  ['then the lowest id, in whatever order they come', [number(3, 0, null), number(1, 0, null), number(2, 0, null)], null, 1],
  ['not the last one, though least used', [number(1, 0, null), number(2, 9, at(9))], 1, 2],
  ['the best of the others', [number(1, 0, null), number(2, 9, at(9)), number(3, 8, at(9))], 1, 3],
  ['a last one that left the pool does not matter', [number(1, 0, null), number(2, 9, at(9))], 7, 1],
])('%s', (_name, pool, previous, picked) => {
  expect(pickCaller(pool, previous)).toBe(picked);
});

test('over time all are used evenly, and no lead hears the same number twice in a row', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 8 }), fc.integer({ min: 1, max: 100 }), (size, calls) => {
      const pool = Array.from({ length: size }, (_, index) => number(index + 1, 0, null));
      let previous: number | null = null;
      for (let minute = 0; minute < calls; minute += 1) {
        const id = pickCaller(pool, previous);
        const index = pool.findIndex((one) => one.id === id);
        const picked = pool[index];
        if (picked === undefined) throw new Error('nobody was picked');
        expect(picked.id).not.toBe(previous);
        pool[index] = number(picked.id, picked.uses + 1, at(minute));
        previous = picked.id;
      }
      const uses = pool.map((one) => one.uses);
      expect(Math.max(...uses) - Math.min(...uses)).toBeLessThanOrEqual(1);
    }),
    { numRuns: 100 },
  );
});
