// The shapes of calls on the wire: what is answered and what may be sent.
import { Type } from 'typebox';
import { AssistantId } from '../assistants/assistant.schema.ts';
import { Day, Id, Nullable, OneOf, pageQuery, SpaceDateTime, Text, VariablesIn, VariablesOut } from '../http/fields.ts';
import { MAX_KEY_LENGTH } from '../idempotency/idempotency.ts';
import { CALL_STATUSES, CALL_TYPES, UNANSWERED } from './call.ts';

const Status = Type.Unsafe<(typeof CALL_STATUSES)[number]>({ type: 'string', enum: [...CALL_STATUSES] });
const AnsweredBy = Type.Unsafe<'human' | 'machine' | 'unknown' | null>({
  type: ['string', 'null'],
  enum: ['human', 'machine', 'unknown', null],
});

/** A call. */
export const Call = Type.Object(
  {
    id: Type.Integer(),
    assistant_name: Type.String(),
    campaign_name: Nullable(Type.String()),
    type: Type.Unsafe<(typeof CALL_TYPES)[number]>({ type: 'string', enum: [...CALL_TYPES] }),
    duration: Type.Integer({ minimum: 0, description: 'Seconds of talk.' }),
    assistant_phone_number: Nullable(Type.String()),
    client_phone_number: Nullable(Type.String()),
    status: Status,
    transcript: Nullable(Type.String(), { description: 'Lines "AI: ..." and "Customer: ...".' }),
    variables: VariablesOut,
    evaluation: Nullable(VariablesOut, { description: "What was gathered by the assistant's post_call_schema." }),
    webhook_response: Nullable(VariablesOut, { description: 'Null: deliveries have a log of their own.' }),
    carrier_cost: Nullable(Type.Number()),
    total_cost: Nullable(Type.Number(), { description: "The carrier's; nothing else costs." }),
    answered_by: AnsweredBy,
    recording_url: Nullable(Type.String()),
    created_at: SpaceDateTime,
    updated_at: SpaceDateTime,
  },
  { additionalProperties: false },
);

/** The nine parameters of the list. */
export const CallQuery = Type.Object({
  status: Type.Optional(OneOf([...CALL_STATUSES, UNANSWERED], { description: '`unanswered` is no-answer.' })),
  type: Type.Optional(OneOf(CALL_TYPES)),
  phone_number: Type.Optional(
    Type.String({
      maxLength: 32,
      format: 'phone-filter',
      description: 'A part of the number that was called: digits anywhere, or with a leading + from its start. Separators are dropped.',
    }),
  ),
  assistant_id: Type.Optional(AssistantId),
  campaign_id: Type.Optional(Id()),
  date_from: Type.Optional(Day({ description: 'Created on or after this day, UTC.' })),
  date_to: Type.Optional(Day({ description: 'Created on or before this day, UTC.' })),
  ...pageQuery(15),
});

/** A call to be made. Whether the number can be read is judged apart: that refusal is a 400. */
export const MakeCall = Type.Object(
  {
    phone_number: Text({ description: 'E.164. Separators are dropped.' }),
    assistant_id: AssistantId,
    variables: Type.Optional(VariablesIn()),
  },
  { 'x-renamed': { variable: 'variables' } },
);

/** The header by which a request may be repeated. What is wrong with it is judged apart: that refusal is a 400. */
export const KeyHeader = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({ maxLength: MAX_KEY_LENGTH, description: 'Any text of your own, new for each call to be made.' }),
  ),
});

/** What is answered when a call will be placed at once. */
export const CallInitiated = Type.Object(
  {
    message: Type.Unsafe<'Call initiated successfully'>({ type: 'string', const: 'Call initiated successfully' }),
    data: Type.Object({}, { additionalProperties: false }),
    call_id: Type.Integer(),
    status: Type.Unsafe<'initiated'>({ type: 'string', const: 'initiated' }),
  },
  { additionalProperties: false },
);

/** 429 of make_call. */
export const LinesFull = Type.Object(
  { message: Type.String(), retry_after: Type.Integer({ minimum: 1, maximum: 10 }) },
  { additionalProperties: false },
);

/** The marks of an answer about a call. */
export const CARRIER_HEADERS = {
  'X-Outdial-Carrier': Type.Unsafe<'simulated'>({ type: 'string', const: 'simulated', description: 'Only on a simulated call.' }),
};
