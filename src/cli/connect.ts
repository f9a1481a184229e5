// How commands on leads reach the API: always over HTTP. With a key and a URL it is a running server's; otherwise the
// database is opened here and a server of our own answers on loopback, to a token that lives as long as the command.
import { randomBytes } from 'node:crypto';
import { pino } from 'pino';
import type { Account } from '../accounts/account.ts';
import { findAccount, findByKey, listAccounts } from '../accounts/accounts.store.ts';
import type { Config } from '../config.ts';
import { DataDirBusyError } from '../db/data-dir-lock.ts';
import type { Db } from '../db/schema.ts';
import { openConfigured, startServer } from '../server.ts';
import { CommandError, type Output } from './output.ts';

/** An API to talk to. */
export interface Connection {
  /** @returns the parsed answer. @throws CommandError with the server's own message when it refuses. */
  request<Answer>(method: string, path: string, body?: object | FormData): Promise<Answer>;
  close(): Promise<void>;
}

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

const causeOf = (error: unknown): string => {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : '';
};

const connectTo = (url: string, token: string, close: () => Promise<void>): Connection => ({
  async request<Answer>(method: string, path: string, body?: object | FormData): Promise<Answer> {
    const form = body instanceof FormData;
    let response: Response;
    try {
      response = await fetch(new URL(path, url), {
        method,
        headers: { authorization: `Bearer ${token}`, ...(form || body === undefined ? {} : { 'content-type': 'application/json' }) },
        ...(body === undefined ? {} : { body: form ? body : JSON.stringify(body) }),
      });
    } catch (error) {
      throw new CommandError(`No answer from ${url}${causeOf(error)}: is the server running there (npm start)? Name another with --url.`);
    }
    const answer: unknown = await response.json().catch(() => undefined);
    if (!response.ok) throw new CommandError(refusal(response.status, answer));
    return answer as Answer;
  },
  close,
});

const chooseAccount = async (db: Db, config: Config, options: ConnectOptions): Promise<Account> => {
  if (options.account !== undefined) {
    const account = await findAccount(db, options.account);
    if (account === undefined) throw new CommandError(`There is no account ${options.account}: see outdial account list.`);
    return account;
  }
  if (config.OUTDIAL_API_KEY !== undefined) {
    const caller = await findByKey(db, config.OUTDIAL_API_KEY, new Date());
    if (caller === undefined) throw new CommandError('The key in OUTDIAL_API_KEY is not one of this database.');
    return caller.account;
  }
  const [only, ...others] = await listAccounts(db);
  if (only === undefined || others.length > 0) throw new CommandError('There are several accounts: choose one with --account ID.');
  return only;
};

const connectInProcess = async (config: Config, options: ConnectOptions, output: Output): Promise<Connection> => {
  const opened = await openConfigured(config);
  const token = randomBytes(32).toString('base64url');
  let account: Account | undefined;
  const server = await startServer({ ...config, HOST: '127.0.0.1', PORT: 0, PUBLIC_URL: undefined, RATE_LIMIT: 0 }, opened, {
    log: pino({ level: 'silent' }),
    authenticate: async (given) => (given === token && account !== undefined ? { account, keyId: 0 } : undefined),
  });
  if (server.firstKey !== undefined && config.OUTDIAL_API_KEY === undefined) {
    output.note(`The database is new. Its first API key, shown this once: ${server.firstKey}`);
  }
  try {
    account = await chooseAccount(opened.db, config, options);
  } catch (error) {
    await server.stop();
    throw error;
  }
  return connectTo(server.url, token, server.stop);
};

// A key has one account; to write into that one while another was named would be a surprise.
const connectByKey = (url: string, key: string, { account }: ConnectOptions): Connection => {
  if (account !== undefined)
    throw new CommandError('--account is for a database that is opened directly: through a server the key decides.');
  return connectTo(url, key, async () => {});
};

const serverUrl = (config: Config): string =>
  config.OUTDIAL_URL ?? `http://${config.HOST === '0.0.0.0' ? '127.0.0.1' : config.HOST}:${config.PORT}`;

/** The API that a command's options mean. The caller closes it. */
export const connect = async (config: Config, options: ConnectOptions, output: Output): Promise<Connection> => {
  const configured = config.OUTDIAL_API_KEY;
  const key = options.key ?? (configured === undefined ? undefined : `${configured.id}|${configured.secret}`);
  const url = options.url ?? config.OUTDIAL_URL;
  if (url !== undefined || options.key !== undefined) {
    if (key === undefined) throw new CommandError('A server wants a key: give one with --key, or set OUTDIAL_API_KEY.');
    return connectByKey(url ?? serverUrl(config), key, options);
  }
  try {
    return await connectInProcess(config, options, output);
  } catch (error) {
    if (!(error instanceof DataDirBusyError)) throw error;
    if (key !== undefined) return connectByKey(serverUrl(config), key, options);
    throw new CommandError(
      `The database in ${config.DATA_DIR} is in use by a running server: pass --key KEY (or set OUTDIAL_API_KEY), and the command goes through that server at ${serverUrl(config)}.`,
    );
  }
};
