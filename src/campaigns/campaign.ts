// A campaign: how it reads on the wire, which moves its status may make, and the rules of its settings. Pure.
import type { CampaignRow } from '../db/schema.ts';
import type { FieldErrors } from '../errors.ts';
import { toIsoMicro } from '../http/wire-time.ts';
import { INVALID_TIME_ZONE, isTimeZone } from '../time-zone.ts';

export const CAMPAIGN_STATUSES = ['draft', 'in-progress', 'stopped', 'completed'] as const;
export type CampaignStatus = (typeof CAMPAIGN_STATUSES)[number];

export const WEEKDAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] as const;
export type Weekday = (typeof WEEKDAYS)[number];

/** What moves a campaign: a person's start and stop, and the last lead being done with. */
export const CAMPAIGN_EVENTS = ['start', 'stop', 'complete'] as const;
export type CampaignEvent = (typeof CAMPAIGN_EVENTS)[number];

// Source: lifecycle 2. An undefined cell is a move that cannot be made.
const MOVES: Record<CampaignStatus, Record<CampaignEvent, CampaignStatus | undefined>> = {
  draft: { start: 'in-progress', stop: undefined, complete: undefined },
  'in-progress': { start: undefined, stop: 'stopped', complete: 'completed' },
  stopped: { start: 'in-progress', stop: undefined, complete: undefined },
  completed: { start: 'in-progress', stop: undefined, complete: undefined },
};

/** The status that an event leads to; undefined when it cannot happen there. */
export const nextCampaignStatus = (from: CampaignStatus, event: CampaignEvent): CampaignStatus | undefined => MOVES[from][event];

/** A person's words for the two moves. `resume` and `pause` come from a client's tool catalogue. */
const VERBS = new Map<string, 'start' | 'stop'>([
  ['start', 'start'],
  ['resume', 'start'],
  ['stop', 'stop'],
  ['pause', 'stop'],
]);

/** The move that a verb means. Verbs are compared exactly, as the framework's `in` rule does. */
export const toMove = (verb: string): 'start' | 'stop' | undefined => VERBS.get(verb);

/** Hours and minutes, with or without seconds. */
export const TIME_PATTERN = '^([01]\\d|2[0-3]):[0-5]\\d(:[0-5]\\d)?$';

const TIME = new RegExp(TIME_PATTERN);

/** `H:i` or `H:i:s` as `H:i:s`, the stored and answered form; undefined when it is no time of day. */
export const toTimeOfDay = (text: string): string | undefined => {
  if (!TIME.test(text)) return undefined;
  return text.length === 5 ? `${text}:00` : text;
};

/** The settings that a request may bring, already of the right types. Every one may be absent. */
export interface CampaignSettings {
  name?: string | undefined;
  /** IANA name. */
  timezone?: string | undefined;
  max_calls_in_parallel?: number | undefined;
  /** `H:i` or `H:i:s`, as the next. */
  allowed_hours_start_time?: string | undefined;
  allowed_hours_end_time?: string | undefined;
  allowed_days?: readonly Weekday[] | undefined;
  max_retries?: number | undefined;
  /** Minutes. */
  retry_interval?: number | undefined;
  retry_on_voicemail?: boolean | undefined;
  retry_on_goal_incomplete?: boolean | undefined;
  goal_completion_variable?: string | null | undefined;
  mark_complete_when_no_leads?: boolean | undefined;
}

/** What a new campaign has where nothing is said. Source: the contract's CampaignCreate. */
export const CAMPAIGN_DEFAULTS = {
  max_calls_in_parallel: 3,
  mark_complete_when_no_leads: true,
  allowed_hours_start_time: '00:00',
  allowed_hours_end_time: '23:59',
  allowed_days: WEEKDAYS,
  max_retries: 3,
  retry_interval: 60,
  retry_on_voicemail: false,
  retry_on_goal_incomplete: false,
  goal_completion_variable: null,
} as const;

