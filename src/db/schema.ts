// The tables as TypeScript sees them. The truth is in migrations/; bigint arrives as number, json as a parsed value.
import type { ColumnType, Generated, Kysely, Selectable } from 'kysely';

// A json value goes in as text that the caller has stringified, and comes out parsed.
type Json<T> = ColumnType<T, string, string>;
type Id = Generated<number>;
// A column that may be left out of an insert.
type Nullish<T> =
  T extends ColumnType<infer Out, infer In, infer Change>
    ? ColumnType<Out | null, In | null | undefined, Change | null>
    : ColumnType<T | null, T | null | undefined, T | null>;

/** Free variables of a lead or an assistant. */
export type Variables = Record<string, unknown>;

export interface AccountsTable {
  id: Id;
  name: string;
  email: string;
  timezone: string | null;
  max_calls_in_parallel: Generated<number>;
  max_parallel_calls: Generated<number>;
  /** Months for which its data is kept. */
  retention_months: Generated<number>;
  created_at: Date;
  updated_at: Date;
}

export interface ApiKeysTable {
  id: Id;
  account_id: number;
  name: string;
  secret_hash: string;
  last_used_at: Date | null;
  created_at: Date;
}

export interface PhoneNumbersTable {
  id: Id;
  account_id: number;
  phone_number: string;
  nickname: string | null;
  country_code: string;
  type: 'normal' | 'sip' | 'caller_id';
  created_at: Date;
  updated_at: Date;
}

export interface AssistantsTable {
  id: Id;
  account_id: number;
  uuid: Generated<string>;
  name: string;
  type: 'inbound' | 'outbound';
  mode: 'pipeline' | 'multimodal' | 'dualplex';
  status: Generated<'active' | 'inactive'>;
  timezone: string | null;
  phone_number_id: number | null;
  variables: Json<Variables>;
  post_call_schema: Json<{ name: string; type: string; description: string }[]>;
  is_webhook_active: boolean;
  webhook_url: string | null;
  inbound_webhook_url: string | null;
  conversation_ended_webhook_url: string | null;
  settings: Json<Record<string, unknown>>;
  created_at: Date;
  updated_at: Date;
  deleted_at: Date | null;
}

export interface CampaignsTable {
  id: Id;
  account_id: number;
  assistant_id: number;
  name: string;
  status: Generated<'draft' | 'in-progress' | 'stopped' | 'completed'>;
  timezone: string | null;
  max_calls_in_parallel: number;
  mark_complete_when_no_leads: boolean;
  allowed_hours_start_time: string;
  allowed_hours_end_time: string;
  allowed_days: Json<string[]>;
  max_retries: number;
  retry_interval: number;
  retry_on_voicemail: boolean;
  retry_on_goal_incomplete: boolean;
  goal_completion_variable: string | null;
  simulation: Nullish<Json<Record<string, unknown>>>;
  created_at: Date;
  updated_at: Date;
  deleted_at: Date | null;
}

export interface CampaignPhoneNumbersTable {
  campaign_id: number;
  phone_number_id: number;
  position: number;
  uses: Generated<number>;
  last_used_at: Nullish<Date>;
}

export interface LeadsTable {
  id: Id;
  account_id: number;
  campaign_id: number;
  primary_id: number | null;
  position: number | null;
  phone_number: string;
  variables: Json<Variables>;
  /** What the lead is called where it comes from; null for a contact. */
  external_id: Nullish<string>;
  status: 'created' | 'scheduled' | 'processing' | 'completed' | 'rescheduled' | 'reached-max-retries' | 'blacklisted';
  duplicate_allowed: Generated<boolean>;
  /** Set exactly while it is this contact's turn and it waits to be dialed. */
  due_at: Nullish<Date>;
  call_tries: Generated<number>;
  last_attempt_no: Generated<number>;
  created_at: Date;
  updated_at: Date;
}

/** What has happened to primaries since the counts were last brought up to date. */
export interface LeadCountChangesTable {
  id: Id;
  account_id: number;
  campaign_id: number;
  status: string;
  day: Date;
  block: number;
  n: number;
}

type CountByStatus = Record<LeadsTable['status'], number> & { n: ColumnType<number, never, never> };

type CountsOfCampaign = { account_id: number; campaign_id: number } & CountByStatus;

/** How many primaries a campaign (0: an account) has by span of ids, by status and in all. */
export type LeadSpansTable = CountsOfCampaign & { span: number };

