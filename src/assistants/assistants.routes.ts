// Assistants over HTTP: the three lists, create, read, update, delete. The webhook switches are in webhook-switches.routes.ts.
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { waitUntilSent } from '../calls/revoke.store.ts';
import { DomainError } from '../errors.ts';
import { Message, MessageWith, OneOf, pageQuery, ValidationFailed } from '../http/fields.ts';
import { PageOf, resolvePage, toPage, toSlice } from '../http/page.ts';
import { pageLocation } from '../http/page-location.ts';
import { spellings } from '../http/spellings.ts';
import type { App, RouteDeps } from '../http/types.ts';
import { Assistant, AssistantBrief, AssistantCreate, AssistantSummary, AssistantUpdate } from './assistant.schema.ts';
import { presentAssistant, presentSummary, readInput } from './assistant.ts';
import { type AssistantRef, parseAssistantRef } from './assistant-ref.ts';
import { deleteAssistant, findAssistant, insertAssistant, listAssistants, pageAssistants, updateAssistant } from './assistants.store.ts';
import { readOlderBody } from './older-bodies.ts';
import { webhookSwitches } from './webhook-switches.routes.ts';

const TAGS = ['assistants'];
const TYPES = ['inbound', 'outbound'] as const;
const PER_PAGE = 10;

const params = Type.Object({ id: Type.String({ description: "The assistant's id or uuid." }) });

const refOf = (id: string): AssistantRef => {
  const ref = parseAssistantRef(id);
  if (ref === undefined) throw new DomainError('assistant_not_found');
  return ref;
};

// Before the schema is applied, so that older spellings are checked like today's.
const preValidation = async (request: FastifyRequest): Promise<void> => {
  request.body = readOlderBody(request.body);
};

const lists = (app: App, { db }: RouteDeps): void => {
  app.get(
    '/user/assistants/get',
    {
      schema: {
        tags: TAGS,
        summary: 'Page through assistants',
        querystring: Type.Object({ ...pageQuery(PER_PAGE), type: Type.Optional(OneOf(TYPES)) }),
        response: { 200: PageOf(Assistant), 422: ValidationFailed },
      },
    },
    async (request) => {
      const { page, per_page: perPage = PER_PAGE, type } = request.query;
      const asked = { page: resolvePage(page), perPage };
      const { rows, total } = await pageAssistants(db, request.account.id, type, toSlice(asked));
      return toPage(rows.map(presentAssistant), total, asked, pageLocation(request));
    },
  );

  app.get(
    '/user/assistants',
    { schema: { tags: TAGS, summary: 'Every assistant, as a bare array', response: { 200: Type.Array(AssistantBrief) } } },
    async (request) => (await listAssistants(db, request.account.id)).map(presentAssistant),
  );

  app.get(
    '/user/assistants/outbound',
    { schema: { tags: TAGS, summary: 'Outbound assistants, as a bare array', response: { 200: Type.Array(AssistantBrief) } } },
    async (request) => (await listAssistants(db, request.account.id, 'outbound')).map(presentAssistant),
  );
};

const create = (app: App, { db, clock }: RouteDeps): void => {
  const schema = {
    tags: TAGS,
    summary: 'Create an assistant; it starts inactive',
    body: AssistantCreate,
    response: { 201: MessageWith(AssistantSummary), 422: ValidationFailed },
  };
  for (const route of spellings(['POST /user/assistant', 'POST /user/assistants'], schema)) {
    app.route({
      ...route,
      preValidation,
      handler: async (request, reply) => {
        const row = await insertAssistant(db, request.account, readInput(request.body), clock());
        return reply.code(201).send({ message: 'Assistant created successfully', data: presentSummary(row) });
      },
    });
  }
};

const one = (app: App, { db, clock }: RouteDeps): void => {
  const read = { tags: TAGS, summary: 'Read an assistant', params, response: { 200: Assistant, 404: Message } };
  for (const route of spellings(['GET /user/assistant/:id', 'GET /user/assistants/:id'], read)) {
    app.route({
      ...route,
      handler: async (request) => {
        const row = await findAssistant(db, request.account.id, refOf(request.params.id));
        if (row === undefined) throw new DomainError('assistant_not_found');
        return presentAssistant(row);
      },
    });
  }

  const update = {
    tags: TAGS,
    summary: 'Change some fields of an assistant',
    description:
      'Lists and objects are replaced whole. A change of mode puts models, providers and what only pipeline mode can do back to ' +
      "the new mode's defaults, unless the body gives them.",
    params,
    body: AssistantUpdate,
    response: { 200: MessageWith(AssistantSummary), 404: Message, 422: ValidationFailed },
  };
  const spelled = [
    'PUT /user/assistant/:id',
    'PATCH /user/assistant/:id',
    'PUT /user/assistants/:id',
    'PATCH /user/assistants/:id',
  ] as const;
  for (const route of spellings(spelled, update)) {
    app.route({
      ...route,
      preValidation,
      handler: async (request) => {
        const { row, sending } = await updateAssistant(db, request.account.id, refOf(request.params.id), readInput(request.body), clock());
        await waitUntilSent(db, { callIds: sending });
        return { message: 'Assistant updated successfully', data: presentSummary(row) };
      },
    });
  }

  const remove = {
    tags: TAGS,
    summary: 'Delete an assistant',
    description: 'Its phone number is free again, and its running campaigns stop.',
    params,
    response: { 200: Message, 404: Message },
  };
  for (const route of spellings(['DELETE /user/assistant/:id', 'DELETE /user/assistants/:id'], remove)) {
    app.route({
      ...route,
      handler: async (request) => {
        const sending = await deleteAssistant(db, request.account.id, refOf(request.params.id), clock());
        await waitUntilSent(db, { callIds: sending });
        return { message: 'Assistant deleted successfully' };
      },
    });
  }
};

/** Everything about assistants but the look-ups, and the numbers that one could take. */
export const assistantsRoutes = (app: App, deps: RouteDeps): void => {
  lists(app, deps);
  create(app, deps);
  one(app, deps);
  webhookSwitches(app, deps);
};
