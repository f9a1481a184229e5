// A call as the wire shows it: its statuses, its eighteen keys, its transcript as text.                           [pure]
import type { CallRow } from '../db/schema.ts';
import { toSpaceDateTime } from '../http/wire-time.ts';

/** The ten statuses of a call. */
export const CALL_STATUSES = [
  'initiated',
  'ringing',
  'busy',
  'in-progress',
  'ended',
  'completed',
  'ended_by_customer',
  'ended_by_assistant',
  'no-answer',
  'failed',
] as const satisfies readonly CallRow['status'][];

export type CallStatus = (typeof CALL_STATUSES)[number];

/** What the list may be asked for: some pages of the documents call no-answer so. */
export const UNANSWERED = 'unanswered';

/** A filter's word as a status. */
export const toCallStatus = (word: CallStatus | typeof UNANSWERED): CallStatus => (word === UNANSWERED ? 'no-answer' : word);

/** What a call can be; all of ours are outbound. */
export const CALL_TYPES = ['inbound', 'outbound', 'web'] as const;

export type CallType = (typeof CALL_TYPES)[number];

/** The type of every call that there is. */
export const OUTBOUND = 'outbound' as const satisfies CallType;

/** The header that marks what concerns a simulated call, since the bodies are closed. */
export const CARRIER_HEADER = 'x-outdial-carrier';

/** A row of `calls` as the wire needs it, with the names of its assistant and its campaign. */
export type FoundCall = Pick<
  CallRow,
  | 'id'
  | 'state'
  | 'status'
  | 'phone_number'
  | 'caller_number'
  | 'simulated'
  | 'sent_at'
  | 'duration'
  | 'variables'
  | 'transcript'
  | 'extraction'
  | 'recording_url'
  | 'carrier_cost'
  | 'answered_by'
  | 'created_at'
  | 'updated_at'
  | 'campaign_name'
> & { assistant_name: string };

// An attempt that ended before it was sent has gone through no status; it is no call of the list, whose filter knows none such.
const statusOf = ({ state, sent_at, status }: Pick<CallRow, 'state' | 'sent_at' | 'status'>): CallStatus =>
  state === 'ended' && sent_at === null ? 'failed' : status;

/** What was said in a call, turn by turn. */
export type Transcript = NonNullable<CallRow['transcript']>;

/** `AI: ...` and `Customer: ...`, a line each. */
export const formatTranscript = (transcript: Transcript): string =>
  transcript.map(({ sender, text }) => `${sender === 'bot' ? 'AI' : 'Customer'}: ${text}`).join('\n');

/** The eighteen keys of a call. Nothing bills here, so a call costs what its carrier takes. */
export const presentCall = (call: FoundCall) => ({
  id: call.id,
  assistant_name: call.assistant_name,
  campaign_name: call.campaign_name,
  type: OUTBOUND,
  duration: call.duration,
  assistant_phone_number: call.caller_number,
  client_phone_number: call.phone_number,
  status: statusOf(call),
  transcript: call.transcript === null ? null : formatTranscript(call.transcript),
  variables: call.variables,
  evaluation: call.extraction,
  webhook_response: null,
  carrier_cost: call.carrier_cost,
  total_cost: call.carrier_cost,
  answered_by: call.answered_by,
  recording_url: call.recording_url,
  created_at: toSpaceDateTime(call.created_at),
  updated_at: toSpaceDateTime(call.updated_at),
});
