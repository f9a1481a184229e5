// Fresh databases on the PostgreSQL of the test run, migrated already, gone after the test.
import { randomUUID } from 'node:crypto';
import { inject } from 'vitest';
import { type DatabaseSource, openDatabase } from '../../src/db/open.ts';
import type { Db } from '../../src/db/schema.ts';
import { closeLater } from './closing.ts';
import { runOnServer, urlOf } from './postgres-server.ts';

/** What a project's global setup leaves for its tests. */
export interface Prepared {
  /** The server, with a database in which others are made. */
  serverUrl: string;
  /** The migrated database that is copied; every database of this run has its name for a beginning. */
  template: string;
}

declare module 'vitest' {
  interface ProvidedContext {
    prepared: Prepared;
  }
}

/** A database of one's own. */
export interface FreshDatabase {
  readonly db: Db;
  /** For further connections, or a process of its own. */
  readonly url: string;
  /** Where it is, as `openDatabase` takes it. */
  readonly source: DatabaseSource;
}

const newSource = async (): Promise<DatabaseSource & { kind: 'server' }> => {
  const prepared = inject('prepared');
  if (prepared === undefined) throw new Error('This project has no database: tests of routes and stores run in the project postgres.');
  const { serverUrl, template } = prepared;
  const name = `${template}_${randomUUID().slice(0, 13).replace('-', '')}`;
  await runOnServer(serverUrl, `create database ${name} template ${template}`);
  closeLater(() => runOnServer(serverUrl, `drop database if exists ${name} with (force)`));
  return { kind: 'server', url: urlOf(serverUrl, name), onIdleError: () => {} };
};

/** Makes a database with the whole schema and no rows. It is closed and dropped by itself. */
export const freshDatabase = async (): Promise<FreshDatabase> => {
  const source = await newSource();
  const { db, close } = await openDatabase(source);
  closeLater(close);
  return { db, url: source.url, source };
};
