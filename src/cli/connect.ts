// How commands on leads reach the API: always over HTTP. With a key and a URL it is a running server's; otherwise the
// database is opened here and a server of our own answers on loopback, to a token that lives as long as the command.
import { randomBytes } from 'node:crypto';
import type { Readable } from 'node:stream';
import { pino } from 'pino';
import type { Account } from '../accounts/account.ts';
import { createKeyFinder } from '../accounts/accounts.store.ts';
import { type Config, localUrl } from '../config.ts';
import type { Db } from '../db/schema.ts';
import { openConfigured, startServer } from '../server.ts';
import { chooseAccount } from './choose-account.ts';
import { type Answer, call, callForFile, NoAnswerError } from './http-call.ts';
import { CommandError, type Output } from './output.ts';

/** An API to talk to. */
export interface Connection {
  /** @returns the parsed answer. @throws RefusedError when the server refuses, AnswerLostError when nobody knows. */
  request<Result>(method: string, path: string, body?: object | FormData): Promise<Result>;
  /** @returns the bytes of a file as they come. @throws RefusedError when the server refuses. */
  download(path: string): Promise<Readable>;
  close(): Promise<void>;
}

/** The server said no, in its own words. */
export class RefusedError extends CommandError {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** The whole request was sent, and then the connection broke: it may have been carried out. */
export class AnswerLostError extends CommandError {}

/** Options that choose the API and whose account it is. */
export interface ConnectOptions {
  url?: string;
  key?: string;
  account?: number;
}

const refusal = (status: number, answer: unknown): string => {
  const { message = `the server answered ${status}`, errors = {} } = (answer ?? {}) as {
    message?: string;
    errors?: Record<string, string[]>;
  };
  const details = Object.values(errors)
    .flat()
    .filter((detail) => detail !== message);
  return [message, ...details].join('\n  ');
};

const lostAnswer = (url: string, { sent, code }: NoAnswerError): CommandError => {
  const reason = code === undefined ? '' : ` (${code})`;
  return sent
    ? new AnswerLostError(`The connection to ${url} broke before the answer came${reason}: what was asked may be done all the same.`)
    : new CommandError(`No answer from ${url}${reason}: is the server running there (npm start)? Name another with --url.`);
};

const readAnswer = (url: string, { status, location, body }: Answer): unknown => {
  if (status >= 300 && status < 400)
    throw new CommandError(
      `${url} answered that it has moved${location === undefined ? '' : ` to ${location}`}: give the new address with --url.`,
    );
  if (status >= 400) throw new RefusedError(status, refusal(status, body));
  if (body === undefined) throw new CommandError(`What answers at ${url} is no Outdial server: name another with --url.`);
  return body;
};

const connectTo = (url: string, token: string, close: () => Promise<void>): Connection => {
  // Appended: the base may have a path of its own.
  const locate = (path: string): URL => {
    const whole = `${url.replace(/\/+$/, '')}${path}`;
    if (!URL.canParse(whole)) throw new CommandError(`${url} is not a URL: give one such as http://127.0.0.1:3000 with --url.`);
    return new URL(whole);
  };
  const explain = (error: unknown): never => {
    throw error instanceof NoAnswerError ? lostAnswer(url, error) : error;
  };
  return {
    async request<Result>(method: string, path: string, body?: object | FormData): Promise<Result> {
      return readAnswer(url, await call(method, locate(path), token, body).catch(explain)) as Result;
    },
    async download(path: string): Promise<Readable> {
      const answer = await callForFile(locate(path), token).catch(explain);
      if ('file' in answer) return answer.file;
      readAnswer(url, answer);
      throw new CommandError(`The server at ${url} sends no files: is it of an older version?`);
    },
    close,
  };
};

const callerAccount = async (db: Db, config: Config, options: ConnectOptions): Promise<Account> => {
  if (options.account !== undefined || config.OUTDIAL_API_KEY === undefined) return chooseAccount(db, options.account);
  const caller = await createKeyFinder(db)(config.OUTDIAL_API_KEY, new Date());
  if (caller === undefined) throw new CommandError('The key in OUTDIAL_API_KEY is not one of this database.');
  return caller.account;
};

const connectInProcess = async (config: Config, options: ConnectOptions, output: Output): Promise<Connection> => {
  const opened = await openConfigured(config);
  const token = randomBytes(32).toString('base64url');
  let account: Account | undefined;
  const server = await startServer({ ...config, HOST: '127.0.0.1', PORT: 0, PUBLIC_URL: undefined, RATE_LIMIT: 0 }, opened, {
    log: pino({ level: 'silent' }),
    // A command must not start calls by being run.
    role: 'api',
    authenticate: async (given) => (given === token && account !== undefined ? { account, keyId: 0 } : undefined),
  });
  if (server.firstKey !== undefined && config.OUTDIAL_API_KEY === undefined) {
    output.note(`The database is new. Its first API key, shown this once: ${server.firstKey}`);
  }
  try {
    account = await callerAccount(opened.db, config, options);
  } catch (error) {
    await server.stop();
    throw error;
  }
  return connectTo(server.url, token, async () => void (await server.stop()));
};

// A key has one account; to write into that one while another was named would be a surprise.
const connectByKey = (url: string, key: string, { account }: ConnectOptions): Connection => {
  if (account !== undefined)
    throw new CommandError('--account is for a database that is opened directly: through a server the key decides.');
  return connectTo(url, key, async () => {});
};

const serverUrl = (config: Config): string => config.OUTDIAL_URL ?? localUrl(config.HOST, config.PORT);

/** The API that a command's options mean. The caller closes it. */
export const connect = async (config: Config, options: ConnectOptions, output: Output): Promise<Connection> => {
  const configured = config.OUTDIAL_API_KEY;
  const key = options.key ?? (configured === undefined ? undefined : `${configured.id}|${configured.secret}`);
  const url = options.url ?? config.OUTDIAL_URL;
  if (url !== undefined || options.key !== undefined) {
    if (key === undefined) throw new CommandError('A server wants a key: give one with --key, or set OUTDIAL_API_KEY.');
    return connectByKey(url ?? serverUrl(config), key, options);
  }
  return connectInProcess(config, options, output);
};
