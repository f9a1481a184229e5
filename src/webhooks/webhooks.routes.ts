// Webhooks over HTTP: the signing secret, the log of deliveries, and sending them again.
import type { WebhookMessageRow, WebhookSecretRow } from '../db/schema.ts';
import { DomainError, ValidationError } from '../errors.ts';
import { IdParams, Message, MessageWith, ValidationFailed } from '../http/fields.ts';
import { PageOf, resolvePage, toPage, toSlice } from '../http/page.ts';
import { pageLocation } from '../http/page-location.ts';
import type { App, RouteDeps } from '../http/types.ts';
import { findDelivery, listAttempts, listDeliveries, replayDeliveries } from './deliveries.store.ts';
import { rotateSecret, signingSecrets } from './secrets.store.ts';
import { DEFAULT_PER_PAGE, Delivery, DeliveryDetail, DeliveryQuery, Replayed, ReplayRange, Secret } from './webhooks.schema.ts';
import { presentDelivery, presentDeliveryDetail, presentSecret } from './webhooks.ts';

const shown = ([current, previous]: WebhookSecretRow[]) => {
  if (current === undefined) throw new Error('an account without a signing secret');
  return presentSecret(current, previous);
};

const secretRoutes = (app: App, { db, clock }: RouteDeps): void => {
  app.get(
    '/user/webhooks/secret',
    {
      schema: {
        tags: ['webhooks'],
        summary: 'The secret that signs webhooks',
        description: 'Webhooks carry the headers of Standard Webhooks: `webhook-id`, `webhook-timestamp`, `webhook-signature`.',
        response: { 200: Secret },
      },
    },
    async (request, reply) => {
      reply.header('cache-control', 'no-store');
      return shown(await signingSecrets(db, request.account.id, clock()));
    },
  );

  app.post(
    '/user/webhooks/secret/rotate',
    {
      schema: {
        tags: ['webhooks'],
        summary: 'Replace the secret',
        description: 'For 24 hours webhooks are signed with both: any of the signatures in `webhook-signature` may match.',
        response: { 200: MessageWith(Secret) },
      },
    },
    async (request, reply) => {
      reply.header('cache-control', 'no-store');
      return { message: 'Signing secret rotated', data: shown(await rotateSecret(db, request.account.id, clock())) };
    },
  );
};

// The format has been checked, but it lets pass a leap second, which is no Date, and years that a database does not have.
const toInstant = (field: string, text: string): Date => {
  const at = new Date(text);
  const year = at.getUTCFullYear();
  if (year >= 1 && year <= 9999) return at;
  throw new ValidationError({ [field]: [`The ${field} field must be a valid date and time.`] });
};

const deliveryRoutes = (app: App, { db, clock }: RouteDeps): void => {
  const found = async (accountId: number, id: number): Promise<WebhookMessageRow> => {
    const delivery = await findDelivery(db, accountId, id);
    if (delivery === undefined) throw new DomainError('delivery_not_found');
    return delivery;
  };

  app.get(
    '/user/webhooks/deliveries',
    {
      schema: {
        tags: ['webhooks'],
        summary: 'Page through the deliveries, the newest first',
        querystring: DeliveryQuery,
        response: { 200: PageOf(Delivery), 422: ValidationFailed },
      },
    },
    async (request) => {
      const { query } = request;
      const page = { page: resolvePage(query.page), perPage: query.per_page ?? DEFAULT_PER_PAGE };
      const filter = { callId: query.call_id, state: query.state };
      const { rows, total } = await listDeliveries(db, request.account.id, filter, toSlice(page));
      return toPage(rows.map(presentDelivery), total, page, pageLocation(request));
    },
  );

  app.get(
    '/user/webhooks/deliveries/:id',
    {
      schema: {
        tags: ['webhooks'],
        summary: 'A delivery with its text and every attempt',
        params: IdParams,
        response: { 200: DeliveryDetail, 404: Message },
      },
    },
    async (request) => {
      const delivery = await found(request.account.id, request.params.id);
      return presentDeliveryDetail(delivery, await listAttempts(db, delivery.id));
    },
  );

  const again =
    'At once, from the beginning of the schedule, with the same `webhook-id` and text, to the address that the assistant has now.';
  app.post(
    '/user/webhooks/deliveries/:id/replay',
    {
      schema: {
        tags: ['webhooks'],
        summary: 'Send a delivery again',
        description: again,
        params: IdParams,
        response: { 200: MessageWith(Delivery), 404: Message, 422: ValidationFailed },
      },
    },
    async (request) => {
      const { id } = await found(request.account.id, request.params.id);
      const replayed = await replayDeliveries(db, request.account.id, { id }, clock());
      if (replayed === 0) throw new ValidationError({ id: ['There is nothing to send again: the call was deleted.'] });
      return { message: 'Delivery will be sent again', data: presentDelivery(await found(request.account.id, id)) };
    },
  );

  app.post(
    '/user/webhooks/replay',
    {
      schema: {
        tags: ['webhooks'],
        summary: 'Send the deliveries of a time again',
        description: `Those that are delivered or failed, but for those of deleted calls. ${again}`,
        body: ReplayRange,
        response: { 200: MessageWith(Replayed), 422: ValidationFailed },
      },
    },
    async (request) => {
      const { body } = request;
      const [from, to] = [toInstant('from', body.from), toInstant('to', body.to)];
      if (to <= from) throw new ValidationError({ to: ['The to field must be a time after from.'] });
      const replayed = await replayDeliveries(db, request.account.id, { from, to, state: body.state }, clock());
      return { message: 'Deliveries will be sent again', data: { replayed } };
    },
  );
};

export const webhooksRoutes = (app: App, deps: RouteDeps): void => {
  secretRoutes(app, deps);
  deliveryRoutes(app, deps);
};
