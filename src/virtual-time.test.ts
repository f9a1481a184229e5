// Virtual time: order, cancelling, and that nothing happens before it is told to.
import { expect, test } from 'vitest';
import { createVirtualTime } from './virtual-time.ts';

const START = new Date('2026-03-02T09:00:00Z');
const at = (seconds: number): Date => new Date(START.getTime() + seconds * 1000);

const setUp = () => {
  const time = createVirtualTime(START);
  const done: string[] = [];
  const note = (what: string) => () => {
    done.push(`${what} at ${(time.now().getTime() - START.getTime()) / 1000}`);
  };
  return { time, done, note };
};

test('it stands still until it is moved', async () => {
  const { time, done, note } = setUp();
  time.after(0, note('a'));
  expect(time.now()).toEqual(START);
  expect(time.next()).toEqual(START);
  expect(done).toEqual([]);
  await time.advanceTo(START);
  expect(done).toEqual(['a at 0']);
  expect(time.next()).toBeUndefined();
});

test('what is due happens in the order of time, then of asking, at its own time', async () => {
  const { time, done, note } = setUp();
  time.after(2000, note('c'));
  time.after(1000, note('a'));
  time.after(2000, note('d'));
  time.after(1000, note('b'));
  time.after(9000, note('later'));
  await time.advanceTo(at(5));
  expect(done).toEqual(['a at 1', 'b at 1', 'c at 2', 'd at 2']);
  expect(time.now()).toEqual(at(5));
  expect(time.next()).toEqual(at(9));
});

test('what is asked for on the way happens on the way, if it is due', async () => {
  const { time, done, note } = setUp();
  time.after(1000, () => {
    note('first')();
    time.after(0, note('at once'));
    time.after(1000, note('then'));
    time.after(60_000, note('much later'));
  });
  time.after(1000, note('second'));
  await time.advanceTo(at(2));
  expect(done).toEqual(['first at 1', 'second at 1', 'at once at 1', 'then at 2']);
});

test('each is awaited before the next, and holds the clock', async () => {
  const { time, done, note } = setUp();
  time.after(1000, async () => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    note('slow')();
  });
  time.after(2000, note('next'));
  await time.advanceTo(at(3));
  expect(done).toEqual(['slow at 1', 'next at 2']);
});

test('what is cancelled does not happen, nor is it what comes next', async () => {
  const { time, done, note } = setUp();
  const cancel = time.after(1000, note('a'));
  time.after(2000, note('b'));
  cancel();
  cancel();
  expect(time.next()).toEqual(at(2));
  await time.advanceTo(at(2));
  expect(done).toEqual(['b at 2']);
});

test('the clock never goes back, and fractions of a millisecond do not hold it up', async () => {
  const { time, done, note } = setUp();
  await time.advanceTo(at(5));
  await time.advanceTo(at(1));
  expect(time.now()).toEqual(at(5));
  time.after(0.3, note('soon'));
  await time.advanceTo(time.next() ?? START);
  expect(done).toEqual(['soon at 5.001']);
});

test('many entries come in order, whatever the order they were made in', async () => {
  const { time } = setUp();
  const times: number[] = [];
  for (let index = 0; index < 5000; index += 1)
    time.after((index * 7919) % 5003, () => {
      times.push(time.now().getTime());
    });
  await time.advanceTo(at(10));
  expect(times).toHaveLength(5000);
  expect(times).toEqual(times.toSorted((a, b) => a - b));
});
