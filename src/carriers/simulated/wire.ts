// What goes between a simulated carrier in a process of its own and its clients: JSON, both ends being ours.
import type { CallRef, CarrierEvent, EndedEvent, PlaceResult } from '../carrier.ts';

type OnWire<Event> = Omit<Event, 'at'> & { readonly at: string };

/** The answer to `POST /place`. What is not known is not answered. */
export type PlaceAnswer = Exclude<PlaceResult, { kind: 'unknown' }>;

/** The answer to `POST /lookup`. */
export type LookupAnswer = { readonly found: 'live' | 'gone' } | { readonly found: OnWire<EndedEvent> };

/** The answer to `GET /events`: `cursor` acknowledges these, and all before, when it is given as `after` the next time. */
export interface EventsAnswer {
  readonly events: readonly OnWire<CarrierEvent>[];
  readonly cursor: string;
}

/** The body of `POST /lookup`. */
export type RefOnWire = { readonly carrierCallId: string } | { readonly callId: string; readonly to: string; readonly since: string };

/** An event that came over the wire. */
export const fromWire = <Event extends { readonly at: Date }>(event: OnWire<Event>): Omit<Event, 'at'> & { at: Date } => ({
  ...event,
  at: new Date(event.at),
});

/** A reference that came over the wire. */
export const toRef = (ref: RefOnWire): CallRef => ('callId' in ref ? { ...ref, since: new Date(ref.since) } : ref);
