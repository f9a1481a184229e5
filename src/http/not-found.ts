// Paths that no route has (404) and verbs that a path does not take (405), told apart by the list of routes.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** A route as registered: `GET`, `/api/user/leads/:id`. */
export interface RouteEntry {
  method: string;
  url: string;
  hidden: boolean;
}

/** Collects every route that is registered on the app from now on. */
export const collectRoutes = (app: FastifyInstance): RouteEntry[] => {
  const routes: RouteEntry[] = [];
  app.addHook('onRoute', ({ method, url, schema }) => {
    const hidden = (schema as { hide?: boolean } | undefined)?.hide === true;
    for (const one of [method].flat()) routes.push({ method: one, url, hidden });
  });
  return routes;
};

const ANYTHING = '[^/]+';
// An id or a uuid.
const ID = '(?:\\d+|[0-9a-fA-F-]{36})';

const matcher = (url: string, parameter: string): RegExp =>
  new RegExp(`^${url.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/:\w+/g, parameter)}$`);

/** The path of a URL as the router reads it: without origin, query, doubled and trailing slashes. */
export const plainPath = (url: string): string =>
  (url.split('?', 1)[0] ?? '')
    .replace(/^https?:\/\/[^/]*/i, '')
    .replace(/\/{2,}/g, '/')
    .replace(/(.)\/$/, '$1');

/** Answers requests that no route takes. */
export const answerNotFound = (routes: readonly RouteEntry[]) => {
  let matchers: { method: string; routed: RegExp; exists: RegExp }[] | undefined;
  return (request: FastifyRequest, reply: FastifyReply): unknown => {
    // All routes are known once the first request comes.
    matchers ??= routes
      .filter(({ url }) => !url.includes('*'))
      .map(({ method, url }) => ({ method, routed: matcher(url, ANYTHING), exists: matcher(url, ID) }));
    const path = plainPath(request.url);
    // A word where an id belongs, as in /phone-numbers/search, is a path that does not exist, unless a route has it.
    if (!matchers.some(({ exists }) => exists.test(path))) return reply.code(404).send({ message: 'Not Found' });
    const list = [...new Set(matchers.filter(({ routed }) => routed.test(path)).map(({ method }) => method))].join(', ');
    return reply
      .code(405)
      .header('allow', list)
      .send({
        message: `The ${request.method} method is not supported for route ${path.slice(1)}. Supported methods: ${list}.`,
      });
  };
};
