// Fresh databases: of the kind that the vitest project names, migrated already, gone after the test.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { inject } from 'vitest';
import { type DatabaseSource, openDatabase } from '../../src/db/open.ts';
import type { Db } from '../../src/db/schema.ts';
import { closeLater } from './closing.ts';
import { runOnServer, urlOf } from './postgres-server.ts';

/** PGlite in memory, or a database on a PostgreSQL server. */
export type DatabaseKind = 'pglite' | 'postgres';

/** What a project's global setup leaves for its tests. */
export interface Prepared {
  /** PGlite: the file of the dumped data folder. */
  dumpFile?: string;
  /** PostgreSQL: the server, with a database in which others are made. */
  serverUrl?: string;
  /** PostgreSQL: the migrated database that is copied; every database of this run has its name for a beginning. */
  template?: string;
}

declare module 'vitest' {
  interface ProvidedContext {
    databaseKind: DatabaseKind;
    prepared: Prepared;
  }
}

/** A database of one's own. */
export interface FreshDatabase {
  readonly db: Db;
  readonly kind: DatabaseKind;
  /** PostgreSQL only: for further connections, or a process of its own. */
  readonly url: string | undefined;
  /** Where it is, as `openDatabase` takes it. */
  readonly source: DatabaseSource;
}

/** The kind of database of the running project; undefined where it has none. */
export const databaseKind = (): DatabaseKind | undefined => inject('databaseKind');

const required = (value: string | undefined): string => {
  if (value === undefined) throw new Error('This project has no database: tests of routes and stores run as pglite and as postgres.');
  return value;
};

const newSource = async (): Promise<DatabaseSource> => {
  const prepared = inject('prepared');
  if (databaseKind() !== 'postgres') {
    const dump = new Blob([readFileSync(required(prepared?.dumpFile))], { type: 'application/x-tar' });
    return { kind: 'memory', dump };
  }
  const [serverUrl, template] = [required(prepared?.serverUrl), required(prepared?.template)];
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
  return { db, kind: source.kind === 'server' ? 'postgres' : 'pglite', url: source.kind === 'server' ? source.url : undefined, source };
};
