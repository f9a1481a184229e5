// On what terms tests that ask a ledger themselves claim calls.
import type { ClaimTerms } from '../../src/dialer/ledger.ts';

/** No rate holds them up, and a lease outlives the test. */
export const TERMS: ClaimTerms = {
  worker: 'one',
  leaseMs: 30_000,
  carrier: { kind: 'simulated', simulated: true },
  rates: { campaign: 0, number: 0, carrier: 0 },
  limit: 50,
};
