// The table against the contract: the keys of the answer in their order, and the defaults of a creation.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { FIELDS, INITIAL, INPUT_NAMES, REQUIRED } from './assistant-fields.ts';

const { schemas } = parse(readFileSync(new URL('../../test/contract.openapi.yaml', import.meta.url), 'utf8')).components;
const create = schemas.AssistantCreate.allOf[1];

test('the answer has the documented keys in the documented order', () => {
  expect(Object.keys(FIELDS)).toEqual(schemas.Assistant['x-key-order']);
});

test('a body may give the documented fields and no others', () => {
  expect([...INPUT_NAMES].sort()).toEqual(Object.keys(schemas.AssistantFields.properties).sort());
});

test('the documented fields are required', () => {
  expect(INPUT_NAMES.filter((name) => FIELDS[name].initial === REQUIRED).sort()).toEqual([...create.required].sort());
});

const defaults = Object.entries<{ default: unknown }>(create.properties).map(([name, { default: value }]) => [name, value] as const);

test.each(defaults)('%s starts with its documented default', (name, value) => {
  expect((INITIAL as Record<string, unknown>)[name]).toEqual(value);
});

test('what has no documented default starts empty', () => {
  const named = new Set(defaults.map(([name]) => name));
  const rest = Object.entries(INITIAL).filter(([name]) => !named.has(name));
  expect(rest.length).toBeGreaterThan(10);
  expect(rest.filter(([, value]) => value !== null && Object.keys(Object(value)).length > 0)).toEqual([]);
});
