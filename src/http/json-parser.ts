// Bodies: JSON in UTF-8 under any JSON media type. No body, or an empty one, is a body without fields, whatever it is said to
// be: clients send a Content-Type on requests that have none.
import { isUtf8 } from 'node:buffer';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { DomainError } from '../errors.ts';

const hasBody = ({ headers }: FastifyRequest): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

// Decoding what is no UTF-8 would store other letters than were sent.
const parse = (body: Buffer): unknown => {
  if (!isUtf8(body)) throw new DomainError('malformed_json');
  const text = body.toString();
  try {
    return text.trim() === '' ? {} : JSON.parse(text);
  } catch {
    throw new DomainError('malformed_json');
  }
};

/** Replaces Fastify's own body parsers. */
export const addJsonParser = (app: FastifyInstance): void => {
  app.addHook('onRequest', async (request) => {
    if (!hasBody(request)) delete request.headers['content-type'];
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(/^application\/([\w.+-]+\+)?json\b/i, { parseAs: 'buffer' }, async (request: FastifyRequest, body: Buffer) =>
    // What no route takes is answered as such, before anything is read.
    request.is404 ? {} : parse(body),
  );
};
