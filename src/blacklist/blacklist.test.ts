import { expect, test } from 'vitest';
import { blockingSteps, LEADS_AT_ONCE, NUMBERS_AT_ONCE } from './blacklist.ts';

const names = (count: number): string[] => Array.from({ length: count }, (_, index) => `+1202555${String(index).padStart(4, '0')}`);

test('numbers without leads go in steps of so many numbers', () => {
  const numbers = names(2 * NUMBERS_AT_ONCE + 1);
  const steps = blockingSteps(numbers, new Map());
  expect(steps.map(({ length }) => length)).toEqual([NUMBERS_AT_ONCE, NUMBERS_AT_ONCE, 1]);
  expect(steps.flat()).toEqual(numbers);
  expect(blockingSteps([], new Map())).toEqual([]);
});

test('numbers that many leads have go in steps of so many leads', () => {
  const numbers = names(6);
  const [first = '', second = '', third = ''] = numbers;
  const leads = new Map([
    [first, LEADS_AT_ONCE - 1],
    [second, 1],
    [third, 10 * LEADS_AT_ONCE],
  ]);
  expect(blockingSteps(numbers, leads)).toEqual([[first, second], [third], numbers.slice(3)]);
});
