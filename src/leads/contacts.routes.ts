// The secondary contacts of a lead: list, add, change, reorder, remove. Ours, in the style of the lead routes.
import { Type } from 'typebox';
import { waitUntilSent } from '../calls/revoke.store.ts';
import type { Db } from '../db/schema.ts';
import { DomainError } from '../errors.ts';
import { IdParams, Message, MessageWith, ValidationFailed } from '../http/fields.ts';
import { spellings } from '../http/spellings.ts';
import type { App, RouteDeps } from '../http/types.ts';
import { addContact, reorderContacts } from './contacts.store.ts';
import { ContactCreate, ContactOrder, ContactUpdate, SecondaryContact } from './lead.schema.ts';
import { type ContactRow, presentContact } from './lead.ts';
import { deleteLead, findLead, updateLead } from './leads.store.ts';

const ContactParams = Type.Object({ id: Type.Integer({ minimum: 1 }), contactId: Type.Integer({ minimum: 1 }) });

const findContact = async (db: Db, accountId: number, leadId: number, contactId: number): Promise<ContactRow> => {
  const lead = await findLead(db, accountId, leadId);
  if (lead === undefined) throw new DomainError('lead_not_found');
  const contact = lead.contacts.find(({ id }) => id === contactId);
  if (contact === undefined) throw new DomainError('contact_not_found');
  return contact;
};

const all = (app: App, { db, clock }: RouteDeps): void => {
  const list = async (accountId: number, leadId: number) => {
    const lead = await findLead(db, accountId, leadId);
    if (lead === undefined) throw new DomainError('lead_not_found');
    return lead.contacts.map(presentContact);
  };

  app.get(
    '/user/leads/:id/contacts',
    {
      schema: {
        tags: ['leads'],
        summary: 'The secondary contacts of a lead, in calling order',
        params: IdParams,
        response: { 200: Type.Array(SecondaryContact), 404: Message },
      },
    },
    async (request) => list(request.account.id, request.params.id),
  );

  app.post(
    '/user/leads/:id/contacts',
    {
      schema: {
        tags: ['leads'],
        summary: 'Add a secondary contact, to be called last',
        params: IdParams,
        body: ContactCreate,
        response: { 200: MessageWith(SecondaryContact), 404: Message, 422: ValidationFailed },
      },
    },
    async (request) => {
      const { phone_number, variables = {} } = request.body;
      const contact = await addContact(db, request.account.id, request.params.id, { phone_number, variables }, clock());
      return { message: 'Contact created successfully', data: presentContact(contact) };
    },
  );

  app.put(
    '/user/leads/:id/contacts/order',
    {
      schema: {
        tags: ['leads'],
        summary: 'Put the secondary contacts into another calling order',
        params: IdParams,
        body: ContactOrder,
        response: { 200: MessageWith(Type.Array(SecondaryContact)), 404: Message, 422: ValidationFailed },
      },
    },
    async (request) => {
      await reorderContacts(db, request.account.id, request.params.id, request.body.contact_ids, clock());
      return { message: 'Contacts reordered successfully', data: await list(request.account.id, request.params.id) };
    },
  );
};

const one = (app: App, { db, clock, wake }: RouteDeps): void => {
  const update = {
    tags: ['leads'],
    summary: 'Change some fields of a secondary contact',
    params: ContactParams,
    body: ContactUpdate,
    response: { 200: MessageWith(SecondaryContact), 404: Message, 422: ValidationFailed },
  };
  const paths = ['PUT /user/leads/:id/contacts/:contactId', 'PATCH /user/leads/:id/contacts/:contactId'] as const;
  for (const route of spellings(paths, update)) {
    app.route({
      ...route,
      handler: async (request) => {
        const { id, contactId } = request.params;
        await findContact(db, request.account.id, id, contactId);
        await updateLead(db, request.account.id, contactId, request.body, clock());
        await waitUntilSent(db, { leadIds: [contactId] });
        wake();
        const contact = await findContact(db, request.account.id, id, contactId);
        return { message: 'Contact updated successfully', data: presentContact(contact) };
      },
    });
  }

  app.delete(
    '/user/leads/:id/contacts/:contactId',
    {
      schema: {
        tags: ['leads'],
        summary: 'Remove a secondary contact',
        params: ContactParams,
        response: { 200: Message, 404: Message },
      },
    },
    async (request) => {
      await findContact(db, request.account.id, request.params.id, request.params.contactId);
      const sending = await deleteLead(db, request.account.id, request.params.contactId, clock());
      await waitUntilSent(db, { callIds: sending });
      return { message: 'Contact deleted successfully' };
    },
  );
};

export const contactsRoutes = (app: App, deps: RouteDeps): void => {
  all(app, deps);
  one(app, deps);
};
