// An entry of the blacklist as the wire shows it, and who is taken out of the queue by it. Pure.
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
