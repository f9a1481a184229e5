import { expect, test } from 'vitest';
import { createTurns } from './in-turn.ts';

const settle = () => new Promise((resolve) => setImmediate(resolve));

/** Acts that end when they are told to. */
const createActs = () => {
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const act = (name: string) => () => {
    begun.push(name);
    return new Promise<string>((resolve) => ends.set(name, () => resolve(name)));
  };
  const end = async (name: string): Promise<void> => {
    ends.get(name)?.();
    await settle();
  };
  return { begun, act, end };
};

test('an account has one turn at a time, and goes behind the others then', async () => {
  const { begun, act, end } = createActs();
  const turn = createTurns(2);
  const all = [turn(1, act('a1')), turn(1, act('a2')), turn(1, act('a3')), turn(2, act('b1')), turn(3, act('c1'))];
  expect(begun).toEqual(['a1', 'b1']);
  await end('a1');
  expect(begun).toEqual(['a1', 'b1', 'c1']);
  await end('c1');
  expect(begun).toEqual(['a1', 'b1', 'c1', 'a2']);
  await end('b1');
  // The place is free, but the account's turn is not over.
  expect(begun).toEqual(['a1', 'b1', 'c1', 'a2']);
  await end('a2');
  await end('a3');
  expect(await Promise.all(all)).toEqual(['a1', 'a2', 'a3', 'b1', 'c1']);
});

test('a turn that fails is over', async () => {
  const turn = createTurns(1);
  const failed = turn(1, () => Promise.reject(new Error('No.')));
  const next = turn(1, async () => 'next');
  await expect(failed).rejects.toThrow('No.');
  expect(await next).toBe('next');
  expect(await turn(1, async () => 'later')).toBe('later');
});
