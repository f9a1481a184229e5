// Many leads in one request: reading them, and which of them may be saved together. To whoever sends them it is as if they were
// saved one after the other.                                                                                          [pure]
import type { FieldErrors, ValidationError } from '../errors.ts';
import { isRecord } from '../is-record.ts';
import { MAX_CONTACTS, type NewContact, type NewLead } from './lead.ts';
import { findRepeatedNumbers } from './lead-numbers.ts';

/** Leads that a request may have. */
export const MAX_BULK_LEADS = 10_000;

/** Bytes of a line, and characters and values of a lead: about what one that is sent alone may have. */
const MAX_LEAD_SIZE = 1_048_576;
const TOO_LARGE = 'The lead must not be larger than 1 MB.';
/** Characters of an external id. */
export const MAX_EXTERNAL_ID = 255;

/** A line that is no JSON, and why. Its bytes stay, so that a request with another bad line is another request. */
export class UnreadableLine {
  readonly reason: string;
  readonly bytes: string;
  constructor(reason: string, line: Uint8Array) {
    this.reason = reason;
    this.bytes = Buffer.from(line).toString('latin1');
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true });

const readLine = (line: Uint8Array): unknown => {
  if (line.length > MAX_LEAD_SIZE) return new UnreadableLine(TOO_LARGE, line);
  try {
    const text = decoder.decode(line);
    return text.trim() === '' ? undefined : JSON.parse(text);
  } catch {
    return new UnreadableLine('Malformed JSON', line);
  }
};

/** The values of NDJSON, one for each line that is not empty; one more than allowed is enough to be refused. */
export const readLines = (body: Uint8Array): unknown[] => {
  const values: unknown[] = [];
  for (let at = 0; at < body.length && values.length <= MAX_BULK_LEADS; ) {
    const end = body.indexOf(0x0a, at);
    const stop = end < 0 ? body.length : end;
    const value = readLine(body.subarray(at, stop));
    if (value !== undefined) values.push(value);
    at = stop + 1;
  }
  return values;
};

/** A lead that can be saved, and its place in the request. */
export interface BulkItem {
  index: number;
  campaignId: number;
  allowDuplicate: boolean;
  lead: NewLead;
}

/** What became of a lead. */
export type BulkOutcome =
  | { status: 'created'; id: number; lead_status: 'created' | 'blacklisted' }
  | { status: 'updated'; id: number }
  | { status: 'duplicate'; id?: number }
  | { status: 'invalid'; id?: number; errors: FieldErrors };

/** What became of a lead, as it is answered. */
export type BulkResult = { index: number; external_id?: string } & BulkOutcome;

/** A lead as the schema has read it. */
export interface CheckedLead extends Omit<NewLead, 'variables' | 'contacts'> {
  campaign_id: number;
  allow_dupplicate?: boolean;
  variables?: Record<string, unknown>;
  secondary_contacts?: (Omit<NewLead, 'variables' | 'contacts' | 'external_id'> & { variables?: Record<string, unknown> })[];
}

/** What holds for leads that say nothing else. */
export interface BulkDefaults {
  campaign_id?: number | undefined;
  allow_dupplicate?: boolean | undefined;
}

// Looked at before anything else walks through it: a whole body of brackets may lie in one lead.
const isTooLarge = (root: object): boolean => {
  const stack: object[] = [root];
  let size = 0;
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    const keys = Array.isArray(at) ? [] : Object.keys(at);
    const values: unknown[] = Array.isArray(at) ? at : Object.values(at);
    size += values.length + keys.reduce((sum, key) => sum + key.length, 0);
    if (size > MAX_LEAD_SIZE) return true;
    for (const value of values) {
      if (typeof value === 'string') size += value.length;
      else if (typeof value === 'object' && value !== null) stack.push(value);
    }
  }
  return size > MAX_LEAD_SIZE;
};

/** Reads one lead, whatever was sent in its place. */
export const readItem = (
  sent: unknown,
  index: number,
  defaults: BulkDefaults,
  check: (value: unknown) => { value: CheckedLead } | { error: ValidationError },
): BulkItem | { errors: FieldErrors } => {
  if (sent instanceof UnreadableLine) return { errors: { lead: [sent.reason] } };
  if (!isRecord(sent)) return { errors: { lead: ['The lead must be a JSON object.'] } };
  if (isTooLarge(sent)) return { errors: { lead: [TOO_LARGE] } };
  const campaignId = sent.campaign_id ?? defaults.campaign_id;
  const checked = check(campaignId === undefined ? sent : { ...sent, campaign_id: campaignId });
  if ('error' in checked) {
    const { errors, message } = checked.error;
    return { errors: Object.keys(errors).length > 0 ? errors : { lead: [message] } };
  }
  const { phone_number, variables = {}, secondary_contacts = [], external_id, campaign_id, allow_dupplicate } = checked.value;
  const repeated = findRepeatedNumbers(phone_number, secondary_contacts);
  if (repeated !== undefined) return { errors: repeated };
  const contacts = secondary_contacts.map((contact) => ({ ...contact, variables: contact.variables ?? {} }));
  return {
    index,
    campaignId: campaign_id,
    allowDuplicate: allow_dupplicate ?? defaults.allow_dupplicate ?? false,
    lead: { phone_number, variables, contacts, external_id },
  };
};

/** The external id that an answer repeats, also for a lead that is refused; undefined where it cannot be meant. */
export const externalIdOf = (sent: unknown): string | undefined => {
  const id = isRecord(sent) && typeof sent.external_id === 'string' ? sent.external_id.trim() : '';
  return id !== '' && id.length <= MAX_EXTERNAL_ID * 2 && id.isWellFormed() ? id : undefined;
};

