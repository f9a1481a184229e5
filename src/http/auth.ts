// Who asks: bearer token -> account, or 401. Then the key's share of requests, or 429. Both before anything is read.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Account } from '../accounts/account.ts';
import { DomainError } from '../errors.ts';
import { type Allowance, createRateLimiter, RateLimitError } from './rate-limit.ts';

/** Whose key it is. */
export interface Caller {
  account: Account;
  keyId: number;
}

/** Finds the owner of a bearer token; undefined when it is nobody's. */
export type Authenticate = (token: string) => Promise<Caller | undefined>;

declare module 'fastify' {
  interface FastifyRequest {
    account: Account;
  }
}

/** Requests a second that a key may make on average; this many seconds' worth at once. */
const BURST_SECONDS = 10;

/** Failed authentication, an address: generous enough for a misconfigured client, useless for guessing. */
const FAILED_AUTHENTICATION = { rate: 10, burst: 100 };

/** The token of an Authorization header: the scheme in any case, cut at a comma as the framework does. */
export const bearerToken = (header: string | undefined): string | undefined => /^\s*bearer\s+([^,]+)/i.exec(header ?? '')?.[1]?.trim();

const tellLimit = (reply: FastifyReply, limit: number, { remaining, resetAt }: Allowance): void => {
  reply.headers({
    'x-ratelimit-limit': limit,
    'x-ratelimit-remaining': remaining,
    'x-ratelimit-reset': resetAt,
  });
};

/** Guards every route of `app`. `rateLimit` is in requests a second for a key, 0 for none. */
export const addAuthentication = (
  app: FastifyInstance,
  { authenticate, rateLimit, clock }: { authenticate: Authenticate; rateLimit: number; clock: () => Date },
): void => {
  const burst = Math.max(1, Math.round(rateLimit * BURST_SECONDS));
  const requests = rateLimit === 0 ? undefined : createRateLimiter({ rate: rateLimit, burst }, clock);
  const failures = createRateLimiter(FAILED_AUTHENTICATION, clock);

  const limit = (reply: FastifyReply, size: number, allowance: Allowance) => {
    tellLimit(reply, size, allowance);
    if (!allowance.allowed) throw new RateLimitError(allowance.retryAfter);
  };

  app.decorateRequest('account');
  app.addHook('onRequest', async (request: FastifyRequest, reply: FastifyReply) => {
    const token = bearerToken(request.headers.authorization);
    const caller = token === undefined ? undefined : await authenticate(token);
    if (caller === undefined) {
      const allowance = failures.take(request.ip);
      // Headers only with the 429: a 401 tells nothing, as in the framework.
      if (!allowance.allowed) limit(reply, FAILED_AUTHENTICATION.burst, allowance);
      throw new DomainError('unauthenticated');
    }
    request.account = caller.account;
    if (requests !== undefined) limit(reply, burst, requests.take(String(caller.keyId)));
  });
};
