import { expect, test } from 'vitest';
import { type Check, type CheckResult, createReadiness } from './readiness.ts';

const OK: CheckResult = { ok: true, required: true };
const never = (): Promise<CheckResult> => new Promise(() => {});
const check = (name: string, run: Check['run'], required = true): Check => ({ name, required, run });
const ask = (checks: Check[], limitMs = 20) => createReadiness({ checks, onError: () => {}, limitMs });

test('checks run side by side, and one that hangs is told and keeps nobody waiting', async () => {
  const began = performance.now();
  const { ready, checks } = await ask([check('a', never), check('b', never, false), check('c', async () => OK)])();
  expect(performance.now() - began).toBeLessThan(5000);
  expect(ready).toBe(false);
  expect(checks).toEqual({
    a: { ok: false, required: true, reason: 'did not answer within 0.02 s.' },
    b: { ok: false, required: false, reason: 'did not answer within 0.02 s.' },
    c: OK,
  });
});

test('what only informs keeps nobody from being ready', async () => {
  const informs: CheckResult = { ok: false, required: false, reason: 'So it is.' };
  expect(await ask([check('a', async () => informs)])()).toEqual({ ready: true, checks: { a: informs } });
  expect((await ask([check('a', async () => ({ ...informs, required: true }))])()).ready).toBe(false);
});

test('a check that fails is told without its own words, which may name hosts', async () => {
  const told: unknown[] = [];
  const fails = async () => {
    throw new Error('connect ECONNREFUSED 192.0.2.1:5432');
  };
  const readiness = createReadiness({ checks: [check('a', fails)], onError: (error, name) => told.push([name, String(error)]) });
  expect((await readiness()).checks).toEqual({ a: { ok: false, required: true, reason: 'could not be checked.' } });
  expect(told).toEqual([['a', 'Error: connect ECONNREFUSED 192.0.2.1:5432']]);
});

test('a hundred who ask at once, and whoever asks right after them, cost one run', async () => {
  let runs = 0;
  const readiness = createReadiness({
    checks: [
      check('a', async () => {
        runs += 1;
        await new Promise((resolve) => setTimeout(resolve, 10));
        return OK;
      }),
    ],
    onError: () => {},
    keepMs: 60_000,
  });
  await Promise.all(Array.from({ length: 100 }, readiness));
  await readiness();
  expect(runs).toBe(1);
});

test('a check that hangs for good has a bounded number of runs under way', async () => {
  let runs = 0;
  const hanging = (mostAtOnce?: number): Check => ({
    ...check(`up to ${mostAtOnce}`, () => {
      runs += 1;
      return never();
    }),
    ...(mostAtOnce === undefined ? {} : { mostAtOnce }),
  });
  const readiness = createReadiness({ checks: [hanging(), hanging(2)], onError: () => {}, limitMs: 5, keepMs: 0 });
  for (let asked = 0; asked < 5; asked += 1) await readiness();
  expect(runs).toBe(3);
});

test('a connection that hangs is got round by the next question, where two may be under way', async () => {
  let runs = 0;
  const run = () => {
    runs += 1;
    return runs === 1 ? never() : Promise.resolve(OK);
  };
  const readiness = createReadiness({ checks: [{ ...check('a', run), mostAtOnce: 2 }], onError: () => {}, limitMs: 5, keepMs: 0 });
  expect([(await readiness()).ready, (await readiness()).ready]).toEqual([false, true]);
});
