import { pino } from 'pino';
import { expect, test } from 'vitest';
import { createVirtualTime } from '../virtual-time.ts';
import type { ClaimResult, ClaimTerms, Ledger, RunningCampaign } from './ledger.ts';
import { createServing } from './serve-campaigns.ts';

const START = new Date('2026-03-02T10:00:00Z');
const later = (ms: number): Date => new Date(START.getTime() + ms);

const TERMS: ClaimTerms = {
  worker: 'w',
  leaseMs: 30_000,
  rates: { campaign: 0, number: 0, carrier: 0 },
  carrier: { kind: 'simulated', simulated: true },
  limit: 100,
};

const campaign = (id: number, more: Partial<RunningCampaign> = {}): RunningCampaign => ({
  id,
  accountId: 1,
  version: 'v1',
  nextDueAt: START,
  linesFull: false,
  ...more,
});

const refused = (why: ClaimResult['refused'], again?: Date): ClaimResult => ({ reserved: [], refused: why, again });
const reserved = (count: number, why?: ClaimResult['refused'], again?: Date): ClaimResult => ({
  reserved: Array.from({ length: count }, (_, index) => ({ callId: index + 1, window: undefined, place: {} as never })),
  refused: why,
  again,
});

type Answer = (campaignId: number) => ClaimResult | Promise<ClaimResult>;

/** A serving whose claims are answered by `answer`, which may be exchanged. */
const serving = (answer: Answer) => {
  const time = createVirtualTime(START);
  const asked: number[] = [];
  const state = { answer, sent: 0 };
  const ledger = {
    claim: async (campaignId: number) => {
      asked.push(campaignId);
      return state.answer(campaignId);
    },
  } as unknown as Ledger;
  const send = (reservations: readonly unknown[]): void => {
    state.sent += reservations.length;
  };
  const serve = createServing({ ledger, schedule: time, terms: TERMS, send, log: pino({ level: 'silent' }) });
  /** Who is asked when these run. */
  const round = async (running: readonly RunningCampaign[]): Promise<number[]> => {
    asked.length = 0;
    await serve(running, () => false);
    return [...asked];
  };
  return { time, state, serve, round };
};

test('only campaigns with somebody due are asked, and the next due time is told', async () => {
  const { serve, round } = serving(() => reserved(1));
  const waiting = [campaign(1, { nextDueAt: later(5000) }), campaign(2, { nextDueAt: null }), campaign(3, { nextDueAt: later(9000) })];
  expect(await round([...waiting, campaign(4)])).toEqual([4]);
  expect(await serve(waiting, () => false)).toEqual(later(5000));
});

test('whoever took lines last comes last, so that each campaign gets the one line in its turn', async () => {
  const got: number[] = [];
  let free = true;
  const { round } = serving((id) => {
    if (!free) return refused('account_lines_full');
    free = false;
    got.push(id);
    return reserved(1, 'account_lines_full');
  });
  for (let left = 6; left > 0; left -= 1) {
    free = true;
    await round([campaign(1), campaign(2), campaign(3)]);
  }
  expect(got).toEqual([1, 2, 3, 1, 2, 3]);
});

test('accounts take turns as well', async () => {
  const { round } = serving((id) => reserved(id === 1 ? 1 : 0));
  const running = [campaign(1, { accountId: 1 }), campaign(2, { accountId: 2 })];
  expect(await round(running)).toEqual([1, 2]);
  expect(await round(running)).toEqual([2, 1]);
});

test('a campaign whose lines are full has been told so once, and is asked again when a line is free', async () => {
  const { round } = serving(() => refused('campaign_lines_full'));
  expect(await round([campaign(1)])).toEqual([1]);
  expect(await round([campaign(1, { linesFull: true })])).toEqual([]);
  expect(await round([campaign(1, { linesFull: false })])).toEqual([1]);
});

test('of an account whose lines are full each campaign is asked once, and then only the first that may get a line', async () => {
  const { round } = serving(() => refused('account_lines_full'));
  const many = Array.from({ length: 5000 }, (_, index) => campaign(index + 1));
  expect((await round(many)).length).toBe(5000);
  expect(await round(many.map((one) => ({ ...one, linesFull: true })))).toEqual([]);
  expect(await round(many)).toEqual([1]);
});

test('what time alone can help is not asked before its time', async () => {
  const { time, round, serve } = serving((id) => refused(id === 1 ? 'outside_window' : 'campaign_rate', later(id === 1 ? 60_000 : 250)));
  const running = [campaign(1), campaign(2)];
  expect(await round(running)).toEqual([1, 2]);
  expect(await round(running)).toEqual([]);
  expect(await serve(running, () => false)).toEqual(later(250));
  await time.advanceTo(later(250));
  expect(await round(running)).toEqual([2]);
});

