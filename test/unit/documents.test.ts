// What the documents say of the settings is what the program reads.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { VARIABLES } from '../../src/config.ts';

const read = (name: string): string => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');

const unwrap = (text: string): string => text.replace(/\n# /g, ' ');

test('.env.example has every variable in order, with its meaning and its default', () => {
  const file = read('.env.example');
  const found = [...file.matchAll(/^(#?)([A-Z_]+)=(.*)$/gm)].map(([, off, name, value]) => ({
    name,
    value: off === '#' ? undefined : value,
  }));
  expect(found).toEqual(Object.entries(VARIABLES).map(([name, { fallback }]) => ({ name, value: fallback })));
  for (const { meaning } of Object.values(VARIABLES)) expect(unwrap(file)).toContain(meaning);
});

test('the README’s table has every variable in order, with its default and its meaning', () => {
  const rows = [...read('README.md').matchAll(/^\| `([A-Z_]+)` \| (?:`(.*?)`|unset) \| (.*?) \|$/gm)];
  expect(rows.map(([, name, fallback, meaning]) => [name, fallback, meaning])).toEqual(
    Object.entries(VARIABLES).map(([name, { fallback, meaning }]) => [name, fallback, meaning]),
  );
});
