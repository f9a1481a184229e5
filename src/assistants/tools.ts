// The tools of an assistant: what each kind is made of, and its defaults. A tool keeps every key it was given; those of
// its kind are checked. Pure data; tool.schema.ts makes the schema of it.

import { isRecord } from '../is-record.ts';
import { boolean, id, integer, type Kind, text, word } from './kinds.ts';

/** A tool as it is stored and answered. */
export type Tool = Record<string, unknown> & { type: string };

/** A field of a tool: required, or with a default, or plainly optional. */
export interface ToolField extends Kind {
  readonly required?: true;
  readonly initial?: unknown;
}

const required = (kind: Kind): ToolField => ({ ...kind, required: true });
const or = (kind: Kind, initial: unknown): ToolField => ({ ...kind, initial });

/** A question that a booking asks. */
export const BOOKING_FIELD: Readonly<Record<string, ToolField>> = {
  slug: required(text()),
  type: required(text()),
  label: required(text()),
  required: or(boolean(), false),
};

/** Every kind of tool with its own fields; `type` and `description` are common to all. */
export const TOOLS: Readonly<Record<string, Readonly<Record<string, ToolField>>>> = {
  call_transfer: {
    phone_number: required(text()),
    custom: boolean(),
    timezone: text(),
    warm_transfer: or(boolean(), false),
    warm_transfer_message: text(),
  },
  warm_call_transfer: {
    supervisor_phone: required(text(undefined, 'A number; with custom_sip a SIP address or an extension.')),
    outbound_phone_id: required(id('A number of the account, from which the supervisor is called.')),
    description: required(text()),
    custom_sip: or(boolean(), false),
    caller_id_mode: or(word(['outbound_number', 'customer_number', 'custom']), 'outbound_number'),
    custom_caller_id: text(),
    hold_music: or(word(['hold_music', 'none']), 'hold_music'),
    hold_music_volume: or(integer(0, 100), 80),
    hold_message: or(text(), 'Please hold while I connect you with a supervisor.'),
    summary_instructions: or(text(), 'Say in two or three sentences who is calling, what they want, and why they need a person.'),
    briefing_initial_message: or(text(), 'Hello! I have a caller on the line who needs your assistance. May I brief you on the situation?'),
    connected_message: or(text(), "You are now connected with a supervisor. I'll leave you to it."),
  },
  end_call: {},
  dtmf_input: {},
  collect_keypad: {
    timeout: or(integer(1, 30, 'Seconds.'), 5),
    stop_key: or(word(['#', '*']), '#'),
  },
  calendar_integration: {
    calcom_api_key: required(text()),
    calcom_event_slug: required(text()),
    calcom_team_slug: text(),
    calcom_endpoint: or(word(['us', 'eu', 'custom']), 'us'),
    calcom_custom_endpoint: text(),
    calcom_booking_fields: { is: 'booking-fields' },
  },
};

const withDefaults = (fields: Readonly<Record<string, ToolField>> = {}, given: Record<string, unknown>): Record<string, unknown> => {
  const out = { ...given };
  for (const [name, { initial }] of Object.entries(fields)) {
    if (initial !== undefined && !Object.hasOwn(given, name)) out[name] = initial;
  }
  return out;
};

/** A checked tool with the defaults of its kind filled in. Tools are replaced whole, so this is right on an update too. */
export const withToolDefaults = (tool: Tool): Tool => {
  const out = { ...withDefaults(TOOLS[tool.type], tool), type: tool.type };
  const asked = (tool as Record<string, unknown>).calcom_booking_fields;
  if (tool.type !== 'calendar_integration' || !Array.isArray(asked)) return out;
  return { ...out, calcom_booking_fields: asked.map((one) => (isRecord(one) ? withDefaults(BOOKING_FIELD, one) : one)) };
};

/** One client nests what belongs to the kind: `{type, data: {...}}`. Anything else is left as it is. */
export const flattenTool = (tool: unknown): unknown => {
  if (!isRecord(tool) || !isRecord(tool.data)) return tool;
  const { data, ...rest } = tool;
  return { ...rest, ...data, ...rest };
};
