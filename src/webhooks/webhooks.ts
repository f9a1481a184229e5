// Secrets and deliveries as the wire shows them.                                                                   [pure]
import type { WebhookDeliveryRow, WebhookMessageRow, WebhookSecretRow } from '../db/schema.ts';
import { toIsoMicro } from '../http/wire-time.ts';

const orNull = (at: Date | null): string | null => (at === null ? null : toIsoMicro(at));

/** The signing secrets of an account, the current one first. What the earlier ones were is nobody's business any more. */
export const presentSecret = (current: WebhookSecretRow, previous: WebhookSecretRow | undefined) => ({
  secret: current.secret,
  created_at: toIsoMicro(current.created_at),
  previous_expires_at: orNull(previous?.expires_at ?? null),
});

/** A delivery. */
export const presentDelivery = (row: WebhookMessageRow) => ({
  id: row.id,
  webhook_id: row.webhook_id,
  event: row.event,
  call_id: row.call_id,
  url: row.url,
  state: row.state,
  attempts: row.attempts,
  next_attempt_at: orNull(row.next_attempt_at),
  created_at: toIsoMicro(row.created_at),
  updated_at: toIsoMicro(row.updated_at),
});

const presentAttempt = (row: WebhookDeliveryRow) => ({
  attempt: row.attempt,
  at: toIsoMicro(row.at),
  url: row.url,
  request_headers: row.request_headers,
  status: row.status,
  response_body: row.response_body,
  error: row.error,
  duration_ms: row.duration_ms,
});

/** A delivery with its text, as long as its call is there, and its log. */
export const presentDeliveryDetail = (row: WebhookMessageRow, log: readonly WebhookDeliveryRow[]) => ({
  ...presentDelivery(row),
  payload: row.payload === null ? null : JSON.parse(row.payload),
  log: log.map(presentAttempt),
});
