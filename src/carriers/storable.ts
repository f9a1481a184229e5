// What carriers say may hold what no database takes.                                                                 [pure]
import type { CarrierEvent } from './carrier.ts';

// PostgreSQL's text has neither NUL nor half of a character.
const clean = (text: string): string => text.replaceAll('\u0000', '').toWellFormed();

const cleanAll = (value: unknown): unknown => {
  if (typeof value === 'string') return clean(value);
  if (Array.isArray(value)) return value.map(cleanAll);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [clean(key), cleanAll(inner)]));
};

/** The same event with texts that can be stored. */
export const toStorable = (event: CarrierEvent): CarrierEvent => ({
  ...event,
  carrierCallId: clean(event.carrierCallId),
  dedupeKey: clean(event.dedupeKey),
  body: cleanAll(event.body) as CarrierEvent['body'],
});
