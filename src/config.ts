// The whole environment, in one table: name, default, meaning, how it is read. The only reader of process.env.
import { readFileSync } from 'node:fs';
import { isIP, isIPv6 } from 'node:net';
import { parseEnv } from 'node:util';
import { GIVEN_KEY_FORM, parseGivenKey } from './accounts/api-key.ts';
import { readDatabaseUrl } from './db/database-url.ts';

interface Variable<Value> {
  /** As it would be written; undefined: unset. */
  fallback: string | undefined;
  meaning: string;
  /** @throws Error whose message completes "NAME ...". */
  read: (text: string) => Value;
}

const variable = <Value>(fallback: string, meaning: string, read: (text: string) => Value): Variable<Value> => ({
  fallback,
  meaning,
  read,
});

const optional = <Value>(meaning: string, read: (text: string) => Value): Variable<Value | undefined> => ({
  fallback: undefined,
  meaning,
  read,
});

const readText = (text: string): string => text;

const readNumber =
  (what: string, accept: (value: number) => boolean) =>
  (text: string): number => {
    const value = Number(text);
    if (!/^\d+(\.\d+)?$/.test(text) || !accept(value)) throw new Error(`must be ${what}`);
    return value;
  };

const readPort = readNumber('a port from 0 to 65535', (port) => Number.isInteger(port) && port <= 65_535);

const readRates = (text: string): { campaign: number; number: number; carrier: number } => {
  const [campaign, number, carrier, ...more] = text.split('/').map((part) => (/^\d{1,6}$/.test(part.trim()) ? Number(part) : undefined));
  if (campaign === undefined || number === undefined || carrier === undefined || more.length > 0) {
    throw new Error('must be three whole numbers such as 10/1/50');
  }
  return { campaign, number, carrier };
};

const readUrl =
  (...schemes: string[]) =>
  (text: string): string => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url === undefined || !schemes.includes(url.protocol.slice(0, -1))) {
      throw new Error(`must be a URL that begins with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}`);
    }
    return text;
  };

const readDatabase = (text: string): string => {
  readDatabaseUrl(text);
  return text;
};

// Paths are appended to it.
const readBaseUrl = (text: string): string => {
  const base = readUrl('http', 'https')(text).replace(/\/+$/, '');
  if (/[?#]/.test(base)) throw new Error('must be a URL without ? and #');
  return base;
};

const readList = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');

const isAddressRange = (text: string): boolean => {
  if (/^(loopback|linklocal|uniquelocal)$/.test(text)) return true;
  const [address = '', bits] = text.split('/', 2);
  const version = isIP(address);
  return version !== 0 && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128)));
};

const readTrustProxy = (text: string): boolean | number | string[] => {
  if (text === 'true' || text === 'false') return text === 'true';
  if (/^\d+$/.test(text)) return Number(text);
  const list = readList(text);
  if (list.length > 0 && list.every(isAddressRange)) return list;
  throw new Error('must be true, false, a number of proxies, or a list of addresses');
};

const readOrigins = (text: string): string[] | '*' => {
  if (text === '*') return '*';
  const list = readList(text);
  const isOrigin = (part: string) => URL.canParse(part) && new URL(part).origin === part;
  if (list.length > 0 && list.every(isOrigin)) return list;
  throw new Error('must be * or a list of origins such as https://app.example.com');
};

const readSwitch = (text: string): boolean => {
  if (text !== '0' && text !== '1') throw new Error('must be 0 or 1');
  return text === '1';
};

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

const readLogLevel = (text: string): (typeof LOG_LEVELS)[number] => {
  const level = LOG_LEVELS.find((one) => one === text);
  if (level === undefined) throw new Error(`must be one of ${LOG_LEVELS.join(', ')}`);
  return level;
};

const readKey = (text: string): { id: number; secret: string } => {
  const key = parseGivenKey(text);
  if (key === undefined) throw new Error(GIVEN_KEY_FORM);
  return key;
};

const MEGABYTE = 1_048_576;

