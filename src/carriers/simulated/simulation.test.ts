// A campaign's simulation: what is read, what is wrong with it, and that a mix comes out as it was weighed.
import { describe, expect, test } from 'vitest';
import { DIGITS, SMOOTH, scriptOf } from './script.ts';
import { drawScript, PLAIN, parseSimulation } from './simulation.ts';

const problemsOf = (value: unknown): readonly string[] => {
  const read = parseSimulation(value);
  return read.ok ? [] : read.problems;
};

const simulationOf = (value: unknown) => {
  const read = parseSimulation(value);
  if (!read.ok) throw new Error(read.problems.join(' '));
  return read.simulation;
};

test('an empty one is the default', () => {
  expect(simulationOf({})).toEqual(PLAIN);
  expect(simulationOf({ mix: null, seed: null })).toEqual(PLAIN);
});

test('a full one is read', () => {
  const read = simulationOf({
    mix: { human: 3, busy: 1 },
    goal_rate: 0.5,
    report_rate: 0.9,
    faults: { late: 0.1, hangs: 1 },
    ring_seconds: [0, 30],
    talk_seconds: [60, 60],
    late_seconds: 0.5,
    seed: 'spring',
  });
  expect(read.mix?.filter(([, weight]) => weight > 0)).toEqual([
    ['human', 3],
    ['busy', 1],
  ]);
  expect(read).toMatchObject({
    goalRate: 0.5,
    reportRate: 0.9,
    faults: { late: 0.1, hangs: 1, twice: 0 },
    ringSeconds: [0, 30],
    talkSeconds: [60, 60],
    lateSeconds: 0.5,
    seed: 'spring',
  });
});

test.each<[string, unknown, string[]]>([
  ['no object', [], ['The simulation must be an object.']],
  ['null', null, ['The simulation must be an object.']],
  ['an unknown key', { goals: 1 }, [expect.stringContaining('goals is not known; there are mix,')]],
  ['an unknown result', { mix: { human: 1, humans: 1 } }, [expect.stringContaining('mix.humans is not known; there are human,')]],
  ['a negative weight', { mix: { human: 1, busy: -1 } }, ['mix.busy must be a number, 0 or more.']],
  ['a weight in words', { mix: { human: '1' } }, ['mix.human must be a number, 0 or more.', 'mix must give a weight to something.']],
  ['no weight', { mix: {} }, ['mix must give a weight to something.']],
  ['a list of weights', { mix: [1] }, ['mix must be an object of weights.']],
  ['a rate above 1', { mix: { human: 1 }, goal_rate: 50 }, ['goal_rate must be a number from 0 to 1.']],
  ['an unknown fault', { mix: { human: 1 }, faults: { slow: 1 } }, [expect.stringContaining('faults.slow is not known; there are late,')]],
  ['a fault in words', { mix: { human: 1 }, faults: { late: 'x' } }, ['faults.late must be a number from 0 to 1.']],
  ['faults in a list', { mix: { human: 1 }, faults: [] }, ['faults must be an object of rates.']],
  ['a span upside down', { ring_seconds: [3, 1] }, ['ring_seconds must be two numbers of seconds, the shorter first, up to 7200.']],
  ['a span of one', { talk_seconds: 3 }, ['talk_seconds must be two numbers of seconds, the shorter first, up to 7200.']],
  ['a negative delay', { late_seconds: -1 }, ['late_seconds must be a number of seconds up to 7200.']],
  ['a seed of truth', { seed: true }, ['seed must be a number or a text.']],
  [
    'rates without a mix',
    { goal_rate: 1, faults: {} },
    [expect.stringContaining('goal_rate needs a mix'), expect.stringContaining('faults needs a mix')],
  ],
  [
    'all at once',
    { goal_rate: 2, seed: [], mix: { human: 1 } },
    ['goal_rate must be a number from 0 to 1.', 'seed must be a number or a text.'],
  ],
])('%s is refused, with all that is wrong', (_, value, problems) => {
  expect(problemsOf(value)).toEqual(problems);
});

describe('a mix', () => {
  const share = (value: unknown, is: (script: ReturnType<typeof drawScript>) => boolean): number => {
    const simulation = simulationOf(value);
    const scripts = Array.from({ length: 20_000 }, (_, index) =>
      drawScript(simulation, { seed: 1, callId: String(index), to: `+1202555${1000 + (index % 9000)}` }),
    );
    return scripts.filter(is).length / scripts.length;
  };

  test('comes out as it was weighed', () => {
    const value = { mix: { human: 50, no_answer: 30, rejected: 15, number_refused: 5 }, goal_rate: 0.4, report_rate: 0.75 };
    expect(share(value, ({ reply, ending }) => reply === 'accepted' && ending === 'human')).toBeCloseTo(0.5, 1);
    expect(share(value, ({ ending }) => ending === 'no_answer')).toBeCloseTo(0.3, 1);
    expect(share(value, ({ reply }) => reply === 'rejected')).toBeCloseTo(0.15, 1);
    expect(share(value, ({ reply }) => reply === 'number_refused')).toBeCloseTo(0.05, 1);
    expect(share(value, ({ goal }) => goal)).toBeCloseTo(0.5 * 0.4, 1);
    expect(share(value, ({ report }) => report === 'never')).toBeCloseTo(0.25, 1);
  });

  test('has its faults as often as it was told, each apart from the others', () => {
    const value = { mix: { human: 1 }, faults: { late: 0.5, twice: 0.5, hangs: 0.2, reply_lost: 0.25, end_lost: 1 } };
    expect(share(value, ({ late, twice }) => late && twice)).toBeCloseTo(0.25, 1);
    expect(share(value, ({ reply }) => reply === 'hangs')).toBeCloseTo(0.2, 1);
    expect(share(value, ({ reply }) => reply === 'loses_reply')).toBeCloseTo(0.8 * 0.25, 1);
    expect(share(value, ({ endLost }) => endLost)).toBe(1);
    expect(share(value, ({ disordered, unheard }) => disordered || unheard)).toBe(0);
  });

  test('a lost request rings nowhere and is never accepted', () => {
    const value = { mix: { human: 1 }, faults: { request_lost: 1, hangs: 0.5 } };
    expect(share(value, ({ unheard, reply }) => unheard && reply !== 'accepted')).toBe(1);
  });

  test('draws anew for each call, seed and number, and the same for the same', () => {
    const simulation = simulationOf({ mix: { human: 1, busy: 1, no_answer: 1 }, goal_rate: 0.5 });
    const of = (seed: number, callId: string, to: string) => drawScript(simulation, { seed, callId, to });
    const one = Array.from({ length: 50 }, (_, index) => of(1, String(index), '+12025550143'));
    expect(Array.from({ length: 50 }, (_, index) => of(1, String(index), '+12025550143'))).toEqual(one);
    expect(Array.from({ length: 50 }, (_, index) => of(2, String(index), '+12025550143'))).not.toEqual(one);
    expect(Array.from({ length: 50 }, (_, index) => of(1, String(index), '+12025550144'))).not.toEqual(one);
  });
});

test('the table of digits has each pair once, in order', () => {
  let next = 0;
  for (const { from, to } of DIGITS) {
    expect(from).toBe(next);
    next = to + 1;
  }
  expect(next).toBe(100);
  expect(scriptOf('+12025550100')).toEqual(SMOOTH);
  expect(scriptOf('+12025550150').ending).toBe('busy');
});
