// The application: plugins, hooks and every routes file, by name. A test builds the same one and talks to it in memory.

import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import cors from '@fastify/cors';
import Fastify, { type FastifyBaseLogger, type FastifyInstance } from 'fastify';
import { accountsRoutes } from '../accounts/accounts.routes.ts';
import { assistantsRoutes } from '../assistants/assistants.routes.ts';
import { blacklistRoutes } from '../blacklist/blacklist.routes.ts';
import { callsRoutes } from '../calls/calls.routes.ts';
import { makeCallRoutes } from '../calls/make-call.routes.ts';
import { campaignsRoutes } from '../campaigns/campaigns.routes.ts';
import { simulationRoutes } from '../campaigns/simulation.routes.ts';
import { catalogueRoutes } from '../catalogue/catalogue.routes.ts';
import { exportsRoutes } from '../exports/exports.routes.ts';
import type { KeyStore } from '../idempotency/idempotency.ts';
import { importsRoutes } from '../imports/imports.routes.ts';
import { bulkRoutes } from '../leads/bulk.routes.ts';
import { historyRoutes } from '../leads/history.routes.ts';
import { leadsRoutes } from '../leads/leads.routes.ts';
import { numbersRoutes } from '../numbers/numbers.routes.ts';
import { eraseRoutes } from '../retention/erase.routes.ts';
import { webhooksRoutes } from '../webhooks/webhooks.routes.ts';
import { addAttachments } from './attachment.ts';
import { type Authenticate, addAuthentication } from './auth.ts';
import { handleError } from './error-handler.ts';
import { type HealthDeps, healthRoutes } from './health.routes.ts';
import { addHttpMeter, type HttpMeter } from './http-meter.ts';
import { addIdempotency } from './idempotency.ts';
import { addJsonParser } from './json-parser.ts';
import { answerNotFound, collectRoutes, type RouteEntry } from './not-found.ts';
import { addOpenApi } from './openapi.ts';
import { addOrderlyClose } from './orderly-close.ts';
import { readQuery } from './query-string.ts';
import type { App, RouteDeps } from './types.ts';
import { compileValidator } from './validator.ts';

/** How the server faces the world. */
export interface HttpSettings {
  publicUrl: string | undefined;
  trustProxy: boolean | number | string[];
  /** Origins that browsers may call from; undefined: none. */
  corsOrigins: string[] | '*' | undefined;
  /** Requests a second for a key; 0: no limit. */
  rateLimit: number;
}

/** All that the application is made of. */
export interface AppDeps extends RouteDeps, HealthDeps {
  http: HttpSettings;
  authenticate: Authenticate;
  /** Keeps what was answered under an Idempotency-Key. */
  keys: KeyStore;
  /** Runs what is done for an account, so that the database knows whose it is. */
  actFor?: (accountId: number, act: () => void) => void;
  logger?: FastifyBaseLogger;
  /** Hears of every answer. */
  httpMeter?: HttpMeter | undefined;
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Every route, for 405 and for the tests that walk them all. */
    routeList: RouteEntry[];
  }
}

const MEGABYTE = 1_048_576;

// The plugin's own list of verbs ends at POST; and a page in a browser sees no header that is not named.
const CORS = {
  methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
  // Otherwise an OPTIONS that is no preflight is refused in plain text.
  strictPreflight: false,
  exposedHeaders: [
    'X-Request-Id',
    'Location',
    'Content-Disposition',
    'Retry-After',
    'X-RateLimit-Limit',
    'X-RateLimit-Remaining',
    'X-RateLimit-Reset',
    'X-Outdial-Carrier',
    'Idempotent-Replayed',
  ],
};

// Fastify's own hop count is not typed for plain HTTP servers; this is what it does with one.
const trustedProxy = (setting: HttpSettings['trustProxy']) =>
  typeof setting === 'number' ? (_address: string, hop: number) => hop < setting : setting;

