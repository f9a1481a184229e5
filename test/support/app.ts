// The application on a fresh database with two accounts, and callers that speak for them. Every answer is checked.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify';
import { expect } from 'vitest';
import type { Account } from '../../src/accounts/account.ts';
import { authenticateBy, insertAccount, mintKey } from '../../src/accounts/accounts.store.ts';
import type { Db } from '../../src/db/schema.ts';
import { type AppDeps, buildApp, type HttpSettings } from '../../src/http/app.ts';
import { createKeyStore } from '../../src/idempotency/idempotency.store.ts';
import { createImporter } from '../../src/importer.ts';
import { checkInjected } from '../contract/check-app.ts';
import { createClock, type TestClock } from './clock.ts';
import { closeLater } from './closing.ts';
import { type FreshDatabase, freshDatabase } from './db.ts';

/** What came back. `body` is the parsed JSON, or the text where it is none. */
export interface Answer {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers; the contract's checker has typed them already.
  body: any;
  headers: LightMyRequestResponse['headers'];
  raw: string;
}

type Headers = Record<string, string>;
type Body = Exclude<InjectOptions['payload'], undefined>;

/** Calls with an account's key. Paths are whole: `/api/user/leads`. */
export interface Api {
  get(path: string, headers?: Headers): Promise<Answer>;
  post(path: string, body?: Body, headers?: Headers): Promise<Answer>;
  put(path: string, body?: Body, headers?: Headers): Promise<Answer>;
  patch(path: string, body?: Body, headers?: Headers): Promise<Answer>;
  delete(path: string, headers?: Headers): Promise<Answer>;
  /** Any request; headers may replace the key. */
  request(options: InjectOptions): Promise<Answer>;
}

/** An account that calls. */
export interface Caller extends Api {
  account: Account;
  token: string;
}

/** An application under test. */
export interface TestApp {
  app: FastifyInstance;
  /** The folder in which files of imports wait. */
  importFolder: string;
  db: Db;
  database: FreshDatabase;
  clock: TestClock;
  mine: Caller;
  other: Caller;
  /** The first account's calls: `mine`. */
  api: Api;
}

/** What a test may want otherwise. */
export interface Overrides extends Partial<Omit<AppDeps, 'db' | 'clock' | 'http'>> {
  http?: Partial<HttpSettings>;
  /** Where the clock begins. */
  now?: string;
}

const parse = (raw: string): unknown => {
  try {
    return JSON.parse(raw);
  } catch {
    return raw;
  }
};

/** Calls of an application with a bearer token, or with none. */
export const createApi = (app: FastifyInstance, token: string | undefined): Api => {
  const request = async ({ headers, ...options }: InjectOptions): Promise<Answer> => {
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const response = await app.inject({ ...options, headers: { ...authorization, ...headers } });
    return { status: response.statusCode, body: parse(response.payload), headers: response.headers, raw: response.payload };
  };
  const without =
    (method: 'GET' | 'DELETE') =>
    (url: string, headers: Headers = {}) =>
      request({ method, url, headers });
  const withBody =
    (method: 'POST' | 'PUT' | 'PATCH') =>
    (url: string, body?: Body, headers: Headers = {}) =>
      request({ method, url, headers, ...(body === undefined ? {} : { payload: body }) });
  return {
    get: without('GET'),
    post: withBody('POST'),
    put: withBody('PUT'),
    patch: withBody('PATCH'),
    delete: without('DELETE'),
    request,
  };
};

/** Makes an account with a key. */
export const createCaller = async (app: FastifyInstance, db: Db, clock: TestClock, name: string): Promise<Caller> => {
  const email = `${name.toLowerCase().replace(/\W+/g, '.')}@example.test`;
  const account = await insertAccount(db, { name, email }, clock());
  const { token } = await mintKey(db, account.id, 'test', clock());
  return { account, token, ...createApi(app, token) };
};

/** The ids of a list that is all on one page. */
export const idsIn = ({ status, body, raw }: Answer): number[] => {
  if (status !== 200) throw new Error(`${status} ${raw}`);
  expect(body.total).toBe(body.data.length);
  return body.data.map((row: { id: number }) => row.id);
};

const DEFAULT_HTTP: HttpSettings = { publicUrl: undefined, trustProxy: false, corsOrigins: undefined, rateLimit: 0 };

/** Starts an application; takes half a second. It is closed by itself, with its database. */
export const startApp = async ({ http, now, ...overrides }: Overrides = {}): Promise<TestApp> => {
  const database = await freshDatabase();
  const { db } = database;
  const clock = createClock(now);
  const folder = mkdtempSync(join(tmpdir(), 'outdial-imports-'));
  closeLater(() => rmSync(folder, { recursive: true, force: true }));
  const importer = createImporter({ db, clock, folder, onError: () => {} });
  closeLater(() => importer.stop());
  const app = await buildApp({
    imports: { folder, run: importer.run, waitMs: 60_000 },
    purge: () => {},
    wake: () => {},
    carrier: { kind: 'simulated', simulated: true },
    rates: { number: 0, carrier: 0 },
    databaseLeases: false,
    maxUploadBytes: 10_485_760,
    authenticate: authenticateBy(db, clock),
    keys: createKeyStore(db),
    ...overrides,
    db,
    clock,
    http: { ...DEFAULT_HTTP, ...http },
  });
  closeLater(() => app.close());
  checkInjected(app);
  const mine = await createCaller(app, db, clock, 'Mine');
  const other = await createCaller(app, db, clock, 'Other');
  return { app, importFolder: folder, db, database, clock, mine, other, api: mine };
};
