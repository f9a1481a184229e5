// The blacklist over HTTP: page through it, add numbers or the numbers of leads, remove. No document has it; it is ours.
import { Type } from 'typebox';
import { waitUntilSent } from '../calls/revoke.store.ts';
import type { Db } from '../db/schema.ts';
import { DomainError, ValidationError } from '../errors.ts';
import { Id, IdParams, IsoMicro, Message, MessageWith, Nullable, Phone, pageQuery, Text, ValidationFailed } from '../http/fields.ts';
import { PageOf, resolvePage, toPage, toSlice } from '../http/page.ts';
import { pageLocation } from '../http/page-location.ts';
import type { App, RouteDeps } from '../http/types.ts';
import { toPhonePattern } from '../phone.ts';
import { requiredMessage, selectedInvalid } from '../sentences.ts';
import { type BlockedNumber, blockNumbers, listBlacklist, numbersOfLeads, unblockNumber } from './blacklist.store.ts';
import { FROM_LEAD, presentEntry } from './blacklist.ts';

const DEFAULT_PER_PAGE = 15;
const MAX_AT_ONCE = 1000;

const Entry = Type.Object(
  { id: Type.Integer(), phone_number: Type.String({ description: 'E.164' }), reason: Nullable(Type.String()), created_at: IsoMicro },
  { additionalProperties: false },
);

const BlacklistQuery = Type.Object({
  phone_number: Type.Optional(
    Type.String({
      maxLength: 32,
      format: 'phone-filter',
      description: 'A part of the number: digits anywhere, or with a leading + from its start. Separators are dropped.',
    }),
  ),
  ...pageQuery(DEFAULT_PER_PAGE),
});

const BlacklistAdd = Type.Object(
  {
    phone_number: Type.Optional(Phone({ description: 'One number.' })),
    phone_numbers: Type.Optional(Type.Array(Phone(), { minItems: 1, maxItems: MAX_AT_ONCE })),
    lead_ids: Type.Optional(
      Type.Array(Id(), { minItems: 1, maxItems: MAX_AT_ONCE, description: 'Leads or secondary contacts, for their numbers.' }),
    ),
    reason: Type.Optional(Nullable(Text({ maxLength: 255 }))),
  },
  { description: 'At least one of `phone_number`, `phone_numbers` and `lead_ids`.' },
);

const resolveLeads = async (db: Db, accountId: number, ids: readonly number[]): Promise<string[]> => {
  const numbers = await numbersOfLeads(db, accountId, ids);
  const unknown = ids.flatMap((id, index) => (numbers.has(id) ? [] : [`lead_ids.${index}`]));
  if (unknown.length > 0) {
    throw new ValidationError(Object.fromEntries(unknown.map((field) => [field, [selectedInvalid(field)]])));
  }
  return ids.flatMap((id) => numbers.get(id) ?? []);
};

const sentence = (entries: readonly BlockedNumber[]): string => {
  if (entries.some(({ added }) => added)) return entries.length === 1 ? 'Number added to the blacklist' : 'Numbers added to the blacklist';
  return entries.length === 1 ? 'Number is already on the blacklist' : 'Numbers are already on the blacklist';
};

export const blacklistRoutes = (app: App, { db, clock }: RouteDeps): void => {
  app.get(
    '/user/blacklist',
    {
      schema: {
        tags: ['blacklist'],
        summary: 'Page through the blocked numbers',
        querystring: BlacklistQuery,
        response: { 200: PageOf(Entry), 422: ValidationFailed },
      },
    },
    async (request) => {
      const { query } = request;
      const page = { page: resolvePage(query.page), perPage: query.per_page ?? DEFAULT_PER_PAGE };
      const pattern = query.phone_number === undefined ? undefined : toPhonePattern(query.phone_number);
      const { entries, total } = await listBlacklist(db, request.account.id, pattern, toSlice(page));
      return toPage(entries.map(presentEntry), total, page, pageLocation(request));
    },
  );

  const Added = MessageWith(Type.Union([Entry, Type.Array(Entry)], { description: 'An entry for `phone_number` alone, else a list.' }));
  app.post(
    '/user/blacklist',
    {
      schema: {
        tags: ['blacklist'],
        summary: 'Block numbers',
        description:
          'Their waiting leads and contacts become `blacklisted` at once. Repeating it changes nothing: 201 when a number was new, 200 when none was.',
        body: BlacklistAdd,
        response: { 200: Added, 201: Added, 422: ValidationFailed },
      },
    },
    async (request, reply) => {
      const { phone_number: one, phone_numbers: many = [], lead_ids: leadIds = [], reason = null } = request.body;
      const ofLeads = await resolveLeads(db, request.account.id, leadIds);
      const numbers = [...(one === undefined ? [] : [one]), ...many, ...ofLeads];
      if (numbers.length === 0) throw new ValidationError({ phone_number: [requiredMessage('phone_number')] });
      const why = reason ?? (leadIds.length > 0 ? FROM_LEAD : null);
      const entries = await blockNumbers(db, request.account.id, numbers, why, clock());
      await waitUntilSent(db, { accountId: request.account.id, numbers });
      const shown = entries.map(presentEntry);
      const [first] = shown;
      const single = many.length === 0 && leadIds.length === 0 && first !== undefined;
      return reply.code(entries.some(({ added }) => added) ? 201 : 200).send({ message: sentence(entries), data: single ? first : shown });
    },
  );

  app.delete(
    '/user/blacklist/:id',
    {
      schema: {
        tags: ['blacklist'],
        summary: 'Allow a number again',
        description: 'Its leads stay `blacklisted` until somebody sets them to `created`.',
        params: IdParams,
        response: { 200: Message, 404: Message },
      },
    },
    async (request) => {
      if (!(await unblockNumber(db, request.account.id, request.params.id))) throw new DomainError('blacklist_entry_not_found');
      return { message: 'Number removed from the blacklist' };
    },
  );
};
