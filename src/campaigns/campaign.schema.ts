// The shapes of campaigns on the wire: what is answered and what may be sent.
import { Type } from 'typebox';
import { AssistantId } from '../assistants/assistant.schema.ts';
import { Bool, Changes, Id, Int, IsoMicro, Nullable, OneOf, Text } from '../http/fields.ts';
import { CAMPAIGN_DEFAULTS, CAMPAIGN_STATUSES, TIME_PATTERN, WEEKDAYS } from './campaign.ts';

const Status = Type.Unsafe<(typeof CAMPAIGN_STATUSES)[number]>({ type: 'string', enum: [...CAMPAIGN_STATUSES] });
const Weekday = Type.Unsafe<(typeof WEEKDAYS)[number]>({ type: 'string', enum: [...WEEKDAYS] });
const TimeOut = Type.String({ description: "H:i:s, in the campaign's time zone." });

const documented = {
  id: Type.Integer(),
  name: Type.String(),
  status: Status,
  max_calls_in_parallel: Type.Integer(),
  mark_complete_when_no_leads: Type.Boolean(),
  allowed_hours_start_time: TimeOut,
  allowed_hours_end_time: TimeOut,
  allowed_days: Type.Array(Weekday),
  max_retries: Type.Integer({ description: 'Attempts for each contact, the first included.' }),
  retry_interval: Type.Integer({ description: 'Minutes.' }),
  created_at: IsoMicro,
  updated_at: IsoMicro,
};

/** A campaign in lists, and as it is answered after a change. */
export const Campaign = Type.Object(documented, { additionalProperties: false });

/** A campaign with every setting. */
export const CampaignDetail = Type.Object(
  {
    ...documented,
    assistant_id: Type.Integer(),
    timezone: Nullable(Type.String(), {
      description: 'IANA name, as copied when the campaign was created; null when none was known then.',
    }),
    retry_on_voicemail: Type.Boolean(),
    retry_on_goal_incomplete: Type.Boolean(),
    goal_completion_variable: Nullable(Type.String()),
    phone_number_ids: Type.Array(Type.Integer(), { description: 'In the order given.' }),
  },
  { additionalProperties: false },
);

const Time = (usual?: string) =>
  Text({
    pattern: TIME_PATTERN,
    'x-messages': { pattern: 'The :attribute field must match the format H:i.' },
    ...(usual === undefined ? {} : { default: usual }),
  });

const Name = Text({ minLength: 1, maxLength: 255 });

// A partial update must not reset what it leaves out, so only create shows the defaults.
const settings = (usual: Partial<typeof CAMPAIGN_DEFAULTS>) => {
  const shown = <Name extends keyof typeof CAMPAIGN_DEFAULTS>(name: Name) => (usual[name] === undefined ? {} : { default: usual[name] });
  return {
    timezone: Type.Optional(Text({ description: "IANA name. When absent the account's is copied, else the assistant's." })),
    max_calls_in_parallel: Type.Optional(
      Int({ minimum: 1, description: "At most the account's limit.", ...shown('max_calls_in_parallel') }),
    ),
    allowed_hours_start_time: Type.Optional(Time(usual.allowed_hours_start_time)),
    allowed_hours_end_time: Type.Optional(Time(usual.allowed_hours_end_time)),
    allowed_days: Type.Optional(Type.Array(OneOf(WEEKDAYS), { minItems: 1, uniqueItems: true, ...shown('allowed_days') })),
    max_retries: Type.Optional(
      Int({ minimum: 1, maximum: 5, description: 'Attempts for each contact, the first included.', ...shown('max_retries') }),
    ),
    retry_interval: Type.Optional(Int({ minimum: 10, maximum: 4320, description: 'Minutes.', ...shown('retry_interval') })),
    retry_on_voicemail: Type.Optional(Bool(shown('retry_on_voicemail'))),
    retry_on_goal_incomplete: Type.Optional(Bool(shown('retry_on_goal_incomplete'))),
    goal_completion_variable: Type.Optional(
      Nullable(Text({ maxLength: 255 }), { description: "A `bool` field of the assistant's post_call_schema." }),
    ),
    mark_complete_when_no_leads: Type.Optional(Bool(shown('mark_complete_when_no_leads'))),
    phone_number_ids: Type.Optional(
      Type.Array(Id(), { maxItems: 1000, uniqueItems: true, description: "Numbers to call from. None: the assistant's own." }),
    ),
  };
};

/** A campaign to be created. */
export const CampaignCreate = Type.Object({ name: Name, assistant_id: AssistantId, ...settings(CAMPAIGN_DEFAULTS) });

/** What may be changed of a campaign that is not running. */
export const CampaignUpdate = Changes({
  name: Type.Optional(Name),
  assistant_id: Type.Optional(AssistantId),
  ...settings({}),
});

/** Start or stop. */
export const StatusUpdate = Type.Object(
  {
    campaign_id: Id(),
    action: Text({ description: 'start or stop; resume and pause mean the same.' }),
  },
  { 'x-renamed': { campaign: 'campaign_id', status: 'action' } },
);

const StatusData = Type.Object({ campaign_id: Type.Integer(), status: Status }, { additionalProperties: false });

/** The move was made. */
export const StatusUpdated = Type.Object(
  { message: Type.String(), success: Type.Boolean(), data: StatusData },
  { additionalProperties: false },
);

/** The move was refused. `data` is there when the campaign is known. */
export const StatusRefused = Type.Object(
  { message: Type.String(), success: Type.Boolean(), data: Type.Optional(StatusData) },
  { additionalProperties: false },
);
