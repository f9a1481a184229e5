// Thousands of small worlds, each with its own faults, crashes and acts of a person; every one is judged by the checker.
// SIM_SEED: the first seed (a failing one is printed); SIM_COUNT: how many; SIM_SECONDS: the time they may take.
import { expect, test } from 'vitest';
import { brokenPromises } from '../support/promise-checker.ts';
import { drawWorld } from './draw-world.ts';
import { runWorld } from './run-world.ts';

const FIRST = Number(process.env.SIM_SEED ?? 1);
const COUNT = Number(process.env.SIM_COUNT ?? (process.env.SIM_SEED === undefined ? 2000 : 1));
const SECONDS = Number(process.env.SIM_SECONDS ?? 120);
const MOST_SHOWN = 5;

test(
  `${COUNT} worlds from seed ${FIRST} keep every promise`,
  async () => {
    const began = performance.now();
    const failed: { seed: number; broken: unknown }[] = [];
    const seen = { rings: 0, attempts: 0, processes: 0, acts: 0, lost: 0, expired: 0, revoked: 0, rejected: 0 };
    for (let seed = FIRST; seed < FIRST + COUNT && failed.length < MOST_SHOWN; seed += 1) {
      const outcome = await runWorld(drawWorld(seed));
      const broken = brokenPromises(outcome);
      if (broken.length > 0) failed.push({ seed, broken: broken.slice(0, MOST_SHOWN) });
      const { attempts } = outcome.rows;
      const many = (of: string) => attempts.filter((one) => one.outcome === of).length;
      seen.rings += outcome.rings.length;
      seen.attempts += attempts.length;
      seen.processes += outcome.processes;
      seen.acts += outcome.acts.length;
      for (const of of ['lost', 'expired', 'revoked', 'rejected'] as const) seen[of] += many(of);
    }
    const seconds = (performance.now() - began) / 1000;
    const told = JSON.stringify(failed, null, 1);
    expect(failed, `replay with SIM_SEED=${failed[0]?.seed} SIM_COUNT=1\n${told}`).toEqual([]);
    console.log(`${COUNT} worlds in ${seconds.toFixed(1)} s: ${JSON.stringify(seen)}`);
    expect(seconds, 'the time budget').toBeLessThan(SECONDS);
    // Nothing would be proved by worlds in which nothing happens.
    if (COUNT >= 1000) for (const count of Object.values(seen)) expect(count).toBeGreaterThan(20);
  },
  (SECONDS + 60) * 1000,
);

test('a seed replays exactly', async () => {
  for (const seed of [FIRST, FIRST + 1, FIRST + 2]) {
    const [one, other] = [await runWorld(drawWorld(seed)), await runWorld(drawWorld(seed))];
    const facts = ({ rows, rings, acts }: typeof one) =>
      JSON.stringify({ rings, acts, ...rows, attempts: rows.attempts.map((row) => ({ ...row, worker: '' })) });
    expect(facts(one)).toBe(facts(other));
  }
});
