// One POST to a stranger: a deadline over all of it, redirects followed with care, and no more read than is kept.
import { lookup } from 'node:dns/promises';
import http from 'node:http';
import https from 'node:https';
import { guardedLookup, type MayReach, type Resolve, refuseLiteral } from './destination.ts';
import type { SendError, SendResult } from './retries.ts';

/** How far a POST may go. */
export interface PostLimits {
  /** Asked for each address before it is connected to, after redirects too. */
  mayReach: MayReach;
  timeoutMs: number;
  resolve: Resolve;
  /** Breaks it off. */
  signal: AbortSignal;
}

/** What came back. */
export interface PostResult extends SendResult {
  /** Where it ended. */
  url: string;
  /** The beginning of the answer. */
  body: string | undefined;
}

/** Bytes of an answer that are read and kept. */
export const KEPT_BYTES = 4096;

const MAX_REDIRECTS = 3;
// 303 asks for a GET of something else, and means that nothing was taken.
const FOLLOWED = [301, 302, 307, 308];

/** The system's own resolver. */
export const systemResolve: Resolve = (hostname) => lookup(hostname, { all: true });

const WORDS: Record<string, SendError> = {
  FORBIDDEN_DESTINATION: 'forbidden_destination',
  ECONNREFUSED: 'connection_refused',
  ECONNRESET: 'connection_closed',
  EPIPE: 'connection_closed',
  ETIMEDOUT: 'unreachable',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  EADDRNOTAVAIL: 'unreachable',
  ENOTFOUND: 'dns_failed',
  EPROTO: 'tls_failed',
};

const toWord = (error: unknown): SendError => {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const known = WORDS[code];
  if (known !== undefined) return known;
  if (code.startsWith('HPE_')) return 'bad_response';
  if (/^(EAI_|EDNS|E[A-Z]*SERVFAIL)/.test(code)) return 'dns_failed';
  return /TLS|SSL|CERT|SIGNATURE|ISSUER/.test(code) ? 'tls_failed' : 'unknown';
};

// Bytes may be cut within a character, and the database takes no NUL.
const toText = (chunks: readonly Buffer[]): string =>
  new TextDecoder().decode(Buffer.concat(chunks).subarray(0, KEPT_BYTES)).replaceAll('\0', '\uFFFD');

interface Answer {
  status: number;
  location: string | undefined;
  body: string;
}

const postOnce = (url: URL, headers: Record<string, string>, payload: Buffer, limits: PostLimits, signal: AbortSignal): Promise<Answer> =>
  new Promise((resolve, reject) => {
    refuseLiteral(url, limits.mayReach);
    // What an end means, whoever tells of it: the request, the answer, or the deadline when neither says a word.
    let end: (reason: Error) => void = reject;
    const { request } = url.protocol === 'https:' ? https : http;
    const sent = request(url, {
      method: 'POST',
      headers: { ...headers, 'content-length': String(payload.length) },
      // A connection of its own each: none is kept that was checked for another.
      agent: false,
      lookup: guardedLookup(limits.resolve, limits.mayReach),
      signal,
    });
    sent.on('response', (response) => {
      // From here on there is an answer: whatever ends it, the deadline too, only ends the reading of its body.
      const chunks: Buffer[] = [];
      let size = 0;
      const finish = (): void => {
        sent.destroy();
        resolve({ status: response.statusCode ?? 0, location: response.headers.location, body: toText(chunks) });
      };
      end = finish;
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        size += chunk.length;
        if (size >= KEPT_BYTES) finish();
      });
      response.on('end', finish).on('error', finish).on('close', finish);
    });
    // 101: it wants to speak something else from here on. Unheard, Node would end it without a word.
    sent.on('upgrade', ({ statusCode = 0 }, socket) => {
      socket.destroy();
      resolve({ status: statusCode, location: undefined, body: '' });
    });
    const timeIsUp = (): void => end(signal.reason);
    signal.addEventListener('abort', timeIsUp, { once: true });
    sent.on('error', (error) => end(error));
    sent.on('close', () => {
      signal.removeEventListener('abort', timeIsUp);
      end(Object.assign(new Error('closed without an answer'), { code: 'ECONNRESET' }));
    });
    sent.end(payload);
  });

const target = (location: string | undefined, from: URL): URL | undefined => {
  const to = location !== undefined && URL.canParse(location, from.href) ? new URL(location, from.href) : undefined;
  if (to === undefined || !/^https?:$/.test(to.protocol)) return undefined;
  // What was meant to be encrypted stays so.
  return from.protocol === 'https:' && to.protocol === 'http:' ? undefined : to;
};

// User and password of the URL go to its own host only.
const withCredentials = (url: URL, first: URL): Record<string, string> => {
  if (url.origin !== first.origin || (first.username === '' && first.password === '')) return {};
  const plain = [first.username, first.password].map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
  return { authorization: `Basic ${Buffer.from(plain.join(':')).toString('base64')}` };
};

const bare = (url: URL): URL => {
  const copy = new URL(url.href);
  copy.username = '';
  copy.password = '';
  return copy;
};

/** Posts, and never throws: whatever goes wrong is a word. */
export const post = async (to: string, headers: Record<string, string>, payload: string, limits: PostLimits): Promise<PostResult> => {
  const first = URL.canParse(to) ? new URL(to) : undefined;
  if (first === undefined || !/^https?:$/.test(first.protocol)) {
    return { url: to, status: undefined, error: 'invalid_url', body: undefined };
  }
  const bytes = Buffer.from(payload);
  const deadline = AbortSignal.timeout(limits.timeoutMs);
  const signal = AbortSignal.any([deadline, limits.signal]);
  let url = first;
  try {
    for (let redirects = 0; ; redirects++) {
      const answer = await postOnce(bare(url), { ...headers, ...withCredentials(url, first) }, bytes, limits, signal);
      const result = { url: bare(url).href, status: answer.status, body: answer.body };
      if (!FOLLOWED.includes(answer.status)) return { ...result, error: undefined };
      const next = target(answer.location, url);
      if (next === undefined) return { ...result, error: 'bad_redirect' };
      if (redirects === MAX_REDIRECTS) return { ...result, error: 'too_many_redirects' };
      url = next;
    }
  } catch (error) {
    const broken = limits.signal.aborted ? 'interrupted' : deadline.aborted ? 'timeout' : toWord(error);
    return { url: bare(url).href, status: undefined, error: broken, body: undefined };
  }
};