test('what nothing is known to help is asked again after a second, by whoever looks then', async () => {
  const { time, round, serve } = serving(() => refused('no_number'));
  expect(await serve([campaign(1)], () => false)).toBeUndefined();
  expect(await serve([campaign(1)], () => false)).toBeUndefined();
  await time.advanceTo(later(999));
  expect(await round([campaign(1)])).toEqual([]);
  await time.advanceTo(later(1000));
  expect(await round([campaign(1)])).toEqual([1]);
});

test('a change ends every wait', async () => {
  const { round } = serving((id) => (id === 1 ? refused('outside_window', later(60_000)) : refused('campaign_lines_full')));
  const full = { linesFull: true };
  expect(await round([campaign(1), campaign(2)])).toEqual([1, 2]);
  expect(await round([campaign(1), campaign(2, full)])).toEqual([]);
  expect(await round([campaign(1, { version: 'v2' }), campaign(2, { ...full, version: 'v2' })])).toEqual([1, 2]);
});

test('a claim that reserves nobody holds for a moment only, whenever the next one is due', async () => {
  const { time, round, serve } = serving(() => ({ reserved: [], refused: undefined, again: later(3 * 24 * 3_600_000) }));
  expect(await serve([campaign(1)], () => false)).toEqual(later(250));
  expect(await round([campaign(1)])).toEqual([]);
  await time.advanceTo(later(250));
  expect(await round([campaign(1)])).toEqual([1]);
});

test('a clock that is set back ends every wait for a time', async () => {
  let now = later(3_600_000);
  const asked: number[] = [];
  const claim = async (id: number) => {
    asked.push(id);
    return refused('campaign_rate', new Date(now.getTime() + 250));
  };
  const schedule = { ...createVirtualTime(START), now: () => now };
  const log = pino({ level: 'silent' });
  const serve = createServing({ ledger: { claim } as unknown as Ledger, schedule, terms: TERMS, send: () => {}, log });
  await serve([campaign(1)], () => false);
  await serve([campaign(1)], () => false);
  expect(asked).toEqual([1]);
  now = START;
  await serve([campaign(1)], () => false);
  expect(asked).toEqual([1, 1]);
});

test('a campaign that was stopped and runs again is asked at once', async () => {
  const { round } = serving(() => refused('outside_window', later(60_000)));
  await round([campaign(1)]);
  expect(await round([])).toEqual([]);
  expect(await round([campaign(1)])).toEqual([1]);
});

test('an account whose claims hang keeps nobody else waiting', async () => {
  let release = (): void => {};
  const hanging = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { serve, state } = serving(async (id) => {
    if (id === 1) await hanging;
    return reserved(1);
  });
  const done = serve([campaign(1, { accountId: 1 }), campaign(2, { accountId: 2 }), campaign(3, { accountId: 3 })], () => false);
  await new Promise((resolve) => setImmediate(resolve));
  expect(state.sent).toBe(2);
  release();
  await done;
  expect(state.sent).toBe(3);
});

test('a campaign that cannot be served costs the others nothing, and is asked again after a second', async () => {
  const { time, round, state } = serving((id) => {
    if (id === 1) throw new Error('broken');
    return reserved(1);
  });
  expect(await round([campaign(1), campaign(2)])).toEqual([1, 2]);
  expect(state.sent).toBe(1);
  expect(await round([campaign(1), campaign(2)])).toEqual([2]);
  await time.advanceTo(later(1000));
  expect(await round([campaign(1), campaign(2)])).toEqual([1, 2]);
});

test('a round that lasts too long goes on in the next one, with those who were not asked', async () => {
  const { time, round } = serving(async () => {
    await time.advanceTo(new Date(time.now().getTime() + 100));
    return refused('account_lines_full');
  });
  const many = Array.from({ length: 12 }, (_, index) => campaign(index + 1));
  expect(await round(many)).toEqual([1, 2, 3, 4, 5]);
  const full = many.map((one) => ({ ...one, linesFull: true }));
  expect(await round(full)).toEqual([6, 7, 8, 9, 10]);
  expect(await round(full)).toEqual([11, 12]);
});

test('nobody is asked once it is stopped', async () => {
  const { serve, state } = serving(() => reserved(1));
  await serve([campaign(1), campaign(2, { accountId: 2 })], () => true);
  expect(state.sent).toBe(0);
});