/** Every variable that Outdial reads. */
export const VARIABLES = {
  HOST: variable('127.0.0.1', 'Address to listen on. 0.0.0.0 for all.', readText),
  PORT: variable('3000', 'Port to listen on; 0 picks a free one.', readPort),
  PUBLIC_URL: optional('URL under which clients reach the server; page links start with it. Unset: taken from each request.', readBaseUrl),
  TRUST_PROXY: variable(
    'false',
    'Whether X-Forwarded-* headers are believed: true, a number of proxies, or a list of their addresses.',
    readTrustProxy,
  ),
  CORS_ORIGINS: optional('Origins whose browsers may call the API, separated by commas, or *. Unset: none.', readOrigins),
  RATE_LIMIT: variable(
    '50',
    'Requests a second for each key, on average; ten seconds worth may come at once. 0: no limit.',
    readNumber('0, or a number of at least 0.1', (rate) => rate === 0 || rate >= 0.1),
  ),
  DATABASE_URL: optional(
    'A PostgreSQL 15 or newer, as postgres://user:password@host/name; several hosts: @one,two/name?target_session_attrs=read-write. Unset: the embedded database in DATA_DIR.',
    readDatabase,
  ),
  DATA_DIR: variable('./data', 'Folder of the embedded database, and of the files that are being imported.', readText),
  IMPORT_MAX_MB: variable(
    '200',
    'Megabytes that an imported file may have.',
    (text) => readNumber('a number of at least 1', (size) => size >= 1)(text) * MEGABYTE,
  ),
  CALLS_PER_SECOND: variable(
    '0/0/0',
    'Calls started in any second, at most: for each campaign, for each caller number, in all; as three numbers. 0: no limit.',
    readRates,
  ),
  SIMULATION_SPEED: variable(
    '1',
    'How many times faster than life simulated calls go.',
    readNumber('a number above 0', (speed) => speed > 0),
  ),
  SIMULATED_CARRIER_URL: optional(
    'A simulated carrier that runs in a process of its own (src/carriers/simulated/carrier-process.ts). Unset: one within the dialer.',
    readUrl('http'),
  ),
  RESERVATION_SECONDS: variable(
    '30',
    'How long a reserved call may wait to be sent. After that it is decided anew.',
    readNumber('a number from 0.1 to 600', (seconds) => seconds >= 0.1 && seconds <= 600),
  ),
  CARRIER_TIMEOUT: variable(
    '10',
    'Seconds that a carrier is given to accept a call. After that it may ring or not: it is never sent again, only asked about.',
    readNumber('a number from 0.1 to 20', (seconds) => seconds >= 0.1 && seconds <= 20),
  ),
  UNKNOWN_MINUTES: variable(
    '15',
    'Minutes after which a call of which nothing can be learned is given up; its contact is not called again by itself.',
    readNumber('a number from 0.01 to 1440', (minutes) => minutes >= 0.01 && minutes <= 1440),
  ),
  REPORT_WAIT: variable(
    '60',
    'Seconds that the evaluation of an answered call is waited for.',
    readNumber('a number from 1 to 3600', (seconds) => seconds >= 1 && seconds <= 3600),
  ),
  WEBHOOK_ALLOW_PRIVATE: variable(
    '0',
    'Whether webhooks may go to private, loopback and link-local addresses: 1 or 0. For local use only.',
    readSwitch,
  ),
  METRICS_PORT: optional(
    'Port on which GET /metrics answers Prometheus, without a key; 0 picks a free one. Unset: there are no metrics.',
    readPort,
  ),
  METRICS_HOST: variable('127.0.0.1', 'Address to serve metrics on. 0.0.0.0 for all.', readText),
  LOG_LEVEL: variable('info', `How much is logged, to standard error: ${LOG_LEVELS.join(', ')}.`, readLogLevel),
  OUTDIAL_API_KEY: optional(
    'Key of the first account, given when the database is new (unset: one is made and printed once), and the key that the command line uses. Form: 1|secret, the secret 20 or more letters and digits.',
    readKey,
  ),
  OUTDIAL_URL: optional('Where the command line finds a running server. Unset: http://HOST:PORT.', readBaseUrl),
} as const satisfies Record<string, Variable<unknown>>;

/** The environment, read and checked. */
export type Config = { readonly [Name in keyof typeof VARIABLES]: ReturnType<(typeof VARIABLES)[Name]['read']> };

/** What is wrong with the environment, one sentence a variable. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}

/**
 * Reads the environment. An empty variable counts as unset.
 * @throws ConfigError with every mistake at once.
 */
export const loadConfig = (environment: Record<string, string | undefined>): Config => {
  const problems: string[] = [];
  const readOne = ([name, { fallback, read }]: [string, Variable<unknown>]): [string, unknown] => {
    const text = environment[name]?.trim() || fallback;
    if (text === undefined) return [name, undefined];
    try {
      return [name, read(text)];
    } catch (error) {
      // The value is not repeated: it may hold a password.
      problems.push(`${name} ${error instanceof Error ? error.message : 'is wrong'}.`);
      return [name, undefined];
    }
  };
  const values = Object.fromEntries(Object.entries(VARIABLES).map(readOne));
  if (problems.length > 0) throw new ConfigError(problems);
  // Built from the very table that the type is made of.
  return Object.freeze(values) as Config;
};

const readIfThere = (file: string): string => {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  }
};

/**
 * The environment of this process, with the `.env` file of the working folder read beneath it. What is empty there
 * counts as unset, and so does not hide the file's. The file's variables become the process's: the PostgreSQL driver
 * reads some of its own (PGPASSWORD).
 */
export const processEnvironment = (environment = process.env, file = '.env'): Record<string, string | undefined> => {
  for (const [name, value] of Object.entries(parseEnv(readIfThere(file)))) {
    if ((environment[name] ?? '').trim() === '') environment[name] = value;
  }
  return environment;
};

// Addresses that stand for all of a machine are none to connect to.
const LOOPBACK: Record<string, string> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

/** The URL under which a server that listens on `host` is reached from the same machine. */
export const localUrl = (host: string, port: number): string => {
  const address = LOOPBACK[host] ?? host;
  return `http://${isIPv6(address) ? `[${address}]` : address}:${port}`;
};
