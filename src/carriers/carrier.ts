// What the dialer asks of a carrier, and what a carrier reports. docs/carriers.md says how to write one, and
// test/carrier-conformance.ts is what every carrier must pass.
//
// Nothing here carries sound yet: a media leg (and the socket it may come in by) joins this contract with the first carrier
// that talks, and so do secrets, with the first that has a password.
import type { Logger } from 'pino';
import type { Outcome } from '../calls/disposition.ts';

/** One attempt on one number. It is stored before a carrier hears of it. */
export interface PlaceCall {
  /** Ours, and unique to the attempt. */
  readonly callId: string;
  /** E.164, both. */
  readonly to: string;
  readonly from: string;
  readonly ringTimeoutMs: number;
  readonly maxDurationMs: number;
  readonly amd: 'off' | 'detect' | 'wait-for-beep';
  readonly record: boolean;
  /** What a particular carrier wants to know besides. */
  readonly vars?: Readonly<Record<string, string>>;
}

/**
 * Whom a refusal concerns. `number`: this number alone (it cannot be called, or this carrier never calls it); it ends like a failed call.
 * `carrier`: whatever would be asked for now (throttled, out of credit, trunk down); the try does not count. In doubt `carrier`.
 */
export type RefusalScope = 'number' | 'carrier';

/** What came of asking for a call. */
export type PlaceResult =
  | { readonly kind: 'accepted'; readonly carrierCallId: string }
  /** Certain: nothing is ringing and nothing will. Whoever cannot be certain answers `unknown`. */
  | {
      readonly kind: 'rejected';
      readonly scope: RefusalScope;
      readonly code: string;
      readonly message: string;
      readonly retryAfterMs?: number;
    }
  /** It may ring or not. Settled by `lookup` or by an event, and never by asking again. */
  | { readonly kind: 'unknown'; readonly error: unknown };

/** One utterance of a conversation. `timestamp` is in Unix seconds. */
export interface TranscriptEntry {
  readonly text: string;
  readonly type: 'transcript';
  readonly sender: 'bot' | 'human';
  readonly timestamp: number;
}

/** What a call has done. */
export type CarrierEventBody =
  | { readonly type: 'ringing'; readonly earlyMedia: boolean }
  | { readonly type: 'answered' }
  | {
      readonly type: 'amd';
      readonly result: 'human' | 'machine' | 'fax' | 'unknown';
      readonly cause: string;
      readonly atMs: number;
      readonly beep?: boolean;
    }
  /** Exactly one for each call that was accepted. `talkMs` is 0 when nobody answered. */
  | {
      readonly type: 'ended';
      readonly outcome: Outcome;
      readonly by: 'callee' | 'us' | 'network';
      readonly sipCode?: number;
      readonly reason?: string;
      readonly talkMs: number;
      readonly cost?: { readonly micros: number; readonly currency: string };
    }
  /** What was said and what was gathered from it: after `ended`, or never. `extraction` is null when gathering it failed. */
  | {
      readonly type: 'report';
      readonly extraction: Readonly<Record<string, unknown>> | null;
      readonly transcript: readonly TranscriptEntry[];
    };

/** A report about a call. It may come late, more than once, in any order, and before `place` has answered. */
export interface CarrierEvent<Body extends CarrierEventBody = CarrierEventBody> {
  /** Ours; absent when the carrier does not hand it back. */
  readonly callId?: string;
  readonly carrierCallId: string;
  /** The same for each repetition of an event, different for any two events of this carrier. */
  readonly dedupeKey: string;
  /** When it happened, not when it was heard of. */
  readonly at: Date;
  readonly body: Body;
}

/** How a call ended. */
export type EndedEvent = CarrierEvent<Extract<CarrierEventBody, { type: 'ended' }>>;

/** What a carrier is given. */
export interface CarrierContext {
  /** Takes an event; it is durable when this resolves. A carrier that is told of a failure reports the event again. */
  emit(event: CarrierEvent): Promise<void>;
  now(): Date;
  readonly log: Logger;
}

/** What a carrier can do, and how much of it. No maximum: none that it knows of. */
export interface CarrierCapabilities {
  readonly maxCps?: number;
  readonly maxConcurrent?: number;
  readonly amd: 'native' | 'ours' | 'none';
  readonly media: boolean;
  readonly transfer: boolean;
  readonly recording: boolean;
  /** Whether a second `place` of the same callId is certain not to ring. Nothing relies on it. */
  readonly idempotentPlace: boolean;
  /**
   * Whether every dialer that uses this carrier may ask about any call: the record is the provider's. False: the record lives and dies
   * with the process that placed the call, so that nobody else can know of it.
   */
  readonly sharedRecord: boolean;
}

/** Which call is meant: by the carrier's name for it, or by ours when the answer to `place` was lost. */
export type CallRef = { readonly carrierCallId: string } | { readonly callId: string; readonly to: string; readonly since: Date };

/** That which places calls. */
export interface Carrier {
  /** Names the carrier in calls and events. `simulated`: nobody is phoned. */
  readonly kind: string;
  readonly capabilities: CarrierCapabilities;
  start(context: CarrierContext): Promise<void>;
  /** Takes no more calls, and lets those it has run on for `drainMs` at most. What they report until then is emitted. */
  stop(options: { readonly drainMs: number }): Promise<void>;
  health(): Promise<{ readonly ok: boolean; readonly detail?: string }>;
  /** Sends one request to originate a call, and never a second one. Never throws; once `signal` aborts it answers at once. */
  place(request: PlaceCall, signal: AbortSignal): Promise<PlaceResult>;
  /** Cancels a call that is not answered, hangs up one that is. Of a call that has ended or is not known: nothing. */
  hangup(carrierCallId: string, reason: string): Promise<void>;
  transfer?(carrierCallId: string, to: string): Promise<void>;
  /** The carrier's own record: a call that goes on, how it ended (the event it emits or would have), or none. */
  lookup(ref: CallRef): Promise<'live' | 'gone' | EndedEvent>;
  /** For a carrier that reports by HTTP: verifies and reads what came, emits it and says what to answer. */
  webhook?(request: {
    readonly method: string;
    readonly url: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly rawBody: Uint8Array;
  }): Promise<{ readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }>;
}