const createFastify = ({ http, logger }: AppDeps): FastifyInstance =>
  Fastify({
    ...(logger === undefined ? {} : { loggerInstance: logger }),
    trustProxy: trustedProxy(http.trustProxy),
    bodyLimit: MEGABYTE,
    genReqId: () => randomUUID(),
    routerOptions: {
      ignoreTrailingSlash: true,
      ignoreDuplicateSlashes: true,
      querystringParser: readQuery,
      // What is too long for an id names no row (404); how long a URL may be is Node's to say.
      maxParamLength: 65_536,
    },
    // Node would refuse a request without Host in its own way, with no body.
    http: { requireHostHeader: false },
    // A path that cannot be decoded, as in /%.
    frameworkErrors: handleError,
    // A body may take its time (a large import over a slow line), but not for ever.
    requestTimeout: 600_000,
    // A stop closes idle connections at once; for the others see orderly-close.ts.
    forceCloseConnections: 'idle',
    clientErrorHandler: (error, socket) => {
      const tooLarge = error.code === 'HPE_HEADER_OVERFLOW';
      const body = JSON.stringify({ message: tooLarge ? 'The request headers are too large.' : 'Bad Request' });
      const status = tooLarge ? '431 Request Header Fields Too Large' : '400 Bad Request';
      if (socket.writable) {
        socket.once('finish', () => socket.destroy());
        socket.end(
          `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
        );
      }
    },
  });

// Node answers an Expect that it does not know with nothing but the status.
const answerExpectations = ({ server }: FastifyInstance): void => {
  server.on('checkExpectation', (_request: IncomingMessage, response: ServerResponse) => {
    const body = JSON.stringify({ message: 'Expectation Failed' });
    response.writeHead(417, { 'content-type': 'application/json; charset=utf-8', 'content-length': body.length, connection: 'close' });
    response.end(body);
  });
};

const addApi = async (app: App, deps: AppDeps): Promise<void> => {
  addAuthentication(app, { authenticate: deps.authenticate, rateLimit: deps.http.rateLimit, clock: deps.clock });
  const { actFor } = deps;
  // Not before the body has come in: what goes on from there has left the hooks before it.
  if (actFor !== undefined) app.addHook('preValidation', (request, _reply, done) => actFor(request.account.id, done));
  addIdempotency(app, deps);
  accountsRoutes(app, deps);
  leadsRoutes(app, deps);
  bulkRoutes(app, deps);
  importsRoutes(app, deps);
  exportsRoutes(app, deps);
  blacklistRoutes(app, deps);
  assistantsRoutes(app, deps);
  catalogueRoutes(app, deps);
  campaignsRoutes(app, deps);
  numbersRoutes(app, deps);
  webhooksRoutes(app, deps);
  callsRoutes(app, deps);
  makeCallRoutes(app, deps);
  historyRoutes(app, deps);
  simulationRoutes(app, deps);
  eraseRoutes(app, deps);
};

/** Builds the application. The caller listens, or injects, and closes it. */
export const buildApp = async (deps: AppDeps): Promise<FastifyInstance> => {
  const { http } = deps;
  const app = createFastify(deps);
  app.decorate('publicUrl', http.publicUrl);
  app.decorate('routeList', collectRoutes(app));
  app.setValidatorCompiler(compileValidator);
  app.setErrorHandler(handleError);
  app.setNotFoundHandler(answerNotFound(app.routeList));
  addJsonParser(app);
  answerExpectations(app);
  addOrderlyClose(app);
  if (deps.httpMeter !== undefined) addHttpMeter(app, deps.httpMeter);
  addAttachments(app);
  app.addHook('onSend', async (request, reply) => {
    reply.header('x-request-id', request.id);
    if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-cache, private');
  });
  if (http.corsOrigins !== undefined) await app.register(cors, { origin: http.corsOrigins, ...CORS });
  await addOpenApi(app, http.publicUrl);
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger());
  healthRoutes(app as App, deps);
  await app.register(async (api) => addApi(api as App, deps), { prefix: '/api' });
  return app;
};
