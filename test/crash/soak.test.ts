// Proof 4, in short: twenty seconds of random kills. `npm run soak -- --minutes 5 --leads 5000` is the long one, and
// docs/guarantees.md holds what it came to.
import { expect, inject, test } from 'vitest';
import { runSoak } from '../support/crash-soak.ts';

test('dialers killed at random: nothing rings twice, and nothing is stranded', async () => {
  const seed = Number(process.env.SOAK_SEED ?? 1);
  const { broken, kills, rings } = await runSoak({ serverUrl: inject('prepared')?.serverUrl ?? '', seconds: 20, leads: 400, seed });
  expect({ seed, broken }).toEqual({ seed, broken: [] });
  expect(kills).toBeGreaterThan(5);
  expect(rings).toBeGreaterThan(200);
});
