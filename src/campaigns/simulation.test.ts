import { expect, test } from 'vitest';
import { checkSimulation } from './simulation.ts';

test.each<[string, Record<string, unknown>]>([
  ['nothing', {}],
  ['a mix', { mix: { human: 3, busy: 1 }, goal_rate: 0.5, faults: { late: 0.1 } }],
  ['times and a seed', { ring_seconds: [0, 1], talk_seconds: [1, 2], late_seconds: 3, seed: 'x' }],
])('%s is as it should be', (_name, simulation) => {
  expect(checkSimulation(simulation)).toEqual({});
});

test.each<[string, Record<string, unknown>, string[]]>([
  ['a rate above one', { mix: { human: 1 }, goal_rate: 2 }, ['simulation.goal_rate']],
  ['a weight below zero', { mix: { human: 1, busy: -1 } }, ['simulation.mix.busy']],
  ['a mix of nothing', { mix: {} }, ['simulation.mix']],
  ['an unknown fault', { mix: { human: 1 }, faults: { fire: 1 } }, ['simulation.faults.fire']],
  ['an unknown key', { colour: 'red' }, ['simulation.colour']],
  ['a key that is no name', { 'a b': 1 }, ['simulation']],
  ['several', { ring_seconds: 1, seed: {} }, ['simulation.ring_seconds', 'simulation.seed']],
  ['a novel', { seed: 'x'.repeat(5000) }, ['simulation']],
])('%s is named by field', (_name, simulation, fields) => {
  const errors = checkSimulation(simulation);
  expect(Object.keys(errors).sort()).toEqual([...fields].sort());
  for (const messages of Object.values(errors)) for (const message of messages) expect(message).toMatch(/\.$/);
});

test('of many mistakes the first hundred are named', () => {
  const many = Object.fromEntries(
    Array.from({ length: 300 }, (_, index) => [`a${'_'.repeat(index % 9)}${String.fromCharCode(97 + (index % 26))}`, 1]),
  );
  expect(Object.keys(checkSimulation(many)).length).toBeLessThanOrEqual(100);
});
