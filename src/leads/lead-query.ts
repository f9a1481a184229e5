// From the parameters of a request to the filter of a list.                                                        [pure]
import { dayStart, nextDay, readInstant } from '../http/wire-time.ts';
import { toPhonePattern } from '../phone.ts';
import type { LeadStatus } from './lead.ts';
import type { LeadFilter } from './lead-filter.ts';

/** The parameters as the schema leaves them (lead.schema.ts, leadFilters). */
export interface LeadFilterQuery {
  status?: LeadStatus;
  campaign_id?: number;
  phone_number?: string;
  date_from?: string;
  date_to?: string;
  updated_since?: string;
  variables?: Record<string, string>;
  q?: string;
}

// The sign between two words (Smith & Sons) is none; but a text of signs alone was not meant as "all", and finds nobody.
const wordsOf = (text: string | undefined): string[] => {
  const parts = (text ?? '').split(/\s+/).filter((part) => part !== '');
  const words = parts.filter((part) => /[\p{L}\p{N}]/u.test(part));
  return words.length === 0 ? parts : words;
};

/** The filter that a request asks for. */
export const toLeadFilter = (query: LeadFilterQuery): LeadFilter => {
  const from = query.date_from === undefined ? undefined : dayStart(query.date_from);
  const to = query.date_to === undefined ? undefined : dayStart(query.date_to);
  const before = to === undefined ? undefined : nextDay(to);
  const since = query.updated_since === undefined ? undefined : readInstant(query.updated_since);
  const words = wordsOf(query.q);
  return {
    ...(query.status === undefined ? {} : { status: query.status }),
    ...(query.campaign_id === undefined ? {} : { campaignId: query.campaign_id }),
    ...(query.phone_number === undefined ? {} : { phonePattern: toPhonePattern(query.phone_number) }),
    ...(from === undefined ? {} : { createdFrom: from }),
    ...(before === undefined ? {} : { createdBefore: before }),
    ...(since === undefined ? {} : { updatedSince: since }),
    ...(Object.keys(query.variables ?? {}).length === 0 ? {} : { variables: query.variables ?? {} }),
    ...(words.length === 0 ? {} : { words }),
  };
};
