// Phone numbers over HTTP: three documented lists, and add, rename and remove for the numbers that a user brings.
import { Type } from 'typebox';
import { waitUntilSent } from '../calls/revoke.store.ts';
import { DomainError, ValidationError } from '../errors.ts';
import { IdParams, IsoMicro, Message, MessageWith, Nullable, OneOf, Phone, ValidationFailed } from '../http/fields.ts';
import { spellings } from '../http/spellings.ts';
import type { App, RouteDeps } from '../http/types.ts';
import { toE164 } from '../phone.ts';
import { isFreeForInbound, presentAssignable, presentNumber } from './number.ts';
import { deleteNumber, findNumber, insertNumber, listAssignable, listNumbers, renameNumber } from './numbers.store.ts';

const Assignable = Type.Object(
  {
    id: Type.Integer(),
    phone_number: Type.String({ description: 'E.164' }),
    country_code: Type.String({ pattern: '^[A-Z]{2}$' }),
    type_label: Type.String(),
    is_available: Type.Boolean({ description: 'Free for a new inbound assistant.' }),
  },
  { additionalProperties: false },
);

const PhoneNumber = Type.Object(
  {
    id: Type.Integer(),
    phone_number: Type.String({ description: 'E.164' }),
    nickname: Nullable(Type.String()),
    country_code: Type.String({ pattern: '^[A-Z]{2}$', description: 'ISO 3166-1; ZZ where the number belongs to no country.' }),
    type: Type.Unsafe<'normal' | 'sip' | 'caller_id'>({ type: 'string', enum: ['normal', 'sip', 'caller_id'] }),
    type_label: Type.String(),
    sms_capable: Type.Boolean(),
    region: Nullable(Type.String()),
    has_active_subscription: Type.Boolean(),
    created_at: IsoMicro,
  },
  { additionalProperties: false },
);

// Not a Text: a blank nickname means none, it is not absent.
const Nickname = Nullable(Type.String({ maxLength: 50 }));

const toNickname = (text: string | null | undefined): string | null => text?.trim() || null;

const lists = (app: App, { db }: RouteDeps): void => {
  app.get(
    '/user/assistants/phone-numbers',
    {
      schema: {
        tags: ['numbers'],
        summary: 'Numbers an assistant may use',
        querystring: Type.Object({
          type: Type.Optional(OneOf(['inbound', 'outbound'], { description: '`inbound`: only those free for a new inbound assistant.' })),
        }),
        response: { 200: Type.Array(Assignable), 422: ValidationFailed },
      },
    },
    async (request) => {
      const numbers = await listAssignable(db, request.account.id);
      return numbers.filter((row) => request.query.type !== 'inbound' || isFreeForInbound(row)).map(presentAssignable);
    },
  );

  app.get(
    '/user/phone-numbers/all',
    {
      schema: {
        tags: ['numbers'],
        summary: 'Every number, wrapped in data',
        response: { 200: Type.Object({ data: Type.Array(PhoneNumber) }, { additionalProperties: false }) },
      },
    },
    async (request) => ({ data: (await listNumbers(db, request.account.id)).map(presentNumber) }),
  );

  app.get(
    '/user/phone-numbers',
    {
      schema: {
        tags: ['numbers'],
        summary: 'Every number, as a bare array',
        description: 'Once the numbers that can send messages. None here can, but clients choose a caller id from this list.',
        response: { 200: Type.Array(PhoneNumber) },
      },
    },
    async (request) => (await listNumbers(db, request.account.id)).map(presentNumber),
  );
};

// A client may send back the whole number that it has read; another number would silently stay what it was.
const refuseOtherNumber = (current: string, sent: unknown): void => {
  if (sent === undefined || (typeof sent === 'string' && toE164(sent) === current)) return;
  throw new ValidationError({ phone_number: ['The phone number field cannot be changed.'] });
};

export const numbersRoutes = (app: App, deps: RouteDeps): void => {
  const { db, clock } = deps;
  lists(app, deps);

  app.post(
    '/user/phone-numbers',
    {
      schema: {
        tags: ['numbers'],
        summary: 'Add a number of your own trunk',
        body: Type.Object({ phone_number: Phone(), nickname: Type.Optional(Nickname) }),
        response: { 201: MessageWith(PhoneNumber), 422: ValidationFailed },
      },
    },
    async (request, reply) => {
      const { phone_number, nickname } = request.body;
      const row = await insertNumber(db, request.account.id, phone_number, toNickname(nickname), clock());
      if (row === undefined) throw new ValidationError({ phone_number: ['The phone number has already been taken.'] });
      return reply.code(201).send({ message: 'Phone number added successfully', data: presentNumber(row) });
    },
  );

  const update = {
    tags: ['numbers'],
    summary: 'Rename a number',
    params: IdParams,
    body: Type.Object({
      nickname: Nickname,
      phone_number: Type.Optional(
        Type.Unsafe<unknown>({ description: 'Cannot be changed: any other number than the present one is refused.' }),
      ),
    }),
    response: { 200: MessageWith(PhoneNumber), 404: Message, 422: ValidationFailed },
  };
  for (const route of spellings(['PUT /user/phone-numbers/:id', 'PATCH /user/phone-numbers/:id'], update)) {
    app.route({
      ...route,
      handler: async (request) => {
        const { id } = request.params;
        const current = await findNumber(db, request.account.id, id);
        if (current === undefined) throw new DomainError('phone_number_not_found');
        refuseOtherNumber(current.phone_number, request.body.phone_number);
        const row = await renameNumber(db, request.account.id, id, toNickname(request.body.nickname), clock());
        if (row === undefined) throw new DomainError('phone_number_not_found');
        return { message: 'Phone number updated successfully', data: presentNumber(row) };
      },
    });
  }

  app.delete(
    '/user/phone-numbers/:id',
    {
      schema: {
        tags: ['numbers'],
        summary: 'Remove a number',
        description: 'It leaves every campaign and assistant. A running campaign that has no number left is stopped.',
        params: IdParams,
        response: { 200: Message, 404: Message },
      },
    },
    async (request) => {
      const sending = await deleteNumber(db, request.account.id, request.params.id, clock());
      if (sending === undefined) throw new DomainError('phone_number_not_found');
      await waitUntilSent(db, { callIds: sending });
      return { message: 'Phone number deleted successfully' };
    },
  );
};
