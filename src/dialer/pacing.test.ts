import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Bottleneck, type Lines, mayStart, numberMayStart } from './pacing.ts';

const idle: Lines = {
  campaignCap: 3,
  campaignLive: 0,
  accountCap: 10,
  accountLive: 0,
  startedLastSecond: { campaign: 0, carrier: 0 },
  perSecond: { campaign: 0, carrier: 0 },
};
const unlimited = Number.POSITIVE_INFINITY;

test.each<[string, Partial<Lines>, number, number, Bottleneck | undefined]>([
  ['nobody is due', {}, 0, 0, undefined],
  ['nobody is due on full lines', { campaignLive: 3 }, 0, 0, undefined],
  ['all fit', {}, 3, 3, undefined],
  ['more than the campaign may', {}, 4, 3, 'campaign_lines_full'],
  ['one line is left', { campaignLive: 2 }, 4, 1, 'campaign_lines_full'],
  ['the campaign is full', { campaignLive: 3 }, 1, 0, 'campaign_lines_full'],
  ['its cap was lowered', { campaignLive: 5 }, 1, 0, 'campaign_lines_full'],
  ['the account is nearly full', { accountLive: 9 }, 3, 1, 'account_lines_full'],
  ['the account is full', { accountLive: 10 }, 1, 0, 'account_lines_full'],
  ['the tighter one is named', { campaignLive: 1, accountLive: 9 }, 5, 1, 'account_lines_full'],
  ['of equals the first', { campaignLive: 3, accountLive: 10 }, 1, 0, 'campaign_lines_full'],
  ['a call of no campaign', { campaignCap: unlimited }, 20, 10, 'account_lines_full'],
  ['a cap of 0 is no line', { campaignCap: 0 }, 1, 0, 'campaign_lines_full'],
  ['a rate of 0 is no limit', { startedLastSecond: { campaign: 99, carrier: 99 } }, 3, 3, undefined],
  ['the rate of the campaign', { perSecond: { campaign: 2, carrier: 0 } }, 3, 2, 'campaign_rate'],
  ['that is used up', { perSecond: { campaign: 2, carrier: 0 }, startedLastSecond: { campaign: 2, carrier: 2 } }, 3, 0, 'campaign_rate'],
  [
    'the rate of the carrier, partly used by others',
    { perSecond: { campaign: 0, carrier: 5 }, startedLastSecond: { campaign: 0, carrier: 4 } },
    3,
    1,
    'carrier_rate',
  ],
  [
    'a rate that was lowered',
    { perSecond: { campaign: 0, carrier: 5 }, startedLastSecond: { campaign: 0, carrier: 9 } },
    3,
    0,
    'carrier_rate',
  ],
  ['lines before rates', { campaignLive: 3, perSecond: { campaign: 1, carrier: 1 } }, 3, 0, 'campaign_lines_full'],
])('%s', (_name, lines, wanted, count, bottleneck) => {
  expect(mayStart({ ...idle, ...lines }, wanted)).toEqual({ count, bottleneck });
});

test.each([
  [{ startedLastSecond: 0, perSecond: 0 }, 7, 7],
  [{ startedLastSecond: 9, perSecond: 0 }, 7, 7],
  [{ startedLastSecond: 0, perSecond: 2 }, 7, 2],
  [{ startedLastSecond: 1, perSecond: 2 }, 7, 1],
  [{ startedLastSecond: 2, perSecond: 2 }, 7, 0],
  [{ startedLastSecond: 3, perSecond: 2 }, 7, 0],
  [{ startedLastSecond: 0, perSecond: 5 }, 2, 2],
])('from a number with %j, of %i wanted %i may start', (own, wanted, count) => {
  expect(numberMayStart(own, wanted)).toBe(count);
});

test('no limit is ever passed, and one more would pass the one that is named', () => {
  const few = fc.integer({ min: 0, max: 12 });
  const lines = fc.record({
    campaignCap: few,
    campaignLive: few,
    accountCap: few,
    accountLive: few,
    startedLastSecond: fc.record({ campaign: few, carrier: few }),
    perSecond: fc.record({ campaign: few, carrier: few }),
  });
  fc.assert(
    fc.property(lines, few, (given, wanted) => {
      const { count, bottleneck } = mayStart(given, wanted);
      expect(count).toBeGreaterThanOrEqual(0);
      const broken = (more: number): Bottleneck[] => [
        ...(given.campaignLive + more > given.campaignCap ? (['campaign_lines_full'] as const) : []),
        ...(given.accountLive + more > given.accountCap ? (['account_lines_full'] as const) : []),
        ...(given.perSecond.campaign > 0 && given.startedLastSecond.campaign + more > given.perSecond.campaign
          ? (['campaign_rate'] as const)
          : []),
        ...(given.perSecond.carrier > 0 && given.startedLastSecond.carrier + more > given.perSecond.carrier
          ? (['carrier_rate'] as const)
          : []),
      ];
      if (count > 0) expect(broken(count)).toEqual([]);
      if (bottleneck === undefined) expect(count).toBe(wanted);
      else expect(broken(count + 1)).toContain(bottleneck);
    }),
    { numRuns: 2000 },
  );
});
