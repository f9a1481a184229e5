// An entry of the blacklist as the wire shows it, who is taken out of the queue by it, and in which steps. Pure.
import type { DncNumberRow } from '../db/schema.ts';
import { toIsoMicro } from '../http/wire-time.ts';

/** The statuses that wait for a dial: a blocked number takes these leads and contacts out. Source: lifecycle 1.2. */
export const WAITING_STATUSES = ['created', 'scheduled', 'rescheduled'] as const;

/** The reason of an entry that was made from a lead, where none is given. Source: lifecycle 1.3. */
export const FROM_LEAD = 'from lead';

/** An entry of the blacklist. */
export const presentEntry = (row: DncNumberRow) => ({
  id: row.id,
  phone_number: row.phone_number,
  reason: row.reason,
  created_at: toIsoMicro(row.created_at),
});

/** The numbers that are blocked in one transaction, at most. */
export const NUMBERS_AT_ONCE = 50;
/** The leads and contacts with numbers that are blocked in one transaction, at most: as many as take some tenths of a second. */
export const LEADS_AT_ONCE = 250;

/**
 * Divides numbers into steps, in their order: each of at most NUMBERS_AT_ONCE numbers with at most LEADS_AT_ONCE leads. A number that
 * has more leads (`leads` says of each how many it has) is a step of its own, since a number is blocked whole or not at all.
 */
export const blockingSteps = (numbers: readonly string[], leads: ReadonlyMap<string, number>): string[][] => {
  const steps: string[][] = [];
  let step: string[] = [];
  let held = 0;
  for (const number of numbers) {
    const own = leads.get(number) ?? 0;
    if (step.length > 0 && (step.length === NUMBERS_AT_ONCE || held + own > LEADS_AT_ONCE)) {
      steps.push(step);
      step = [];
      held = 0;
    }
    step.push(number);
    held += own;
  }
  return step.length === 0 ? steps : [...steps, step];
};