/** Settings with nothing left open but the time zone; times as they are stored. `parallelLimit` is the account's. */
export const withDefaults = (settings: CampaignSettings, parallelLimit: number) => {
  const usual = CAMPAIGN_DEFAULTS;
  const time = (text: string) => toTimeOfDay(text) ?? text;
  return {
    timezone: settings.timezone,
    // An account may be limited to less than the usual three.
    max_calls_in_parallel: settings.max_calls_in_parallel ?? Math.min(usual.max_calls_in_parallel, parallelLimit),
    mark_complete_when_no_leads: settings.mark_complete_when_no_leads ?? usual.mark_complete_when_no_leads,
    allowed_hours_start_time: time(settings.allowed_hours_start_time ?? usual.allowed_hours_start_time),
    allowed_hours_end_time: time(settings.allowed_hours_end_time ?? usual.allowed_hours_end_time),
    allowed_days: settings.allowed_days ?? usual.allowed_days,
    max_retries: settings.max_retries ?? usual.max_retries,
    retry_interval: settings.retry_interval ?? usual.retry_interval,
    retry_on_voicemail: settings.retry_on_voicemail ?? usual.retry_on_voicemail,
    retry_on_goal_incomplete: settings.retry_on_goal_incomplete ?? usual.retry_on_goal_incomplete,
    goal_completion_variable: settings.goal_completion_variable ?? usual.goal_completion_variable,
  };
};

/** The zone that a campaign's hours are read in: its own, else the account's, else the assistant's; null when none is known. */
export const campaignZone = (own: string | null | undefined, accountZone: string | null, assistantZone: string | null): string | null =>
  own ?? accountZone ?? assistantZone;

const GOAL_REQUIRED = 'The goal completion variable field is required when retry on goal incomplete is true.';

/** What can be said of settings without looking anything up. `parallelLimit` is the account's. */
export const checkSettings = (settings: CampaignSettings, parallelLimit: number): FieldErrors => {
  const { timezone, max_calls_in_parallel: parallel } = settings;
  return {
    ...(timezone === undefined || isTimeZone(timezone) ? {} : { timezone: [INVALID_TIME_ZONE] }),
    ...(parallel === undefined || parallel <= parallelLimit
      ? {}
      : { max_calls_in_parallel: [`The max calls in parallel field must not be greater than ${parallelLimit}.`] }),
  };
};

/** A campaign that retries until its goal is met must say which variable tells so. */
export const checkGoalNamed = (retries: boolean, goal: string | null): FieldErrors =>
  retries && goal === null ? { goal_completion_variable: [GOAL_REQUIRED] } : {};

/** That variable must be a `bool` field of what the assistant notes after a call: only an explicit true ends the retries. */
export const checkGoalField = (
  retries: boolean,
  goal: string | null,
  postCallSchema: readonly { name: string; type: string }[],
): FieldErrors => {
  if (!retries || goal === null) return {};
  const known = postCallSchema.some(({ name, type }) => name === goal && type === 'bool');
  return known ? {} : { goal_completion_variable: ['The selected goal completion variable is invalid.'] };
};

/** The twelve documented keys, in their order. */
export const presentCampaign = (row: CampaignRow) => ({
  id: row.id,
  name: row.name,
  status: row.status,
  max_calls_in_parallel: row.max_calls_in_parallel,
  mark_complete_when_no_leads: row.mark_complete_when_no_leads,
  allowed_hours_start_time: row.allowed_hours_start_time,
  allowed_hours_end_time: row.allowed_hours_end_time,
  // Only days that a request schema has passed are ever stored.
  allowed_days: row.allowed_days as Weekday[],
  max_retries: row.max_retries,
  retry_interval: row.retry_interval,
  created_at: toIsoMicro(row.created_at),
  updated_at: toIsoMicro(row.updated_at),
});

/** The twelve keys and every other setting. `phoneNumberIds` in calling order. */
export const presentCampaignDetail = (row: CampaignRow, phoneNumberIds: number[]) => ({
  ...presentCampaign(row),
  assistant_id: row.assistant_id,
  timezone: row.timezone,
  retry_on_voicemail: row.retry_on_voicemail,
  retry_on_goal_incomplete: row.retry_on_goal_incomplete,
  goal_completion_variable: row.goal_completion_variable,
  phone_number_ids: phoneNumberIds,
});
