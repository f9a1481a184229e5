// What a list of leads may be narrowed to and ordered by.                                                          [pure]
import type { LeadStatus } from './lead.ts';

/** Filters of the list; all that are given must hold. Instants are UTC. */
export interface LeadFilter {
  status?: LeadStatus;
  campaignId?: number;
  /** A `like` pattern: `%digits%`, `+digits%`, or the empty one, which nothing matches. */
  phonePattern?: string;
  /** The first instant of a day; inclusive. */
  createdFrom?: Date;
  /** The first instant of a day; exclusive. */
  createdBefore?: Date;
  /** Inclusive. */
  updatedSince?: Date;
  /** Variables that must have these values. */
  variables?: Readonly<Record<string, string>>;
  /** Words, each of which must stand in the phone number or begin a word of a variable. */
  words?: readonly string[];
}

/** What a list can be ordered by; equal ones by id. */
export const LEAD_ORDERS = ['id', '-id', 'created_at', '-created_at', 'updated_at', '-updated_at'] as const;
export type LeadOrder = (typeof LEAD_ORDERS)[number];

/** The order of the list where none is asked for, as documented. */
export const DEFAULT_ORDER: LeadOrder = 'id';

/** The column that an order names, and its direction. */
export const readOrder = (order: LeadOrder): { column: 'id' | 'created_at' | 'updated_at'; descending: boolean } => {
  const descending = order.startsWith('-');
  const column = (descending ? order.slice(1) : order) as 'id' | 'created_at' | 'updated_at';
  return { column, descending };
};

/** Whether the kept counts know how many match: they know campaign, status and day, and nothing else. */
export const isCounted = ({ phonePattern, updatedSince, variables, words }: LeadFilter): boolean =>
  phonePattern === undefined && updatedSince === undefined && variables === undefined && words === undefined;

/** Whether a filter asks for days. */
export const isDated = ({ createdFrom, createdBefore }: LeadFilter): boolean => createdFrom !== undefined || createdBefore !== undefined;

/** Digits of a part of a number that the index of windows can find. Fewer stand in most numbers. */
const WINDOW = 5;
const SHORTEST = WINDOW - 1;

/** How the index of windows finds a part of a number: all of these windows, or any of them. */
export interface Windows {
  mode: 'all' | 'any';
  windows: number[];
}

/**
 * The windows (five digits, with the account in front, as `phone_windows` in migrations/0005 makes them) of what a pattern looks
 * for; undefined where it has too few digits. What they find is still to be held against the pattern.
 */
export const windowsOf = (accountId: number, phonePattern: string): Windows | undefined => {
  const digits = phonePattern.replace(/\D/g, '');
  const key = (text: string): number => accountId * 10 ** WINDOW + Number(text);
  if (digits.length < SHORTEST) return undefined;
  if (digits.length === SHORTEST) {
    const one = Array.from({ length: 10 }, (_, digit) => digit);
    return { mode: 'any', windows: one.flatMap((digit) => [key(`${digits}${digit}`), key(`${digit}${digits}`)]) };
  }
  const starts = Array.from({ length: digits.length - WINDOW + 1 }, (_, at) => at);
  return { mode: 'all', windows: [...new Set(starts.map((at) => key(digits.slice(at, at + WINDOW))))] };
};

/** Whether the index of windows finds what matches a filter. */
export const isFoundByNumber = (accountId: number, { phonePattern }: LeadFilter): boolean =>
  phonePattern !== undefined && windowsOf(accountId, phonePattern) !== undefined;

/** Whether an index finds what matches a filter that is not counted, or the account's leads have to be passed over. */
export const isIndexed = (accountId: number, filter: LeadFilter): boolean =>
  isFoundByNumber(accountId, filter) || filter.updatedSince !== undefined || filter.variables !== undefined || filter.words !== undefined;