/** A lead that is stored under an external id, with all numbers of its family. */
export interface KnownLead {
  id: number;
  phone_number: string;
  /** Whether the dialer has reserved a call in the family. */
  scheduled: boolean;
  contacts: ReadonlySet<string>;
}

/** An item for a lead that is stored. */
export interface KnownItem {
  item: BulkItem;
  known: KnownLead;
}

/** What is saved next: first all new ones, then merges (variables alone), then changes one by one; `later` waits for these. */
export interface Round {
  inserts: BulkItem[];
  merges: KnownItem[];
  changes: KnownItem[];
  later: BulkItem[];
}

/** The name under which a lead of a campaign is looked up; undefined where it has no external id. */
export const externalKey = (campaignId: number, externalId: string | null | undefined): string | undefined =>
  typeof externalId === 'string' ? `${campaignId} ${externalId}` : undefined;

/**
 * Takes as many items as can be saved together without anybody seeing another outcome than if they were saved in their order.
 * What has a number or an external id in common with an item before it that goes later, or that the order of a round would put
 * behind it, goes later itself.
 */
export const planRound = (items: readonly BulkItem[], known: ReadonlyMap<string, KnownLead>): Round => {
  const round: Round = { inserts: [], merges: [], changes: [], later: [] };
  const waiting = new Set<string>();
  // Numbers that a change takes or frees; and of each changed lead all that it may have by then.
  const moving = new Set<string>();
  const changing = new Map<number, string[]>();
  // External ids that come in, with the number that they come in with.
  const added = new Map<string, string>();
  const addedNumbers = new Map<string, boolean>();
  const place = (item: BulkItem, id: string | undefined, number: string, stored: KnownLead | undefined): keyof Round => {
    if (stored === undefined) {
      const otherwise = (addedNumbers.get(number) ?? item.allowDuplicate) !== item.allowDuplicate;
      return otherwise || moving.has(number) || (id !== undefined && added.has(id)) ? 'later' : 'inserts';
    }
    const same = stored.phone_number === item.lead.phone_number && item.lead.contacts.every((one) => stored.contacts.has(one.phone_number));
    return same && !changing.has(stored.id) ? 'merges' : 'changes';
  };
  for (const item of items) {
    const external = externalKey(item.campaignId, item.lead.external_id);
    const stored = external === undefined ? undefined : known.get(external);
    const id = external === undefined ? undefined : `id ${external}`;
    const numberKey = (number: string) => `number ${item.campaignId} ${number}`;
    const number = numberKey(item.lead.phone_number);
    const had = stored === undefined ? [added.get(id ?? '') ?? []].flat() : (changing.get(stored.id) ?? [numberKey(stored.phone_number)]);
    const keys = [number, ...had, ...(id === undefined ? [] : [id])];
    const where = keys.some((key) => waiting.has(key)) ? 'later' : place(item, id, number, stored);
    if (where === 'later') {
      round.later.push(item);
      for (const key of keys) waiting.add(key);
    } else if (stored === undefined) {
      round.inserts.push(item);
      addedNumbers.set(number, item.allowDuplicate);
      if (id !== undefined) added.set(id, number);
    } else if (where === 'merges') {
      round.merges.push({ item, known: stored });
    } else {
      round.changes.push({ item, known: stored });
      if (!had.includes(number)) had.push(number);
      changing.set(stored.id, had);
      for (const key of had) moving.add(key);
    }
  }
  return round;
};

/** The changes of a round by how they can be made. */
export interface DividedChanges {
  /** They bring a new number alone. */
  renumbered: KnownItem[];
  /** They bring new contacts, and no new number. */
  extended: KnownItem[];
  /** One by one, in this order. */
  others: KnownItem[];
}

/**
 * Divides the changes of a round. `renumbered` and `extended` are of leads that no call is reserved for, and have neither lead nor number
 * in common with another change of the round: it is all the same in which order these are made.
 */
export const divideChanges = (changes: readonly KnownItem[]): DividedChanges => {
  const uses = new Map<string, number>();
  const keysOf = ({ item, known }: KnownItem): string[] => [
    `lead ${known.id}`,
    ...new Set([item.lead.phone_number, known.phone_number].map((number) => `number ${item.campaignId} ${number}`)),
  ];
  for (const key of changes.flatMap(keysOf)) uses.set(key, (uses.get(key) ?? 0) + 1);
  const kindOf = (change: KnownItem): keyof DividedChanges => {
    const { lead } = change.item;
    const { scheduled, contacts, phone_number } = change.known;
    if (scheduled || contacts.has(lead.phone_number) || keysOf(change).some((key) => uses.get(key) !== 1)) return 'others';
    const added = newContactsOf(change).length;
    if (added === 0) return 'renumbered';
    return lead.phone_number === phone_number && contacts.size + added <= MAX_CONTACTS ? 'extended' : 'others';
  };
  return { renumbered: [], extended: [], others: [], ...Object.groupBy(changes, kindOf) };
};

/** The contacts that an item brings to a lead that has not their numbers. */
export const newContactsOf = ({ item, known }: KnownItem): NewContact[] =>
  item.lead.contacts.filter(({ phone_number }) => !known.contacts.has(phone_number));

/** How many leads came to what. */
export const countOutcomes = (results: readonly BulkResult[]) => {
  const counts = { created: 0, updated: 0, duplicate: 0, invalid: 0 };
  for (const { status } of results) counts[status] += 1;
  return counts;
};
