// Leads over HTTP: the list (the seed document), create, read, update, delete.
import { Type } from 'typebox';
import { waitUntilSent } from '../calls/revoke.store.ts';
import { DomainError, ValidationError } from '../errors.ts';
import { CursorPageOf, readCursor, toCursorPage } from '../http/cursor-page.ts';
import { IdParams, Message, MessageWith, ValidationFailed } from '../http/fields.ts';
import { PageOf, resolvePage, toPage, toSlice } from '../http/page.ts';
import { pageLocation } from '../http/page-location.ts';
import { spellings } from '../http/spellings.ts';
import type { App, RouteDeps } from '../http/types.ts';
import { selectedInvalid } from '../sentences.ts';
import { contactsRoutes } from './contacts.routes.ts';
import { Lead, LeadCreate, LeadQuery, LeadUpdate } from './lead.schema.ts';
import { presentLead } from './lead.ts';
import { readBeside } from './lead-cursor.store.ts';
import { DEFAULT_ORDER, readOrder } from './lead-filter.ts';
import { listLeads } from './lead-list.store.ts';
import { findRepeatedNumbers } from './lead-numbers.ts';
import { toLeadFilter } from './lead-query.ts';
import { DUPLICATE_NUMBER, deleteLead, findLead, insertLeads, updateLead } from './leads.store.ts';

const DEFAULT_PER_PAGE = 15;

const LeadPage = PageOf(Lead);
const LeadCursorPage = CursorPageOf(Lead);
// Its serialiser is kept by this very object.
const CURSOR_PAGE = { ...LeadCursorPage };

const list = (app: App, { db }: RouteDeps): void => {
  const schema = {
    tags: ['leads'],
    summary: 'Page through leads',
    description:
      'Primary leads by ascending id. Filters combine; those given stay in the page URLs. With cursor (empty at first) the list is read ' +
      'from page to page without a count; in the order of ids no lead is skipped, whatever is added meanwhile.',
    querystring: LeadQuery,
    // Serialised by the shape of a page; a page by cursor brings its own.
    response: {
      200: Type.Unsafe<Type.Static<typeof LeadPage> | Type.Static<typeof LeadCursorPage>>(LeadPage),
      422: ValidationFailed,
    },
  };
  app.get('/user/leads', { schema, config: { cursorPage: LeadCursorPage } }, async (request, reply) => {
    const { account, query } = request;
    const location = pageLocation(request);
    const perPage = query.per_page ?? DEFAULT_PER_PAGE;
    const filter = toLeadFilter(query);
    if (location.query.has('cursor')) {
      const order = query.sort ?? DEFAULT_ORDER;
      const cursor = query.cursor === undefined ? undefined : readCursor(query.cursor);
      // It belongs to the order that it came with.
      if (cursor !== undefined && (cursor.value === undefined) !== (readOrder(order).column === 'id')) {
        throw new ValidationError({ cursor: [selectedInvalid('cursor')] });
      }
      const { leads, ...beside } = await readBeside(db, account.id, filter, order, cursor, perPage);
      reply.type('application/json; charset=utf-8').serializer(reply.compileSerializationSchema(CURSOR_PAGE));
      return toCursorPage(leads.map(presentLead), perPage, beside, location);
    }
    const page = { page: resolvePage(query.page), perPage };
    const { leads, total } = await listLeads(db, account.id, filter, toSlice(page), query.sort);
    return toPage(leads.map(presentLead), total, page, location);
  });
};

const create = (app: App, { db, clock, wake }: RouteDeps): void => {
  const schema = {
    tags: ['leads'],
    summary: 'Add a lead',
    description: 'Answers 200, as documented. A number that the campaign already has is refused unless allow_dupplicate is true.',
    body: LeadCreate,
    response: { 200: MessageWith(Lead), 404: Message, 422: ValidationFailed },
  };
  app.post('/user/lead', { schema }, async (request) => {
    const { phone_number, campaign_id, variables = {}, allow_dupplicate = false, secondary_contacts = [] } = request.body;
    const repeated = findRepeatedNumbers(phone_number, secondary_contacts);
    if (repeated !== undefined) throw new ValidationError(repeated);
    const target = { accountId: request.account.id, campaignId: campaign_id, allowDuplicate: allow_dupplicate };
    const contacts = secondary_contacts.map((contact) => ({ ...contact, variables: contact.variables ?? {} }));
    const [inserted] = await insertLeads(db, target, [{ phone_number, variables, contacts }], clock());
    if (inserted === undefined || inserted === 'duplicate') throw new ValidationError({ phone_number: [DUPLICATE_NUMBER] });
    wake();
    const lead = await findLead(db, request.account.id, inserted.id);
    if (lead === undefined) throw new DomainError('lead_not_found');
    return { message: 'Lead created successfully', data: presentLead(lead) };
  });
};

const one = (app: App, { db, clock, wake }: RouteDeps): void => {
  app.get(
    '/user/leads/:id',
    {
      schema: {
        tags: ['leads'],
        summary: 'Read a lead',
        description: 'The id of a secondary contact answers in the same shape, without contacts of its own.',
        params: IdParams,
        response: { 200: Lead, 404: Message },
      },
    },
    async (request) => {
      const lead = await findLead(db, request.account.id, request.params.id);
      if (lead === undefined) throw new DomainError('lead_not_found');
      return presentLead(lead);
    },
  );

  const update = {
    tags: ['leads'],
    summary: 'Change some fields of a lead',
    params: IdParams,
    body: LeadUpdate,
    response: { 200: Message, 404: Message, 422: ValidationFailed },
  };
  for (const route of spellings(['PUT /user/leads/:id', 'PATCH /user/leads/:id', 'PUT /leads/:id', 'PATCH /leads/:id'], update)) {
    app.route({
      ...route,
      handler: async (request) => {
        await updateLead(db, request.account.id, request.params.id, request.body, clock());
        await waitUntilSent(db, { leadIds: [request.params.id] });
        wake();
        return { message: 'Lead updated successfully' };
      },
    });
  }

  app.delete(
    '/user/leads/:id',
    {
      schema: {
        tags: ['leads'],
        summary: 'Delete a lead with its secondary contacts',
        params: IdParams,
        response: { 200: Message, 404: Message },
      },
    },
    async (request) => {
      const sending = await deleteLead(db, request.account.id, request.params.id, clock());
      await waitUntilSent(db, { callIds: sending });
      return { message: 'Lead deleted successfully' };
    },
  );
};

export const leadsRoutes = (app: App, deps: RouteDeps): void => {
  list(app, deps);
  create(app, deps);
  one(app, deps);
  contactsRoutes(app, deps);
};
