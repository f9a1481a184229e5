import { expect, test } from 'vitest';
import { askTogether } from './ask-together.ts';

const createAsk = () => {
  const asked: number[][] = [];
  const answers: ((found: Map<number, string>) => void)[] = [];
  const look = askTogether<number, string>((keys) => {
    asked.push([...keys]);
    return new Promise((resolve) => answers.push(resolve));
  });
  return { asked, answers, look };
};

test('who comes while a query is under way shares the next one', async () => {
  const { asked, answers, look } = createAsk();
  const first = look(1);
  const rest = [look(1), look(2), look(2), look(3)];
  expect(asked).toEqual([[1]]);
  answers[0]?.(new Map([[1, 'before']]));
  expect(await first).toBe('before');
  await Promise.resolve();
  expect(asked).toEqual([[1], [1, 2, 3]]);
  answers[1]?.(
    new Map([
      [1, 'after'],
      [2, 'two'],
    ]),
  );
  expect(await Promise.all(rest)).toEqual(['after', 'two', 'two', undefined]);
});

test('a failure fails those who asked, and nobody after them', async () => {
  let fails = true;
  const look = askTogether<number, string>(async () => {
    if (fails) throw new Error('no connection');
    return new Map([[1, 'one']]);
  });
  const failed = [look(1), look(1)];
  const results = await Promise.allSettled(failed);
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  fails = false;
  expect(await look(1)).toBe('one');
});
