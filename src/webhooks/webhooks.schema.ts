// What the webhook routes take and answer. No document has them; they are ours.
import { Type } from 'typebox';
import { Id, IsoMicro, Nullable, OneOf, pageQuery, Text, VariablesOut } from '../http/fields.ts';

export const DEFAULT_PER_PAGE = 15;

export const STATES = ['pending', 'delivered', 'failed', 'cancelled'] as const;

/** The account's signing secret. */
export const Secret = Type.Object(
  {
    secret: Type.String({ description: 'For a Standard Webhooks library: `whsec_` and base64.' }),
    created_at: IsoMicro,
    previous_expires_at: Nullable(IsoMicro, { description: 'Until then the secret before signs along. Null: there is none.' }),
  },
  { additionalProperties: false },
);

const DELIVERY = {
  id: Type.Integer(),
  webhook_id: Type.String({ description: 'The header `webhook-id`, the same at every attempt.' }),
  event: Type.String(),
  call_id: Type.Integer(),
  url: Type.String(),
  state: OneOf(STATES, { description: 'cancelled: its call was deleted before it was delivered.' }),
  attempts: Type.Integer({ minimum: 0 }),
  next_attempt_at: Nullable(IsoMicro),
  created_at: IsoMicro,
  updated_at: IsoMicro,
};

/** A delivery as the list shows it. */
export const Delivery = Type.Object(DELIVERY, { additionalProperties: false });

const Attempt = Type.Object(
  {
    attempt: Type.Integer({ minimum: 1 }),
    at: IsoMicro,
    url: Type.String({ description: 'Where it ended, after redirects.' }),
    request_headers: Type.Record(Type.String(), Type.String()),
    status: Nullable(Type.Integer(), { description: 'Null: there was no answer.' }),
    response_body: Nullable(Type.String(), { description: 'The first 4096 bytes. Null, too, once the call was deleted.' }),
    error: Nullable(Type.String(), { description: 'What went wrong, in a stable word.' }),
    duration_ms: Type.Integer({ minimum: 0 }),
  },
  { additionalProperties: false },
);

/** A delivery with its text and its log. */
export const DeliveryDetail = Type.Object(
  {
    ...DELIVERY,
    payload: Nullable(VariablesOut, { description: 'Null: the call was deleted.' }),
    log: Type.Array(Attempt, { description: 'The oldest attempt first. One whose process died is missing.' }),
  },
  { additionalProperties: false },
);

/** `?call_id=&state=&per_page=&page=` */
export const DeliveryQuery = Type.Object({
  call_id: Type.Optional(Id()),
  state: Type.Optional(OneOf(STATES)),
  ...pageQuery(DEFAULT_PER_PAGE),
});

const Instant = (description: string) =>
  Text({
    format: 'date-time',
    description,
    'x-messages': { format: 'The :attribute field must be an ISO 8601 date and time with a zone.' },
  });

/** Which deliveries to send again. */
export const ReplayRange = Type.Object({
  from: Instant('The call ended then or later.'),
  to: Instant('The call ended before.'),
  state: Type.Optional(OneOf(['delivered', 'failed'], { description: 'Only those. Absent: both.' })),
});

/** How many will be sent again. */
export const Replayed = Type.Object({ replayed: Type.Integer({ minimum: 0 }) }, { additionalProperties: false });