/** The same by block of ids and day. */
export type LeadCellsTable = CountsOfCampaign & { block: number; day: Date };

export interface DncNumbersTable {
  id: Id;
  account_id: number;
  phone_number: string;
  reason: string | null;
  created_at: Date;
}

export interface ImportsTable {
  id: Id;
  account_id: number;
  campaign_id: number;
  status: 'running' | 'completed' | 'failed';
  counts: Json<Record<string, number>>;
  created_at: Date;
  heartbeat_at: Date;
  finished_at: Date | null;
  spool: Generated<string | null>;
  course: Generated<unknown>;
  runner: Generated<string | null>;
  dry_run: Generated<boolean>;
  bytes_total: Generated<number>;
  bytes_read: Generated<number>;
  rows_per_second: Generated<number | null>;
}

export interface ImportRejectsTable {
  import_id: number;
  line: number;
  cells: unknown;
  error: string;
}

export interface ImportIssuesTable {
  import_id: number;
  ordinal: number;
  severity: 'error' | 'warning';
  line: number;
  kind:
    | 'invalid_phone'
    | 'missing_required'
    | 'bad_type'
    | 'duplicate'
    | 'too_long'
    | 'invalid_text'
    | 'too_many_cells'
    | 'malformed_csv'
    | 'campaign_deleted'
    | 'interrupted'
    | 'invalid_encoding'
    | 'assumed_international'
    | 'trunk_zero_dropped'
    | 'unassignable_number'
    | 'extension_dropped'
    | 'secondary_invalid'
    | 'secondary_duplicate';
  column: string | null;
  message: string;
}

/** One attempt on one number. `state` is its life as the dialer sees it, `status` what the wire says. */
export interface CallsTable {
  id: Id;
  account_id: number;
  assistant_id: number;
  campaign_id: number | null;
  campaign_name: string | null;
  lead_id: number | null;
  attempt_no: number | null;
  state: 'reserved' | 'sending' | 'live' | 'unknown' | 'wrapping' | 'ended';
  status:
    | 'initiated'
    | 'ringing'
    | 'in-progress'
    | 'busy'
    | 'no-answer'
    | 'failed'
    | 'ended'
    | 'ended_by_customer'
    | 'ended_by_assistant'
    | 'completed';
  outcome: Nullish<string>;
  reason: Nullish<string>;
  phone_number: string;
  caller_number: string;
  caller_number_id: number | null;
  carrier: string;
  simulated: boolean;
  carrier_call_id: Nullish<string>;
  worker: string;
  lease_until: Nullish<Date>;
  due_at: Nullish<Date>;
  sent_at: Nullish<Date>;
  answered_at: Nullish<Date>;
  ended_at: Nullish<Date>;
  answered_by: Nullish<'human' | 'machine' | 'unknown'>;
  duration: Generated<number>;
  variables: Json<Variables>;
  transcript: Nullish<Json<{ text: string; type: 'transcript'; sender: 'bot' | 'human'; timestamp: number }[]>>;
  extraction: Nullish<Json<Record<string, unknown>>>;
  recording_url: Nullish<string>;
  carrier_cost: Nullish<number>;
  /** Refusals of the contact in a row that speak against it, and all of them; null: the carrier did not refuse this one. */
  refusals: Nullish<number>;
  refused_in_all: Nullish<number>;
  /** When the carrier first said that it does not know of the accepted call any more. */
  gone_at: Nullish<Date>;
  created_at: Date;
  updated_at: Date;
  deleted_at: Nullish<Date>;
}

/** Why somebody was called, or not. Without a lead it is about the whole campaign. */
export interface DecisionsTable {
  id: Id;
  account_id: number;
  campaign_id: number | null;
  lead_id: number | null;
  call_id: number | null;
  verdict: 'dial' | 'refuse';
  reason: string;
  facts: Json<Record<string, unknown>>;
  times: Generated<number>;
  decided_at: Date;
  last_at: Date;
}

/** The log of changes; the database's own triggers write it. */
export interface ChangesTable {
  id: Id;
  account_id: number;
  campaign_id: number | null;
  lead_id: number | null;
  call_id: number | null;
  what: 'lead' | 'campaign' | 'call';
  from_status: string;
  to_status: string;
  at: Date;
}

export interface CarrierEventsTable {
  carrier: string;
  dedupe_key: string;
  call_id: number;
  at: Date;
  body: Json<Record<string, unknown>>;
}

