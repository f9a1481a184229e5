// Idempotency-Key on every POST: the key is committed before the handler runs, the answer when it has ended. A repetition
// gets the first answer; one whose outcome nobody knows is never run again.
import { createHash } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { Clock } from '../clock.ts';
import { DomainError } from '../errors.ts';
import {
  type FinishedAnswer,
  type KeyedEnd,
  type KeyedRequest,
  type KeyStore,
  MAX_KEY_LENGTH,
  readKey,
  requestText,
} from '../idempotency/idempotency.ts';
import { hasChangedNothing } from './error-handler.ts';
import { plainPath } from './not-found.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * Where not every request is taken before its handler runs. `own`: the route keeps its keys with its effects. `late`: what
     * it asks is read by the handler, which calls `beginKeyed`.
     */
    idempotency?: 'own' | 'late';
    /** Fields of the answer, at any depth, that are given once and never stored. */
    givenOnce?: readonly string[];
  }
  interface FastifyInstance {
    /**
     * Takes the key of a request for it. `asked` says what it asks, beside its path, and is called if there is a key.
     * @returns whether the request is answered already; the handler then returns the reply.
     * @throws DomainError idempotency_key_…
     */
    beginKeyed(request: FastifyRequest, reply: FastifyReply, asked: () => unknown): Promise<boolean>;
  }
  interface FastifyRequest {
    /** The key under which the request runs. */
    keyed: { request: KeyedRequest; begunAt: Date } | undefined;
  }
}

/** Bytes of an answer that are kept. Ten thousand results of a bulk request are about two million. */
export const MAX_KEPT_BYTES = 8_388_608;

/** Headers that are given again with the body. */
const KEPT_HEADERS = ['content-type', 'location', 'cache-control', 'x-outdial-carrier'];

/** The header as the document has it. */
export const KeyHeader = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: MAX_KEY_LENGTH,
      description:
        'Any text of your own, new for each request. For 24 hours the same request with the same key gets the first answer again, with `Idempotent-Replayed: true`; a different request, one that still runs, and one whose outcome is unknown are 409. A refusal (4xx) leaves the key free.',
    }),
  ),
});

/** The key of a request; undefined where it has none. @throws DomainError idempotency_key_unusable. */
export const keyOf = ({ headers }: FastifyRequest): string | undefined => {
  const header = headers['idempotency-key'];
  if (header === undefined) return undefined;
  const key = readKey(header);
  // Without its key a repetition would be carried out a second time, so it is not taken for a request without one.
  if (key === undefined) throw new DomainError('idempotency_key_unusable');
  return key;
};

// A digest, so that a large body goes to the database once and not twice.
const fingerprint = ({ method, url, query }: FastifyRequest, asked: unknown): string =>
  createHash('sha256')
    .update(requestText(method, plainPath(url), { query, asked: asked ?? {} }))
    .digest('hex');

const without = (fields: readonly string[], response: string): string =>
  JSON.stringify(JSON.parse(response, (name, value: unknown) => (fields.includes(name) ? undefined : value)));

const toText = (payload: unknown): string | undefined => {
  // A stream is of any length, and is read but once.
  if (typeof payload !== 'string' && !Buffer.isBuffer(payload)) return undefined;
  return Buffer.byteLength(payload) > MAX_KEPT_BYTES ? undefined : payload.toString();
};

const toAnswer = (request: FastifyRequest, reply: FastifyReply, payload: unknown): FinishedAnswer => {
  const { givenOnce } = request.routeOptions.config;
  const text = toText(payload);
  const headers = KEPT_HEADERS.flatMap((name): [string, string][] =>
    reply.hasHeader(name) ? [[name, String(reply.getHeader(name))]] : [],
  );
  return {
    status: reply.statusCode,
    response: text === undefined || givenOnce === undefined ? text : without(givenOnce, text),
    headers: Object.fromEntries(headers),
  };
};

const endOf = (request: FastifyRequest, reply: FastifyReply, payload: unknown): KeyedEnd => {
  if (hasChangedNothing(request)) return { kind: 'refused' };
  if (reply.statusCode >= 500) return { kind: 'unknown' };
  return reply.statusCode >= 400 ? { kind: 'refused' } : { kind: 'finished', answer: toAnswer(request, reply, payload) };
};

const giveAgain = (reply: FastifyReply, { status, response, headers }: FinishedAnswer): void => {
  if (response === undefined) throw new DomainError('idempotency_answer_not_kept');
  reply.code(status).headers(headers).header('idempotent-replayed', 'true');
  // Bytes, since text would be given a type of its own.
  reply.send(Buffer.from(response));
};

/** Honours the header on every POST of `app` that does not say otherwise in its config. Comes after authentication. */
export const addIdempotency = (app: FastifyInstance, { keys, clock }: { keys: KeyStore; clock: Clock }): void => {
  app.decorateRequest('keyed', undefined);

  const beginKeyed: FastifyInstance['beginKeyed'] = async (request, reply, asked) => {
    const key = keyOf(request);
    if (key === undefined) return false;
    const keyed = { accountId: request.account.id, key, text: fingerprint(request, await asked()) };
    const begunAt = clock();
    const begun = await keys.begin(keyed, begunAt);
    switch (begun.kind) {
      case 'begun':
        request.keyed = { request: keyed, begunAt };
        return false;
      case 'finished':
        giveAgain(reply, begun.answer);
        return true;
      case 'running':
      case 'busy':
        throw new DomainError('idempotency_key_running');
      case 'unknown':
        throw new DomainError('idempotency_key_unknown');
      case 'reused':
        throw new DomainError('idempotency_key_reused');
    }
  };
  app.decorate('beginKeyed', beginKeyed);

  // After the body has been checked: what breaks a rule needs no key.
  app.addHook('preHandler', async (request, reply) => {
    const { idempotency } = request.routeOptions.config;
    if (request.method !== 'POST' || idempotency === 'own') return undefined;
    if (idempotency === 'late') {
      // Before a large body is taken in for nothing.
      keyOf(request);
      return undefined;
    }
    return (await beginKeyed(request, reply, () => request.body)) ? reply : undefined;
  });

  app.addHook('onSend', async (request, reply, payload) => {
    const { keyed } = request;
    if (keyed === undefined) return;
    request.keyed = undefined;
    try {
      await keys.settle(keyed.request, keyed.begunAt, endOf(request, reply, payload));
    } catch (error) {
      // The answer is true, and goes out. To a repetition the request will seem to be running still: it is not run twice.
      request.log.error({ err: error }, 'an answer could not be kept for its Idempotency-Key');
    }
  });
};
