// How long what is kept: the rules of the background sweep. Pure.

/** Months for which an account's data is kept: the bounds of the setting, and what it is where nobody has set it. */
export const MIN_RETENTION_MONTHS = 1;
export const MAX_RETENTION_MONTHS = 24;

const DAY_MS = 86_400_000;

/** Days for which carriers' reports and delivered webhooks are kept. No month is taken to be shorter. */
export const SHORT_RETENTION_DAYS = 30;

/** Days after a call's end from which on reports of it are dropped. Earlier than its first reports go: a call must never be judged by a part of them. */
export const REPORTABLE_DAYS = SHORT_RETENTION_DAYS - 1;

/** What is older than these instants goes. */
export interface Cutoffs {
  /** For carriers' reports and delivered webhooks. */
  short: Date;
  /** For everything else. */
  long: Date;
}

/** An instant so many days earlier. */
export const daysBefore = (now: Date, days: number): Date => new Date(now.getTime() - days * DAY_MS);

// The same day of an earlier month, in UTC, or the last one that the month has.
const monthsBefore = (now: Date, months: number): Date => {
  const then = new Date(now);
  then.setUTCDate(1);
  then.setUTCMonth(then.getUTCMonth() - months);
  const lastDay = new Date(Date.UTC(then.getUTCFullYear(), then.getUTCMonth() + 1, 0)).getUTCDate();
  then.setUTCDate(Math.min(now.getUTCDate(), lastDay));
  return then;
};

/** The instants before which data of an account goes that keeps it for `months`. */
export const cutoffsOf = (months: number, now: Date): Cutoffs => {
  const short = daysBefore(now, SHORT_RETENTION_DAYS);
  const long = monthsBefore(now, months);
  return { short, long: long < short ? long : short };
};

/** Tables of which the sweep removes rows, and how long those are kept. */
export const SWEPT = {
  calls: 'the account’s months from their end',
  leads: 'the account’s months from their last change, once they and their contacts are done with and their calls are gone',
  decisions: 'the account’s months from the last time they were made',
  changes: 'the account’s months',
  carrier_events: '30 days from the end of their call, and never longer than it',
  webhook_messages: 'delivered ones 30 days, others the account’s months, and never longer than their call',
  webhook_deliveries: 'as long as their message',
  imports: 'the account’s months from their end',
  import_issues: 'as long as their import',
  import_rejects: 'as long as their import',
} as const;

/** A table of which the sweep removes rows. */
export type SweptTable = keyof typeof SWEPT;

/** Tables that the sweep leaves alone, and why. */
export const NOT_SWEPT = {
  accounts: 'the owner’s own settings',
  api_keys: 'go when they are revoked',
  phone_numbers: 'the account’s own numbers',
  assistants: 'settings',
  campaigns: 'settings; deleted ones are purged',
  campaign_phone_numbers: 'settings',
  dnc_numbers: 'a person who must not be called must not be forgotten',
  lead_count_changes: 'counts, nobody’s data',
  lead_spans: 'counts, nobody’s data',
  lead_cells: 'counts, nobody’s data',
  idempotency_keys: 'go after 24 hours by themselves',
  webhook_secrets: 'the account’s own; those that were replaced expire',
  carrier_pauses: 'about carriers, one row for each',
  carrier_accepts: 'about carriers, one row for each',
  dialers: 'about processes',
  schema_migrations: 'about the schema',
} as const;

/** Rows removed, by table. */
export type RemovedRows = Partial<Record<SweptTable, number>>;

/** The sum of two. */
export const addRemoved = (one: RemovedRows, other: RemovedRows): RemovedRows => {
  const sum: RemovedRows = { ...one };
  for (const table of Object.keys(other) as SweptTable[]) sum[table] = (sum[table] ?? 0) + (other[table] ?? 0);
  return sum;
};

/** How many rows those are in all. */
export const countRemoved = (removed: RemovedRows): number => Object.values(removed).reduce((sum, count) => sum + count, 0);
