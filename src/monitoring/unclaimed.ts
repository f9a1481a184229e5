// For which campaigns nobody claims although somebody could be called.
import { type CallingWindow, isOpen } from '../campaigns/calling-window.ts';

/** A dialer ends a round, and says so, about every second: after this long without a word it counts as gone. */
export const DIALER_SILENCE_MS = 30_000;
/** A dialer that works comes to every campaign within a second or two; after this long without a sign something holds it off. */
export const CLAIM_SILENCE_MS = 300_000;

/** The dialers of all processes. */
export interface DialersAtWork {
  alive: number;
  /** Of those, the ones whose carrier is not left alone at the moment. */
  free: number;
  /** When any of them last ended a round; undefined: none ever did. */
  lastAt: Date | undefined;
}

/** A campaign in progress with somebody due. */
export interface DueCampaign {
  id: number;
  accountId: number;
  window: CallingWindow;
  /** Since when the contact is due that has waited longest. */
  dueAt: Date;
  /** When the campaign was last changed, which starting it is, too. */
  changedAt: Date;
  linesFull: boolean;
}

/** A campaign for which nobody claims. */
export interface Unclaimed {
  campaign: Pick<DueCampaign, 'id' | 'accountId'>;
  /** No dialer works; or one does, and does not come to this campaign. */
  reason: 'no_dialer' | 'not_claimed';
  /** The last sign of a dialer: of any, or of one that came to this campaign. */
  since: Date | undefined;
  dueAt: Date;
}

/** Those that may call now, while no dialer works: full lines or a pause do not excuse that. */
export const findWithoutDialer = (campaigns: readonly DueCampaign[], dialers: DialersAtWork, now: Date): Unclaimed[] => {
  if (dialers.alive > 0) return [];
  return campaigns
    .filter(({ window }) => isOpen(window, now))
    .map((campaign) => ({ campaign, reason: 'no_dialer', since: dialers.lastAt, dueAt: campaign.dueAt }));
};

/**
 * Those that a dialer should have come to long ago: due, unchanged and with an open window for so long, with a free line and a carrier
 * that is not paused. Whether one has come shows in its signs.
 */
export const findOverdue = (campaigns: readonly DueCampaign[], dialers: DialersAtWork, now: Date): DueCampaign[] => {
  if (dialers.free === 0) return [];
  const then = new Date(now.getTime() - CLAIM_SILENCE_MS);
  return campaigns.filter(
    ({ window, dueAt, changedAt, linesFull }) =>
      !linesFull && dueAt <= then && changedAt <= then && isOpen(window, now) && isOpen(window, then),
  );
};

/** Of those, the ones to which no dialer has come. A refusal is a sign: a limit that holds a campaign back is no silence. */
export const findNotClaimed = (overdue: readonly DueCampaign[], signs: ReadonlyMap<number, Date>, now: Date): Unclaimed[] =>
  overdue.flatMap((campaign): Unclaimed[] => {
    const since = signs.get(campaign.id);
    if (since !== undefined && now.getTime() - since.getTime() < CLAIM_SILENCE_MS) return [];
    return [{ campaign, reason: 'not_claimed', since, dueAt: campaign.dueAt }];
  });
