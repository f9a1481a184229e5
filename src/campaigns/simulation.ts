// How a campaign's calls turn out on the simulated carrier: what may be set, and what is wrong with it by field.   [pure]
import { parseSimulation } from '../carriers/simulated/simulation.ts';
import type { FieldErrors } from '../errors.ts';

/** Characters of JSON that it may have: it goes along with each call. */
const MAX_LENGTH = 4000;

// Enough to mend a body by; nobody reads thousands.
const FIELDS_NAMED = 100;

// The carrier words its findings with the field in front, unless they are about the whole.
const fieldOf = (problem: string): string => {
  const path = /^[a-z_]+(\.[a-z_]+)?(?= (is|are|must|needs) )/.exec(problem)?.[0];
  return path === undefined ? 'simulation' : `simulation.${path}`;
};

/** What is wrong with a simulation, by field; no key when it is as it should be. */
export const checkSimulation = (simulation: Record<string, unknown>): FieldErrors => {
  if (JSON.stringify(simulation).length > MAX_LENGTH)
    return { simulation: [`The simulation must not be longer than ${MAX_LENGTH} characters.`] };
  const read = parseSimulation(simulation);
  if (read.ok) return {};
  const byField = Map.groupBy(read.problems, fieldOf);
  return Object.fromEntries([...byField].slice(0, FIELDS_NAMED));
};
