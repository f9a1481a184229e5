// Databases to copy from and to, each with a connection of its own.
import { randomUUID } from 'node:crypto';
import { inject } from 'vitest';
import type { Db } from '../../src/db/schema.ts';
import { connectAlone, type SoleConnection } from '../../src/db/sole-connection.ts';
import { closeLater } from './closing.ts';
import { freshDatabase } from './db.ts';
import { runOnServer, urlOf } from './postgres-server.ts';

/** A database with the schema and no rows. */
export const freshConnection = async (): Promise<{ db: Db; url: string; connection: SoleConnection }> => {
  const { db, url = '' } = await freshDatabase();
  const connection = await connectAlone(url, 'test');
  closeLater(connection.close);
  return { db, url, connection };
};

/** A database with nothing in it at all. */
export const emptyDatabase = async (): Promise<{ url: string; connection: SoleConnection }> => {
  const { serverUrl = '', template = '' } = inject('prepared') ?? {};
  // The template's name first: what a run leaves behind is found by it.
  const name = `${template}_${randomUUID().slice(0, 8)}`;
  await runOnServer(serverUrl, `create database ${name}`);
  closeLater(() => runOnServer(serverUrl, `drop database if exists ${name} with (force)`));
  const url = urlOf(serverUrl, name);
  const connection = await connectAlone(url, 'test');
  closeLater(connection.close);
  return { url, connection };
};
