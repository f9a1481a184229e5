// Signing secrets and the three headers of Standard Webhooks (https://www.standardwebhooks.com).
import { randomBytes } from 'node:crypto';
import { Webhook } from 'standardwebhooks';

/** A secret that nobody has had: 256 bits. */
export const newSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`;

/** The headers that identify and sign a message; one signature for each secret, so that a receiver may still hold the old one. */
export const signedHeaders = (secrets: readonly string[], webhookId: string, at: Date, payload: string) => ({
  'webhook-id': webhookId,
  'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
  'webhook-signature': secrets.map((secret) => new Webhook(secret).sign(webhookId, at, payload)).join(' '),
});
