// Who the key belongs to, the account's settings, and its API keys.
import { Type } from 'typebox';
import { DomainError, ValidationError } from '../errors.ts';
import { Changes, IdParams, Int, IsoMicro, Message, MessageWith, Nullable, Text, ValidationFailed } from '../http/fields.ts';
import { spellings } from '../http/spellings.ts';
import type { App, RouteDeps } from '../http/types.ts';
import { toIsoMicro } from '../http/wire-time.ts';
import { MAX_RETENTION_MONTHS, MIN_RETENTION_MONTHS } from '../retention/retention.ts';
import { INVALID_TIME_ZONE, isTimeZone } from '../time-zone.ts';
import { type Account, presentAccount, presentMe } from './account.ts';
import { deleteKey, listKeys, mintKey, updateAccount } from './accounts.store.ts';
import { presentApiKey } from './api-key.ts';

const Me = Type.Object(
  { name: Type.String(), email: Type.String({ format: 'email' }), total_balance: Type.Number() },
  { additionalProperties: false },
);

const AccountOut = Type.Object(
  {
    id: Type.Integer(),
    name: Type.String(),
    email: Type.String({ format: 'email' }),
    timezone: Nullable(Type.String(), { description: 'IANA name; campaigns and assistants take it where they name none.' }),
    max_calls_in_parallel: Type.Integer({ description: 'Most that a campaign may ask for. Changed by the operator only.' }),
    max_parallel_calls: Type.Integer({ description: 'Calls at the same time, all together. Changed by the operator only.' }),
    retention_months: Type.Integer({ description: 'Months for which calls, leads that are done with, and what belongs to them are kept.' }),
  },
  { additionalProperties: false },
);

const AccountUpdate = Changes({
  name: Type.Optional(Text({ minLength: 1, maxLength: 255 })),
  email: Type.Optional(Text({ format: 'email', maxLength: 255 })),
  timezone: Type.Optional(Nullable(Text())),
  retention_months: Type.Optional(Int({ minimum: MIN_RETENTION_MONTHS, maximum: MAX_RETENTION_MONTHS })),
});

const ApiKeyOut = Type.Object(
  { id: Type.Integer(), name: Type.String(), last_used_at: Nullable(IsoMicro), created_at: IsoMicro },
  { additionalProperties: false },
);

const ApiKeyMinted = Type.Object(
  {
    message: Type.String(),
    api_key: Type.Object(
      {
        name: Type.String(),
        token: Type.Optional(Type.String({ description: 'Absent when the answer is repeated.' })),
        created_at: IsoMicro,
      },
      { additionalProperties: false },
    ),
  },
  { additionalProperties: false },
);

// Silence would make a client believe that it had raised its own limits. What it has read it may send back.
const refuseLimits = (body: object, current: Account): void => {
  const limits = { max_calls_in_parallel: current.maxCallsInParallel, max_parallel_calls: current.maxParallelCalls };
  const sent = new Map<string, unknown>(Object.entries(body));
  const changed = Object.entries(limits).filter(([name, limit]) => sent.has(name) && sent.get(name) !== limit);
  if (changed.length === 0) return;
  const reason = (name: string) => [`The ${name.replace(/_/g, ' ')} field can only be changed by the operator.`];
  throw new ValidationError(Object.fromEntries(changed.map(([name]) => [name, reason(name)])));
};

const account = (app: App, { db, clock }: RouteDeps): void => {
  app.get('/user/me', { schema: { tags: ['account'], summary: 'Who the key belongs to', response: { 200: Me } } }, async (request) =>
    presentMe(request.account),
  );

  app.get(
    '/user/account',
    { schema: { tags: ['account'], summary: 'The account and its limits', response: { 200: AccountOut } } },
    async (request) => presentAccount(request.account),
  );

  const update = {
    tags: ['account'],
    summary: 'Change name, e-mail, time zone or how long data is kept',
    body: AccountUpdate,
    response: { 200: MessageWith(AccountOut), 422: ValidationFailed },
  };
  for (const route of spellings(['PUT /user/account', 'PATCH /user/account'], update)) {
    app.route({
      ...route,
      handler: async (request) => {
        refuseLimits(request.body, request.account);
        const { name, email, timezone, retention_months } = request.body;
        if (typeof timezone === 'string' && !isTimeZone(timezone)) throw new ValidationError({ timezone: [INVALID_TIME_ZONE] });
        const changes = {
          ...(name === undefined ? {} : { name }),
          ...(email === undefined ? {} : { email }),
          ...(timezone === undefined ? {} : { timezone }),
          ...(retention_months === undefined ? {} : { retention_months }),
        };
        const updated = (await updateAccount(db, request.account.id, changes, clock())) ?? request.account;
        return { message: 'Account updated successfully', data: presentAccount(updated) };
      },
    });
  }
};

const apiKeys = (app: App, { db, clock }: RouteDeps): void => {
  app.get(
    '/user/api-keys',
    {
      schema: {
        tags: ['account'],
        summary: 'Key metadata, never the tokens',
        response: { 200: Type.Object({ api_keys: Type.Array(ApiKeyOut) }, { additionalProperties: false }) },
      },
    },
    async (request) => ({ api_keys: (await listKeys(db, request.account.id)).map(presentApiKey) }),
  );

  app.post(
    '/user/api-keys',
    {
      config: { invalid: 'first', givenOnce: ['token'] },
      schema: {
        tags: ['account'],
        summary: 'Mint a key; its token is shown this once',
        description: 'Repeated under its Idempotency-Key, it answers without the token, which is stored nowhere.',
        body: Type.Object({ name: Text({ minLength: 1, maxLength: 255 }) }),
        response: { 201: ApiKeyMinted, 422: ValidationFailed },
      },
    },
    async (request, reply) => {
      const key = await mintKey(db, request.account.id, request.body.name, clock());
      return reply.code(201).send({
        message: 'API key created successfully.',
        api_key: { name: key.name, token: key.token, created_at: toIsoMicro(key.createdAt) },
      });
    },
  );

  app.delete(
    '/user/api-keys/:id',
    { schema: { tags: ['account'], summary: 'Revoke a key at once', params: IdParams, response: { 200: Message, 404: Message } } },
    async (request) => {
      if (!(await deleteKey(db, request.account.id, request.params.id))) throw new DomainError('api_key_not_found');
      return { message: 'API key deleted successfully.' };
    },
  );
};

export const accountsRoutes = (app: App, deps: RouteDeps): void => {
  account(app, deps);
  apiKeys(app, deps);
};
