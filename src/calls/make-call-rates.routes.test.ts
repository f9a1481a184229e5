// Calls started per second: those of make_call count, and keep the limits, like those of campaigns.
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { type MakingCalls, startMakingCalls } from '../../test/support/making-calls.ts';

let making: MakingCalls;
let second: Awaited<ReturnType<MakingCalls['withNumber']>>;

beforeAll(async () => {
  making = await startMakingCalls({ rates: { number: 2, carrier: 3 } });
  second = await making.withNumber(making.t.mine.account.id, '+12025550102');
});

beforeEach(async () => {
  await making.clear();
  making.t.clock.advance(60_000);
});

const statuses = async (count: number, fields: object = {}): Promise<number[]> => {
  const answers = await Promise.all(Array.from({ length: count }, () => making.make(fields)));
  return answers.map(({ status }) => status).sort();
};

test('a number starts its share of a second, and no more, however many ask at once', async () => {
  expect(await statuses(4)).toEqual([200, 200, 429, 429]);
  const answer = await making.make();
  expect([answer.status, answer.headers['retry-after'], answer.body]).toEqual([
    429,
    '1',
    { message: 'Too many calls are being started. Try again in a second.', retry_after: 1 },
  ]);
  expect((await making.decisions()).at(-1)).toMatchObject({
    verdict: 'refuse',
    reason: 'number_rate',
    facts: { caller_number: '+12025550100', per_second: 2 },
    times: 3,
  });
  making.t.clock.advance(1001);
  expect(await statuses(2)).toEqual([200, 200]);
});

test('all numbers and accounts together keep the rate of the carrier', async () => {
  expect(await statuses(2)).toEqual([200, 200]);
  expect(await statuses(2, { assistant_id: second.id })).toEqual([200, 429]);
  expect((await making.decisions()).at(-1)).toMatchObject({ reason: 'carrier_rate', facts: { per_second: 3 } });
  const { other } = making.t;
  expect((await making.make({ assistant_id: making.foreign.id }, {}, other)).status).toBe(429);
  making.t.clock.advance(1001);
  const both = await Promise.all([
    ...Array.from({ length: 3 }, () => making.make()),
    ...Array.from({ length: 3 }, () => making.make({ assistant_id: making.foreign.id }, {}, other)),
  ]);
  expect(both.filter(({ status }) => status === 200)).toHaveLength(3);
});
