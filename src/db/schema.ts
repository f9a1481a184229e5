// The tables as TypeScript sees them. The truth is in migrations/; bigint arrives as number, json as a parsed value.
import type { ColumnType, Generated, Kysely, Selectable } from 'kysely';

// A json value goes in as text that the caller has stringified, and comes out parsed.
type Json<T> = ColumnType<T, string, string>;
type Id = Generated<number>;

/** Free variables of a lead or an assistant. */
export type Variables = Record<string, unknown>;

export interface AccountsTable {
  id: Id;
  name: string;
  email: string;
  timezone: string | null;
  max_calls_in_parallel: Generated<number>;
  max_parallel_calls: Generated<number>;
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
  created_at: Date;
  updated_at: Date;
  deleted_at: Date | null;
}

export interface CampaignPhoneNumbersTable {
  campaign_id: number;
  phone_number_id: number;
  position: number;
}

export interface LeadsTable {
  id: Id;
  account_id: number;
  campaign_id: number;
  primary_id: number | null;
  position: number | null;
  phone_number: string;
  variables: Json<Variables>;
  status: 'created' | 'scheduled' | 'processing' | 'completed' | 'rescheduled' | 'reached-max-retries' | 'blacklisted';
  duplicate_allowed: Generated<boolean>;
  created_at: Date;
  updated_at: Date;
}

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
}

export interface ImportIssuesTable {
  import_id: number;
  ordinal: number;
  severity: 'error' | 'warning';
  line: number;
  kind:
    | 'invalid_phone'
    | 'missing_required'
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

export interface Database {
  accounts: AccountsTable;
  api_keys: ApiKeysTable;
  phone_numbers: PhoneNumbersTable;
  assistants: AssistantsTable;
  campaigns: CampaignsTable;
  campaign_phone_numbers: CampaignPhoneNumbersTable;
  leads: LeadsTable;
  dnc_numbers: DncNumbersTable;
  imports: ImportsTable;
  import_issues: ImportIssuesTable;
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
