// The post-call payload: what a call, the contact it dialed and its campaign come to. Key order and absent keys are the
// contract's (PostCallPayload).                                                                                    [pure]
import { type AssistantInput, INITIAL } from '../assistants/assistant-fields.ts';
import { formatTranscript, type Transcript } from '../calls/call.ts';
import type { AssistantRow, CallRow, CampaignRow, LeadRow } from '../db/schema.ts';
import { toIsoMicro } from '../http/wire-time.ts';

/** What the payload takes from a call. */
export type EndedCall = Pick<
  CallRow,
  | 'id'
  | 'phone_number'
  | 'caller_number'
  | 'duration'
  | 'status'
  | 'extraction'
  | 'variables'
  | 'transcript'
  | 'recording_url'
  | 'created_at'
  | 'updated_at'
>;

/** The contact that was dialed, be it a lead or a secondary contact. */
export type DialedContact = Pick<LeadRow, 'id' | 'phone_number' | 'variables' | 'status' | 'call_tries' | 'created_at' | 'updated_at'>;

/** What the payload takes from a campaign. */
export type CallingCampaign = Pick<
  CampaignRow,
  | 'id'
  | 'name'
  | 'status'
  | 'allowed_hours_start_time'
  | 'allowed_hours_end_time'
  | 'allowed_days'
  | 'max_calls_in_parallel'
  | 'max_retries'
  | 'retry_interval'
  | 'created_at'
  | 'updated_at'
>;

/** How an assistant wants its calls reported. */
export interface PostCallSettings {
  /** Undefined: not at all. */
  url: string | undefined;
  onlyCompleted: boolean;
  withRecording: boolean;
}

/** The settings of an assistant's row; one that is younger than the row has its default. */
export const postCallSettings = (row: Pick<AssistantRow, 'is_webhook_active' | 'webhook_url' | 'settings'>): PostCallSettings => {
  // Written by assistants/assistant.ts.
  const settings: AssistantInput = { ...INITIAL, ...(row.settings as AssistantInput) };
  return {
    url: row.is_webhook_active && row.webhook_url !== null ? row.webhook_url : undefined,
    onlyCompleted: settings.send_webhook_only_on_completed !== false,
    withRecording: settings.include_recording_in_webhook !== false,
  };
};

// An attempt that never left: nobody was called, and the lead is called again.
const NO_CALL: readonly (string | null)[] = ['revoked', 'expired', 'rejected'];

// A call of make_call is the only one that was asked for: if it came to nothing, that is its end.
const isNoCall = ({ outcome, attempt_no }: Pick<CallRow, 'outcome' | 'attempt_no'>): boolean =>
  attempt_no !== null && NO_CALL.includes(outcome);

/** Whether an ended call is to be reported. Source: lifecycle 3. */
export const isDue = (
  call: Pick<CallRow, 'state' | 'status' | 'outcome' | 'attempt_no'>,
  settings: PostCallSettings,
): settings is PostCallSettings & { url: string } =>
  settings.url !== undefined && call.state === 'ended' && !isNoCall(call) && (call.status === 'completed' || !settings.onlyCompleted);

// Named one by one: what a carrier adds is not ours to publish, and the order is the contract's.
const presentTranscript = (transcript: Transcript) =>
  transcript.map(({ text, type, sender, timestamp }) => ({ text, type, sender, timestamp }));

const presentCampaign = (campaign: CallingCampaign) => ({
  id: campaign.id,
  name: campaign.name,
  status: campaign.status,
  allowed_hours_start_time: campaign.allowed_hours_start_time,
  allowed_hours_end_time: campaign.allowed_hours_end_time,
  allowed_days: campaign.allowed_days,
  max_calls_in_parallel: campaign.max_calls_in_parallel,
  max_retries: campaign.max_retries,
  retry_interval: campaign.retry_interval,
  created_at: toIsoMicro(campaign.created_at),
  updated_at: toIsoMicro(campaign.updated_at),
});

const presentContact = (contact: DialedContact, campaign: CallingCampaign) => ({
  id: contact.id,
  phone_number: contact.phone_number,
  variables: contact.variables,
  status: contact.status,
  call_tries: contact.call_tries,
  created_at: toIsoMicro(contact.created_at),
  updated_at: toIsoMicro(contact.updated_at),
  campaign: presentCampaign(campaign),
});

/** The payload. `lead` is absent outside a campaign, and when the contact was deleted while its call was live. */
export const postCallPayload = (
  call: EndedCall,
  contact: DialedContact | undefined,
  campaign: CallingCampaign | undefined,
  { withRecording }: Pick<PostCallSettings, 'withRecording'>,
) => {
  const transcript = call.transcript ?? [];
  return {
    id: call.id,
    customer_phone: call.phone_number,
    assistant_phone: call.caller_number,
    duration: call.duration,
    status: call.status,
    extracted_variables: call.extraction ?? {},
    input_variables: call.variables,
    transcript: presentTranscript(transcript),
    formatted_transcript: formatTranscript(transcript),
    ...(withRecording ? { recording_url: call.recording_url } : {}),
    created_at: toIsoMicro(call.created_at),
    finished_at: toIsoMicro(call.updated_at),
    ...(contact === undefined || campaign === undefined ? {} : { lead: presentContact(contact, campaign) }),
  };
};
