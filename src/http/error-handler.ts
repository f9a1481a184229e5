// From errors to answers: the table of errors.ts, broken rules, and what Fastify itself refuses. Nothing else sets a 4xx.
// A failure of ours answers 500 with the request's id and nothing of its cause; the log has both.
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { DomainError, passingFailure, ValidationError } from '../errors.ts';
import { RateLimitError } from './rate-limit.ts';

/** The top line of a route's 422, where the documents word it. `first` repeats the first message. */
export type InvalidSummary = 'Validation failed' | 'The given data was invalid.' | 'first';

declare module 'fastify' {
  interface FastifyContextConfig {
    invalid?: InvalidSummary;
    /** What a 400 of this route carries beside its message, whatever the reason. */
    badRequest?: object;
  }
}

const REFUSED_BY_FASTIFY: Record<number, string> = {
  403: 'Forbidden',
  404: 'Not Found',
  413: 'The request body is too large.',
  414: 'The request URL is too long.',
  415: 'Unsupported Media Type. Send the body as application/json.',
};

/** Whoever holds a lock works, and is done in a moment; a forgotten transaction is ended after 15 seconds. */
const RETRY_AFTER_SECONDS = 2;

/** Requests that were given up before they changed anything. */
const changedNothing = new WeakSet<FastifyRequest>();

/** Whether a request failed before it changed anything, so that it may be sent again under the same Idempotency-Key. */
export const hasChangedNothing = (request: FastifyRequest): boolean => changedNothing.has(request);

const validationBody = (error: ValidationError, invalid: InvalidSummary) => {
  if (Object.keys(error.errors).length === 0) return { message: error.message };
  const first = Object.values(error.errors)[0]?.[0] ?? '';
  return { message: error.summary ?? (invalid === 'first' ? first : invalid), errors: error.errors };
};

/** Answers any error as JSON. */
export const handleError = (error: FastifyError | Error, request: FastifyRequest, reply: FastifyReply): unknown => {
  // Any route may be refused for any reason; its own schema of a status knows only some of them, and would fail on the rest.
  reply.type('application/json; charset=utf-8').serializer((body: unknown) => JSON.stringify(body));
  if (error instanceof ValidationError) {
    return reply.code(422).send(validationBody(error, request.routeOptions.config.invalid ?? 'Validation failed'));
  }
  if (error instanceof RateLimitError) {
    return reply.code(429).header('retry-after', error.retryAfter).send({ message: error.message, retry_after: error.retryAfter });
  }
  const besides = (status: number): object => (status === 400 ? (request.routeOptions.config.badRequest ?? {}) : {});
  if (error instanceof DomainError) {
    return reply.code(error.statusCode).send({ message: error.message, ...besides(error.statusCode), ...error.body });
  }
  const status = 'statusCode' in error ? error.statusCode : undefined;
  if (status !== undefined && status >= 400 && status < 500) {
    return reply.code(status).send({ message: REFUSED_BY_FASTIFY[status] ?? 'Bad Request', ...besides(status) });
  }
  const passing = passingFailure(error);
  if (passing !== undefined) {
    if (passing.code === 'held_by_others' || passing.code === 'database_busy') changedNothing.add(request);
    request.log.warn({ err: error }, 'a request was given up by the database');
    return reply.code(passing.statusCode).header('retry-after', RETRY_AFTER_SECONDS).send({ message: passing.message });
  }
  request.log.error({ err: error }, 'request failed');
  return reply.code(500).send({ message: `Server Error. The log has the details under request ${request.id}.` });
};
