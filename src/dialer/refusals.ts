// Why a campaign calls nobody, or a contact is not called; and when a refusal is the same one again.                [pure]
import type { RefusalReason } from './ledger.ts';

/** Facts that are told apart: a refusal with the same ones is the same refusal. The others are those of its first time. */
export interface RefusalFacts {
  same: Record<string, unknown>;
  first: Record<string, unknown>;
}

/** A contact that is not called, and why. */
export interface RefusedLead {
  leadId: number;
  reason: RefusalReason;
  facts: Record<string, unknown>;
}

/** A refusal of a whole campaign that was written down. */
interface Written {
  reason: string;
  facts: Record<string, unknown>;
  last_at: Date;
}

/** A full campaign is refused with every call that ends; once a minute tells it as well. Milliseconds. */
export const COUNT_EVERY = 60_000;

const PACING: readonly string[] = [
  'campaign_lines_full',
  'account_lines_full',
  'campaign_rate',
  'carrier_rate',
  'number_rate',
] satisfies RefusalReason[];

/** Campaigns at work are kept back by any of five limits, in turn: as many of the last rows are looked at. */
export const ROWS_TO_FOLD = PACING.length;

/**
 * The row that this refusal repeats; undefined when it is a new one. Only the last row may be repeated, and of those that
 * pace a campaign the last of each kind: else two limits that are reached in turn would write a row with every call.
 * @param last the campaign's last rows, the latest first.
 */
export const repeatedRefusal = <Row extends Written>(
  last: readonly Row[],
  reason: RefusalReason,
  same: RefusalFacts['same'],
): Row | undefined => {
  for (const row of last) {
    if (row.reason === reason) return Object.entries(same).every(([name, value]) => row.facts[name] === value) ? row : undefined;
    if (!PACING.includes(reason) || !PACING.includes(row.reason)) return undefined;
  }
  return undefined;
};

/** Whether a refusal that is repeated is counted now. */
export const isCounted = ({ last_at }: Written, now: Date): boolean => now.getTime() - last_at.getTime() >= COUNT_EVERY;
