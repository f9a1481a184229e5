// The API document, made from the route schemas, and a page to read it.
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance, FastifySchema, RouteOptions } from 'fastify';
import { isRecord } from '../is-record.ts';
import { Message } from './fields.ts';
import { KeyHeader } from './idempotency.ts';

const DESCRIPTION = `Outbound calling you host yourself. Clients of the Autocalls REST API work by changing their base URL.

Requests are read leniently where shipping clients need it (fields marked \`x-lenient\`): numbers and ids may be sent as
text, booleans as 0, 1, "0", "1", "true" or "false", an assistant's uuid in place of its id, and an empty query value counts as
absent. In a body that changes something (\`x-partial\`) a field that is named is meant: blank text is null. \`x-aliases\` lists other spellings of a path or verb that reach the same operation.

Every operation may also answer 401 (no valid key), 429 (too many requests; wait \`Retry-After\` seconds), 400 (malformed
JSON), 413 (body too large), 415 (not JSON) and 500 (our failure; the message holds the request's id).`;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What the route answers beside its 200 schema when it is asked with `cursor`. */
    cursorPage?: object;
  }
}

// One status has one schema for the serialiser, and may have two in the document.
const withCursorPage = ({ schema, url, route }: { schema: FastifySchema; url: string; route: RouteOptions }) => {
  const cursorPage = route.config?.cursorPage;
  const response = schema?.response;
  if (cursorPage === undefined || !isRecord(response)) return { schema, url };
  return { schema: { ...schema, response: { ...response, 200: { anyOf: [response[200], cursorPage] } } }, url };
};

// Every POST takes the header, and may be refused for it.
const withKey = (document: { schema: FastifySchema; url: string; route: RouteOptions }) => {
  const { schema, url } = withCursorPage(document);
  if (document.route.method !== 'POST') return { schema, url };
  const response = isRecord(schema?.response) ? schema.response : {};
  return { schema: { headers: KeyHeader, ...schema, response: { 409: Message, ...response } }, url };
};

/** Must be registered before the routes: it sees those that follow. */
export const addOpenApi = async (app: FastifyInstance, publicUrl: string | undefined): Promise<void> => {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Outdial', version: '1', description: DESCRIPTION, license: { name: 'MIT', identifier: 'MIT' } },
      servers: [{ url: publicUrl ?? '/' }],
      components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
      security: [{ bearer: [] }],
    },
    transform: withKey,
  });
  // Behind a proxy the page may live under a path, and so does what it loads.
  const indexPrefix = publicUrl === undefined ? '' : new URL(publicUrl).pathname.replace(/\/$/, '');
  await app.register(swaggerUi, { routePrefix: '/docs', indexPrefix, staticCSP: true });
};
