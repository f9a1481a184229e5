// From the query of the list to its filter: for the list, and for what else takes the same filters.
import type { Type } from 'typebox';
import { toPhonePattern } from '../http/phone-filter.ts';
import { dayStart, nextDay } from '../http/wire-time.ts';
import type { LeadQuery } from './lead.schema.ts';
import type { LeadFilter } from './lead-filter.ts';

/** The filter that a checked query means. */
export const toFilter = (query: Type.Static<typeof LeadQuery>): LeadFilter => {
  const from = query.date_from === undefined ? undefined : dayStart(query.date_from);
  const to = query.date_to === undefined ? undefined : dayStart(query.date_to);
  const before = to === undefined ? undefined : nextDay(to);
  return {
    ...(query.status === undefined ? {} : { status: query.status }),
    ...(query.campaign_id === undefined ? {} : { campaignId: query.campaign_id }),
    ...(query.phone_number === undefined ? {} : { phonePattern: toPhonePattern(query.phone_number) }),
    ...(from === undefined ? {} : { createdFrom: from }),
    ...(before === undefined ? {} : { createdBefore: before }),
  };
};
