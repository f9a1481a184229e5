// What the dialer asks of storage. There are two: PostgreSQL (sql-ledger.store.ts) and memory (memory-ledger.ts), which
// the time machine and the seeded simulation run on. Everything takes lists, so that one transaction serves many calls.
import type { CallingWindow } from '../campaigns/calling-window.ts';
import type { CarrierEvent, PlaceCall, RefusalScope } from '../carriers/carrier.ts';

/** Why nobody, or not this person, is called now. Those of a campaign as a whole come first. */
export type RefusalReason =
  | 'campaign_not_running'
  | 'outside_window'
  | 'campaign_lines_full'
  | 'account_lines_full'
  | 'campaign_rate'
  | 'carrier_rate'
  | 'number_rate'
  | 'carrier_paused'
  | 'no_number'
  | 'blacklisted'
  | 'attempts_used'
  | 'attempt_unknown'
  | 'carrier_refused'
  | 'number_refused'
  // These two come from the watch over the dialers, since no dialer is there to say them.
  | 'no_dialer'
  | 'not_claimed';

/** Calls started in any second, at most; 0: no limit. */
export interface Rates {
  campaign: number;
  number: number;
  carrier: number;
}

/** Who claims, for how long, and on what terms. */
export interface ClaimTerms {
  /** The claimer; a settle names it. */
  worker: string;
  /** Milliseconds for which a reservation holds. */
  leaseMs: number;
  carrier: { kind: string; simulated: boolean };
  rates: Rates;
  /** Most attempts to reserve at once. */
  limit: number;
}

/** An attempt that is committed with its decision, and not sent yet. */
export interface Reservation {
  callId: number;
  /** Undefined for a call of make_call, which asks for no window. */
  window: CallingWindow | undefined;
  place: PlaceCall;
  /** When the contact was due; undefined for a call of make_call, and where nobody measures. */
  dueAt?: Date | undefined;
}

/** What a claim came to. */
export interface ClaimResult {
  reserved: Reservation[];
  /** What keeps the campaign from more calls now. */
  refused: RefusalReason | undefined;
  /** When to ask again; undefined: when something changes. */
  again: Date | undefined;
  /** Why contacts that were due are not called after all: a reason for each; left out where nobody counts. */
  refusedLeads?: readonly RefusalReason[];
}

/** A campaign that runs, and whether it is worth asking for calls. */
export interface RunningCampaign {
  id: number;
  accountId: number;
  /** Another one after each change of the campaign, its account or its assistant: what kept it from calling may not hold any more. */
  version: string;
  /** When somebody in it is due next; null: nobody waits. */
  nextDueAt: Date | null;
  /** Whether all lines of the campaign or of its account are in use. */
  linesFull: boolean;
}

/** A call about which the carrier has to be asked, or whose time is up. */
export interface OpenQuestion {
  callId: number;
  carrierCallId: string | null;
  to: string;
  sentAt: Date;
  state: 'live' | 'unknown' | 'wrapping';
  /** The carrier said some seconds ago that it does not know of it any more, though it had accepted it. */
  wasGone: boolean;
}

/** A dialer as others see it. */
export interface DialerIdentity {
  worker: string;
  /** Its carrier's kind. */
  carrier: string;
  /** Whether its carrier's record of calls lives and dies with its process. */
  ownRecord: boolean;
  /** Milliseconds without a beat after which a dialer counts as dead. */
  deadMs: number;
}

export interface AcceptedCall {
  callId: number;
  carrierCallId: string;
}

/** Nothing rang: the carrier has certainly refused. */
export interface RejectedCall {
  callId: number;
  code: string;
  /** Default: the carrier. */
  scope?: RefusalScope | undefined;
  retryAfterMs?: number | undefined;
  /** Not the carrier's doing: the call was taken back before it left, and the carrier is not paused. */
  ours?: boolean | undefined;
}

/** A call by our id, or by the carrier's name for it. */
export interface CallName {
  callId?: number | undefined;
  carrierCallId?: string | undefined;
}

/** The dialer's storage. `now` is the instant that due times, windows and leases are judged by. */
export interface Ledger {
  /** The campaigns in progress. */
  running(now: Date): Promise<RunningCampaign[]>;
  /** Reserves attempts for due contacts of a campaign, with a decision row for each, in one transaction. */
  claim(campaignId: number, terms: ClaimTerms, now: Date): Promise<ClaimResult>;
  /** Takes reservations that make_call has made for any dialer. */
  adopt(terms: ClaimTerms, now: Date): Promise<Reservation[]>;
  /** `reserved` -> `sending`, if nothing has revoked it and its lease holds. @returns the ids that may now be placed, once. */
  send(callIds: readonly number[], worker: string, now: Date): Promise<number[]>;
  /** Gives reservations back that will not be sent. */
  release(callIds: readonly number[], reason: string, now: Date): Promise<void>;
  /** They are live; a pause that was only our own back-off is over. @returns whether one was. */
  accepted(calls: readonly AcceptedCall[], now: Date): Promise<boolean>;
  /**
   * Of the carrier: takes the tries back, pauses the carrier and puts each contact behind the others, or, if that goes on, ends its call.
   * Of a number, and of a call without a lead: the call has failed.
   */
  rejected(calls: readonly RejectedCall[], now: Date): Promise<void>;
  /** They may have left: never sent again, only asked about. */
  unconfirmed(callIds: readonly number[], now: Date): Promise<void>;
  /** Keeps what a carrier reports, each once, and carries out what follows from it. */
  record(carrier: string, events: readonly CarrierEvent[], now: Date): Promise<void>;
  /** Reservations whose lease lapsed are given back; calls in `sending` become `unknown`. */
  lapse(now: Date): Promise<void>;
  /** Says that the dialer works. Others believe so for `deadMs`. */
  beat(self: DialerIdentity, now: Date): Promise<void>;
  /** Says that the dialer is no more. */
  leave(worker: string): Promise<void>;
  /**
   * Takes up what dead dialers left behind: what was certainly not sent is given back, and what may have left is asked about at once.
   * @returns the calls of which nobody can know any more, since their record died with their dialer. They are to be given up.
   */
  takeOver(self: DialerIdentity, now: Date): Promise<number[]>;
  /** Calls that this dialer may ask its carrier about, or give up; each is asked about again after a while. */
  questions(self: DialerIdentity, now: Date): Promise<OpenQuestion[]>;
  /** The carrier does not know of these live calls any more: they are asked about again in some seconds. */
  gone(callIds: readonly number[], now: Date): Promise<void>;
  /** Ends what cannot be known: a lost call, or the wait for a report. */
  giveUp(callIds: readonly number[], now: Date): Promise<void>;
  /**
   * Whether another transaction has each of these calls in hand, or a lead of its family. Asked after an act for many calls has waited too long
   * for a lock (SQLSTATE 55P03), so that it can be done for the others.
   */
  held(carrier: string, calls: readonly CallName[]): Promise<boolean[]>;
  /** Completes running campaigns that have nobody left to call and are to be completed then. */
  completeIdle(now: Date): Promise<void>;
}
