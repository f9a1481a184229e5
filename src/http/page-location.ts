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

// A proxy may say anything.
const schemeOf = ({ protocol }: FastifyRequest): string => (protocol === 'https' ? 'https' : 'http');

// HTTP/1.0 knows no Host: then it is the address that the client has connected to.
const addressOf = ({ localAddress = '127.0.0.1', localPort, localFamily }: FastifyRequest['socket']): string =>
  `${localFamily === 'IPv6' ? `[${localAddress}]` : localAddress}:${localPort ?? 80}`;

// As the framework writes it: without a port that the scheme implies.
const hostOf = (request: FastifyRequest): string =>
  (request.host || addressOf(request.socket)).replace(schemeOf(request) === 'https' ? /:443$/ : /:80$/, '');

/** The scheme, host and path prefix under which clients see the server. */
export const publicBase = (request: FastifyRequest): string => request.server.publicUrl ?? `${schemeOf(request)}://${hostOf(request)}`;

/** The place of the page that a request asks for. */
export const pageLocation = (request: FastifyRequest): PageLocation => {
  const url = request.raw.url ?? '';
  const mark = url.indexOf('?');
  return {
    path: publicBase(request) + plainPath(url),
    query: withMeantPlus(parseQuery(mark < 0 ? '' : url.slice(mark + 1))),
  };
};
