// The token bucket: `rate` requests a second on average, `burst` of them at once. One bucket a key, one an address for
// failed authentication. Ours, because the kept libraries count in fixed windows, which let twice the limit through
// at a window's edge and cannot give a burst apart from a rate.
import { DomainError } from '../errors.ts';

/** How a bucket fills (tokens a second) and how many it holds. */
export interface BucketSize {
  rate: number;
  burst: number;
}

interface Bucket {
  tokens: number;
  /** Milliseconds since the epoch. */
  filledAt: number;
}

/** What a bucket has left, for the X-RateLimit headers. */
export interface Allowance {
  allowed: boolean;
  remaining: number;
  /** Whole seconds until the next token, 1 to 10. */
  retryAfter: number;
  /** Unix seconds at which the bucket is full again. */
  resetAt: number;
}

/** No token left. */
export class RateLimitError extends Error {
  readonly retryAfter: number;

  constructor(retryAfter: number) {
    super(new DomainError('too_many_requests').message);
    this.retryAfter = retryAfter;
  }
}

// A client waits at most ten seconds on our word (client constraint H9).
const MAX_WAIT = 10;

const refill = (bucket: Bucket | undefined, { rate, burst }: BucketSize, now: number): Bucket => {
  if (bucket === undefined) return { tokens: burst, filledAt: now };
  // A clock set back must not drain a bucket.
  const seconds = Math.max(0, now - bucket.filledAt) / 1000;
  return { tokens: Math.min(burst, bucket.tokens + seconds * rate), filledAt: now };
};

/** Takes one token if there is one. */
export const takeToken = (before: Bucket | undefined, size: BucketSize, now: number): { bucket: Bucket; allowance: Allowance } => {
  const full = refill(before, size, now);
  const allowed = full.tokens >= 1;
  const tokens = allowed ? full.tokens - 1 : full.tokens;
  const wait = Math.ceil((1 - full.tokens) / size.rate);
  return {
    bucket: { tokens, filledAt: now },
    allowance: {
      allowed,
      remaining: Math.floor(tokens),
      retryAfter: Math.min(MAX_WAIT, Math.max(1, wait)),
      resetAt: Math.ceil(now / 1000 + (size.burst - tokens) / size.rate),
    },
  };
};

// Buckets that have filled up again say nothing; they are dropped when this many are held.
const SWEEP_AT = 10_000;

/** Buckets by name (a key's id, an address). */
export const createRateLimiter = (size: BucketSize, now: () => Date) => {
  const buckets = new Map<string, Bucket>();
  const sweep = (at: number) => {
    for (const [name, bucket] of buckets) if (refill(bucket, size, at).tokens >= size.burst) buckets.delete(name);
  };
  return {
    /** Takes a token from the bucket of that name. */
    take(name: string): Allowance {
      const at = now().getTime();
      if (buckets.size >= SWEEP_AT) sweep(at);
      const { bucket, allowance } = takeToken(buckets.get(name), size, at);
      buckets.set(name, bucket);
      return allowance;
    },
  };
};
