// What a list of leads may be narrowed to.                                                                         [pure]
import type { LeadStatus } from './lead.ts';

/** Filters of the list; all that are given must hold. Instants bound `created_at`: from inclusive, before exclusive. */
export interface LeadFilter {
  status?: LeadStatus;
  campaignId?: number;
  /** A `like` pattern. */
  phonePattern?: string;
  createdFrom?: Date;
  createdBefore?: Date;
}
