// How many calls may start now: lines that are free, and calls started per second. Source: lifecycle 2.2.           [pure]

/** What a campaign's calls share. Caps are hard; of rates 0 means no limit. */
export interface Lines {
  /** Calls at a time; `Number.POSITIVE_INFINITY` where none applies. */
  campaignCap: number;
  /** Calls that hold a line now, reserved ones included. */
  campaignLive: number;
  accountCap: number;
  accountLive: number;
  /** Calls started within the last second. */
  startedLastSecond: { campaign: number; carrier: number };
  /** Calls that may start within any second, whole numbers; 0: no limit. */
  perSecond: { campaign: number; carrier: number };
}

/** What keeps more calls from starting. */
export type Bottleneck = 'campaign_lines_full' | 'account_lines_full' | 'campaign_rate' | 'carrier_rate';

const roomFor = (perSecond: number, startedLastSecond: number): number =>
  perSecond === 0 ? Number.POSITIVE_INFINITY : perSecond - startedLastSecond;

/** How many of the `wanted` calls may start now; when not all, what holds them back (of several the first in the order of `Bottleneck`). */
export const mayStart = (lines: Lines, wanted: number): { count: number; bottleneck: Bottleneck | undefined } => {
  const { startedLastSecond: started, perSecond } = lines;
  const rooms: readonly (readonly [Bottleneck, number])[] = [
    ['campaign_lines_full', lines.campaignCap - lines.campaignLive],
    ['account_lines_full', lines.accountCap - lines.accountLive],
    ['campaign_rate', roomFor(perSecond.campaign, started.campaign)],
    ['carrier_rate', roomFor(perSecond.carrier, started.carrier)],
  ];
  let count = wanted;
  let bottleneck: Bottleneck | undefined;
  for (const [name, room] of rooms) {
    // A cap that was lowered leaves less than no room.
    const free = Math.max(0, room);
    if (free >= count) continue;
    count = free;
    bottleneck = name;
  }
  return { count, bottleneck };
};

/** How many of the `wanted` calls may start now from one caller number. `perSecond` 0: no limit. */
export const numberMayStart = (number: { startedLastSecond: number; perSecond: number }, wanted: number): number =>
  Math.min(wanted, Math.max(0, roomFor(number.perSecond, number.startedLastSecond)));
