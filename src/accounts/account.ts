// An account: who owns campaigns and keys. Its limits are the operator's to change, the rest is its own.
import type { AccountRow } from '../db/schema.ts';

/** An account. Limits count calls at the same time: of one campaign, and of all together. */
export interface Account {
  id: number;
  name: string;
  email: string;
  /** IANA name; null where none is set. */
  timezone: string | null;
  maxCallsInParallel: number;
  maxParallelCalls: number;
  /** For which its data is kept, 1 to 24. */
  retentionMonths: number;
}

/** An account from its row. */
export const toAccount = (row: AccountRow): Account => ({
  id: row.id,
  name: row.name,
  email: row.email,
  timezone: row.timezone,
  maxCallsInParallel: row.max_calls_in_parallel,
  maxParallelCalls: row.max_parallel_calls,
  retentionMonths: row.retention_months,
});

/** `GET /user/account`. */
export const presentAccount = (account: Account) => ({
  id: account.id,
  name: account.name,
  email: account.email,
  timezone: account.timezone,
  max_calls_in_parallel: account.maxCallsInParallel,
  max_parallel_calls: account.maxParallelCalls,
  retention_months: account.retentionMonths,
});

/** `GET /user/me`. Nothing bills here, so the balance is 0. */
export const presentMe = (account: Account) => ({ name: account.name, email: account.email, total_balance: 0 });
