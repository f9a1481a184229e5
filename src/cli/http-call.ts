// One request to the API. Not fetch, which gives up after five minutes without an answer and cannot be told otherwise:
// the answer to an import comes when the import has ended.
import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';

/** What came back. `body` is undefined where it is not JSON. */
export interface Answer {
  status: number;
  location: string | undefined;
  body: unknown;
}

/** There is no answer. `sent` tells whether the server may have the whole request all the same; `code` is the system's. */
export class NoAnswerError extends Error {
  readonly sent: boolean;
  readonly code: string | undefined;

  constructor(sent: boolean, cause: unknown) {
    super('No answer', { cause });
    this.sent = sent;
    this.code = cause instanceof Error && 'code' in cause ? String(cause.code) : undefined;
  }
}

const parse = (json: string): unknown => {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
};

interface Sent {
  response: IncomingMessage;
  /** Gives up what was not sent yet: the answer needs it no more. */
  finish: () => void;
}

const send = async (method: string, url: URL, token: string, body: object | FormData | undefined): Promise<Sent> => {
  const form = body instanceof FormData;
  let isSent = false;
  try {
    // Only to have the body written out.
    const { headers, body: content } = new Request(url, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(form || body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: form ? body : JSON.stringify(body) }),
    });
    const request = (url.protocol === 'https:' ? https : http).request(url, { method, headers: Object.fromEntries(headers) });
    const answered = once(request, 'response') as Promise<[IncomingMessage]>;
    pipeline(content === null ? Readable.from([]) : Readable.fromWeb(content), request).then(
      () => {
        isSent = true;
      },
      // The request fails with the same error; and a refusal may well come before the whole file has been sent.
      () => {},
    );
    const [response] = await answered;
    return {
      response,
      finish: () => {
        if (!isSent) request.destroy();
      },
    };
  } catch (error) {
    throw new NoAnswerError(isSent, error);
  }
};

const readWhole = async ({ response, finish }: Sent): Promise<Answer> => {
  try {
    const answer = { status: response.statusCode ?? 0, location: response.headers.location, body: parse(await text(response)) };
    finish();
    return answer;
  } catch (error) {
    throw new NoAnswerError(true, error);
  }
};

/**
 * Sends a request, a form as multipart and an object as JSON, and waits for the answer as long as it takes.
 * @throws NoAnswerError
 */
export const call = async (method: string, url: URL, token: string, body?: object | FormData): Promise<Answer> =>
  readWhole(await send(method, url, token, body));

/**
 * Asks for a file: its bytes as they come, or the answer that is none. The bytes fail where the connection breaks before their end.
 * @throws NoAnswerError
 */
export const callForFile = async (url: URL, token: string): Promise<{ file: Readable } | Answer> => {
  const sent = await send('GET', url, token, undefined);
  const { headers, statusCode } = sent.response;
  return statusCode === 200 && headers['content-disposition'] !== undefined ? { file: sent.response } : readWhole(sent);
};
