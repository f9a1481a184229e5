// Before the tests on PostgreSQL: starts the server and migrates a template, of which each test gets a copy.
import { randomBytes } from 'node:crypto';
import type { TestProject } from 'vitest/node';
import { openDatabase } from '../../src/db/open.ts';
import { runOnServer, startPostgres, urlOf } from './postgres-server.ts';

const dropAll = async (serverUrl: string, prefix: string): Promise<void> => {
  const [found] = await runOnServer(serverUrl, `select datname from pg_database where datname like '${prefix}%'`);
  const names = (found?.rows ?? []).map((row: { datname: string }) => row.datname);
  await runOnServer(serverUrl, ...names.map((name) => `drop database if exists ${name} with (force)`));
};

/** Vitest's hook: the function that it gives back runs after the tests. */
export const setup = async (project: TestProject): Promise<() => Promise<void>> => {
  const server = await startPostgres();
  const template = `outdial_test_${randomBytes(4).toString('hex')}`;
  try {
    await runOnServer(server.url, `create database ${template}`);
    const migrated = await openDatabase({ kind: 'server', url: urlOf(server.url, template) });
    await migrated.close();
  } catch (error) {
    await server.stop();
    throw error;
  }
  project.provide('prepared', { serverUrl: server.url, template });
  return async () => {
    try {
      await dropAll(server.url, template);
    } finally {
      await server.stop();
    }
  };
};
