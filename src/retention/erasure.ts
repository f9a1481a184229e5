// What erasing a person by number removes, and what is said of it. Pure.
import type { E164 } from '../phone.ts';

/** Whom to erase. */
export interface Erasure {
  accountId: number;
  number: E164;
  /** Only count. */
  dryRun: boolean;
}

/** What is removed, in the order in which it is told. Rows, but for `idempotency_keys`, whose answers are emptied. */
export const ERASED_KINDS = [
  'leads',
  'contacts',
  'calls',
  'carrier_reports',
  'decisions',
  'changes',
  'webhook_messages',
  'webhook_deliveries',
  'import_rejects',
  'import_issues',
  'idempotency_keys',
] as const;

export type ErasedKind = (typeof ERASED_KINDS)[number];

/** How many of each kind. */
export type ErasedCounts = Record<ErasedKind, number>;

/** Nothing of any kind. */
export const nothingErased = (): ErasedCounts => Object.fromEntries(ERASED_KINDS.map((kind) => [kind, 0])) as ErasedCounts;

/** All kinds together. */
export const countErased = (counts: ErasedCounts): number => ERASED_KINDS.reduce((sum, kind) => sum + counts[kind], 0);

/** What an erasure says. The number is not repeated: an answer may be kept. */
export const erasureSentence = (counts: ErasedCounts, dryRun: boolean): string => {
  if (countErased(counts) === 0) return 'Nothing is kept about this number';
  return dryRun ? 'This would be erased' : 'Number erased';
};
