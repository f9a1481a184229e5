// A lead: a person to reach, with variables; a primary number and up to ten secondary contacts, called in their order.
import type { LeadRow, Variables } from '../db/schema.ts';
import { toSpaceDateTime } from '../http/wire-time.ts';
import type { E164 } from '../phone.ts';

/** The seven statuses of a lead and of a secondary contact. */
export const LEAD_STATUSES = [
  'created',
  'scheduled',
  'processing',
  'completed',
  'rescheduled',
  'reached-max-retries',
  'blacklisted',
] as const;

/** Those that only the dialer and the blacklist assign. */
export const AUTOMATIC_STATUSES = ['scheduled', 'processing', 'rescheduled', 'blacklisted'] as const;

export type LeadStatus = (typeof LEAD_STATUSES)[number];

/** Secondary contacts that a lead may have. */
export const MAX_CONTACTS = 10;

/** A number to call with what is known of the person. */
export interface NewContact {
  phone_number: E164;
  variables: Variables;
}

/** A lead to be added. */
export interface NewLead extends NewContact {
  contacts: NewContact[];
  /** What it is called where it comes from: once in a campaign. */
  external_id?: string | undefined;
}

/** A row of `leads` as the wire needs it, whichever of the two it is. */
export type ContactRow = Pick<LeadRow, 'id' | 'phone_number' | 'variables' | 'status' | 'created_at' | 'updated_at'>;

/** A lead with its campaign's name and its secondary contacts in calling order. */
export interface FoundLead extends ContactRow {
  campaign_id: number;
  campaign_name: string;
  contacts: ContactRow[];
}

/** The six keys of a nested secondary contact. */
export const presentContact = (row: ContactRow) => ({
  id: row.id,
  phone_number: row.phone_number,
  variables: row.variables,
  status: row.status,
  created_at: toSpaceDateTime(row.created_at),
  updated_at: toSpaceDateTime(row.updated_at),
});

/** The nine keys of a lead. */
export const presentLead = (lead: FoundLead) => ({
  id: lead.id,
  campaign_id: lead.campaign_id,
  phone_number: lead.phone_number,
  variables: lead.variables,
  status: lead.status,
  created_at: toSpaceDateTime(lead.created_at),
  updated_at: toSpaceDateTime(lead.updated_at),
  campaign: { id: lead.campaign_id, name: lead.campaign_name },
  secondary_contacts: lead.contacts.map(presentContact),
});
