// What docs/carriers.md says of the simulated carrier is so.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { DIGITS } from './script.ts';
import { parseSimulation } from './simulation.ts';

const page = readFileSync(new URL('../../../docs/carriers.md', import.meta.url), 'utf8');

const pad = (digits: number): string => String(digits).padStart(2, '0');

test('the table of digits', () => {
  const rows = [...page.matchAll(/^\| (\d\d(?: to \d\d)?) \| (.*) \|$/gm)].map(([, digits, meaning]) => [digits, meaning]);
  expect(rows).toEqual(DIGITS.map(({ from, to, meaning }) => [from === to ? pad(from) : `${pad(from)} to ${pad(to)}`, meaning]));
});

test('the example of a mix can be read, and every word that a refusal offers is explained', () => {
  const example: unknown = JSON.parse(/```json\n([\s\S]*?)```/.exec(page)?.[1] ?? '');
  expect(parseSimulation(example)).toMatchObject({ ok: true });
  const read = parseSimulation({ x: 1, mix: { x: 1 }, faults: { x: 1 } });
  const offered = read.ok ? [] : read.problems.flatMap((problem) => /there are (.*)\.$/.exec(problem)?.[1]?.split(', ') ?? []);
  expect(offered).toHaveLength(27);
  for (const word of offered) expect(page).toContain(`\`${word}\``);
});
