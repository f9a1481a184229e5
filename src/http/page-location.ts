// Where a page lives: absolute URL without query (seed assertion 30) and the parameters that its page URLs repeat.
import type { FastifyRequest } from 'fastify';
import { plainPath } from './not-found.ts';
import type { PageLocation } from './page.ts';
import { parseQuery, withMeantPlus } from './query-string.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** The configured public URL without a trailing slash; undefined: taken from each request. */
    publicUrl: string | undefined;
  }
}

// As the framework writes it: without a port that the scheme implies.
const hostOf = ({ protocol, host }: FastifyRequest): string => host.replace(protocol === 'https' ? /:443$/ : /:80$/, '');

/** The scheme, host and path prefix under which clients see the server. */
export const publicBase = (request: FastifyRequest): string => request.server.publicUrl ?? `${request.protocol}://${hostOf(request)}`;

/** The place of the page that a request asks for. */
export const pageLocation = (request: FastifyRequest): PageLocation => {
  const url = request.raw.url ?? '';
  const mark = url.indexOf('?');
  return {
    path: publicBase(request) + plainPath(url),
    query: withMeantPlus(parseQuery(mark < 0 ? '' : url.slice(mark + 1))),
  };
};