export interface CarrierPausesTable {
  carrier: string;
  strikes: number;
  reason: string;
  paused_until: Date;
  /** Until when the carrier itself asked for it; null: our own back-off. */
  asked_until: Nullish<Date>;
}

/** When a carrier last accepted a call. */
export interface CarrierAcceptsTable {
  carrier: string;
  accepted_at: Date;
}

/** A dialer at work, or one that died; `beat_at` is when its last round began, by the database's clock. */
export interface DialersTable {
  worker: string;
  carrier: string;
  started_at: Generated<Date>;
  beat_at: Generated<Date>;
  /** Whether its carrier's record of calls lives and dies with its process. */
  own_record: Generated<boolean>;
}

/** Requests that are carried out once, by the name their sender gave them. */
export interface IdempotencyKeysTable {
  account_id: number;
  key: string;
  fingerprint: string;
  state: Generated<'running' | 'finished' | 'unknown'>;
  status: number | null;
  response: string | null;
  headers: ColumnType<Record<string, string>, string | undefined, string>;
  simulated: Generated<boolean>;
  created_at: Date;
}

/** Signs an account's webhooks; without an end it is the current one. */
export interface WebhookSecretsTable {
  id: Id;
  account_id: number;
  secret: string;
  created_at: Date;
  expires_at: Date | null;
}

/** One event of one call, to be delivered to one URL. */
export interface WebhookMessagesTable {
  id: Id;
  webhook_id: Generated<string>;
  account_id: number;
  call_id: number;
  event: 'post_call';
  url: string;
  host: string;
  payload: string | null;
  state: Generated<'pending' | 'delivered' | 'failed' | 'cancelled'>;
  attempts: Generated<number>;
  step: Generated<number>;
  replays: Generated<number>;
  next_attempt_at: Date | null;
  lease_until: Nullish<Date>;
  created_at: Date;
  updated_at: Date;
}

/** One attempt to deliver a message. */
export interface WebhookDeliveriesTable {
  id: Id;
  message_id: number;
  attempt: number;
  at: Date;
  url: string;
  request_headers: Json<Record<string, string>>;
  status: number | null;
  response_body: string | null;
  error: string | null;
  duration_ms: number;
}

export interface Database {
  accounts: AccountsTable;
  api_keys: ApiKeysTable;
  phone_numbers: PhoneNumbersTable;
  assistants: AssistantsTable;
  campaigns: CampaignsTable;
  campaign_phone_numbers: CampaignPhoneNumbersTable;
  leads: LeadsTable;
  lead_count_changes: LeadCountChangesTable;
  lead_spans: LeadSpansTable;
  lead_cells: LeadCellsTable;
  dnc_numbers: DncNumbersTable;
  imports: ImportsTable;
  import_issues: ImportIssuesTable;
  import_rejects: ImportRejectsTable;
  calls: CallsTable;
  decisions: DecisionsTable;
  changes: ChangesTable;
  carrier_events: CarrierEventsTable;
  carrier_pauses: CarrierPausesTable;
  carrier_accepts: CarrierAcceptsTable;
  dialers: DialersTable;
  webhook_secrets: WebhookSecretsTable;
  webhook_messages: WebhookMessagesTable;
  webhook_deliveries: WebhookDeliveriesTable;
  idempotency_keys: IdempotencyKeysTable;
}

/** The database, or a transaction on it: a store takes either. */
export type Db = Kysely<Database>;

export type AccountRow = Selectable<AccountsTable>;
export type ApiKeyRow = Selectable<ApiKeysTable>;
export type PhoneNumberRow = Selectable<PhoneNumbersTable>;
export type AssistantRow = Selectable<AssistantsTable>;
export type CampaignRow = Selectable<CampaignsTable>;
export type LeadRow = Selectable<LeadsTable>;
export type DncNumberRow = Selectable<DncNumbersTable>;
export type ImportRow = Selectable<ImportsTable>;
export type ImportIssueRow = Selectable<ImportIssuesTable>;
export type CallRow = Selectable<CallsTable>;
export type DecisionRow = Selectable<DecisionsTable>;
export type ChangeRow = Selectable<ChangesTable>;
export type WebhookSecretRow = Selectable<WebhookSecretsTable>;
export type WebhookMessageRow = Selectable<WebhookMessagesTable>;
export type WebhookDeliveryRow = Selectable<WebhookDeliveriesTable>;
