// Whose turn it is in a lead: the primary first, then its secondary contacts in their order. Source: lifecycle 1.6. [pure]
import type { LeadStatus } from './lead.ts';

/** A lead's primary or one of its secondary contacts. */
export interface FamilyMember {
  id: number;
  status: LeadStatus;
}

/**
 * Whose turn it is; nobody else of the lead may wait for a dial. Undefined when the cascade has ended. Who is on a call has the
 * turn until it is settled: a customer's phones ring one at a time, whatever a person sets meanwhile.
 * `family`: the primary, then the contacts in calling order. `lost`: those whose last attempt was left unknown; exhausted that
 * way they end the cascade, since the person may have been reached.
 */
export const whoseTurn = (family: readonly FamilyMember[], lost: ReadonlySet<number>): number | undefined => {
  const onCall = family.find(({ status }) => status === 'processing');
  if (onCall !== undefined) return onCall.id;
  for (const [index, { id, status }] of family.entries()) {
    const isPrimary = index === 0;
    switch (status) {
      case 'created':
      case 'scheduled':
      case 'rescheduled':
      case 'processing':
        // A contact is of no use once anybody was reached; the primary is back in the queue because a person put it there.
        return isPrimary || family.every((other) => other.status !== 'completed') ? id : undefined;
      case 'completed':
        return undefined;
      case 'reached-max-retries':
        if (lost.has(id)) return undefined;
        break;
      case 'blacklisted':
        // Who opted out is not chased on other numbers; a contact's number alone is passed over.
        if (isPrimary) return undefined;
        break;
    }
  }
  return undefined;
};
