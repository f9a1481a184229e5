// Outdial as a process: the real program on a real folder or server, with real signals. What a test starts ends with it.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, lstatSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inject } from 'vitest';
import { closeLater } from '../support/closing.ts';
import { runOnServer, urlOf } from '../support/postgres-server.ts';
import type { PreparedProgram } from '../support/prepare-program.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PROGRAM = join(ROOT, 'bin/outdial.js');

/** How a command ended. */
export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** A started command. */
export interface Started {
  child: ChildProcess;
  /** What it has printed so far. */
  stdout(): string;
  stderr(): string;
  ended: Promise<Ended>;
}

type Environment = Record<string, string>;

/** A folder of one's own, gone after the test. */
export const temporaryFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'outdial-test-'));
  closeLater(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

const program = (): PreparedProgram => {
  const prepared = inject('program');
  if (prepared === undefined) throw new Error('This project does not start the program: see prepare-program.ts.');
  return prepared;
};

/** A data folder that has the schema and no rows, for what is not about the first start on an empty one. */
export const migratedFolder = (): string => {
  const folder = temporaryFolder();
  cpSync(program().dataDir, folder, { recursive: true, filter: (path) => !lstatSync(path).isFIFO() });
  return folder;
};

/** The URL of a new, empty PostgreSQL database, dropped after the test. */
export const newDatabase = async (): Promise<string> => {
  const server = inject('prepared')?.serverUrl ?? '';
  const name = `outdial_process_${randomUUID().slice(0, 8)}`;
  await runOnServer(server, `create database ${name}`);
  closeLater(() => runOnServer(server, `drop database if exists ${name} with (force)`));
  return urlOf(server, name);
};

// Nothing of the developer's own environment may reach the program, nor a .env file of the checkout.
const environment = (given: Environment): Environment => ({
  PATH: process.env.PATH ?? '',
  HOME: tmpdir(),
  NODE_COMPILE_CACHE: program().compileCache,
  ...given,
});

/** Starts `outdial` with arguments in an environment that holds nothing else. */
export const start = (args: readonly string[], given: Environment, nodeArgs: readonly string[] = []): Started => {
  const child = spawn(process.execPath, [...nodeArgs, PROGRAM, ...args], {
    env: environment(given),
    cwd: tmpdir(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const text = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => {
    text.stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    text.stderr += chunk.toString();
  });
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, ...text }));
  closeLater(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return { child, stdout: () => text.stdout, stderr: () => text.stderr, ended };
};

/** Runs a command to its end. */
export const run = (args: readonly string[], given: Environment, nodeArgs: readonly string[] = []): Promise<Ended> =>
  start(args, given, nodeArgs).ended;

/** A server that answers. */
export interface Served extends Started {
  url: string;
  /** The key that it printed; undefined when it printed none. */
  key: string | undefined;
}

/** Starts `outdial serve` on a free port and waits until it says that it is ready. */
export const serve = async (given: Environment, options: readonly string[] = []): Promise<Served> => {
  const started = start(['serve', ...options], { PORT: '0', LOG_LEVEL: 'warn', ...given });
  let over = false;
  void started.ended.then(() => {
    over = true;
  });
  while (!/Storage/.test(started.stdout())) {
    if (over) throw new Error(`the server ended: ${started.stderr()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const url = /ready at (\S+)/.exec(started.stdout())?.[1] ?? '';
  const key = /\d+\|[A-Za-z0-9]{20,}/.exec(started.stdout())?.[0];
  return { ...started, url, key };
};

/** Stops a server as a service manager does. */
export const stop = async ({ child, ended }: Started): Promise<Ended> => {
  child.kill('SIGTERM');
  return ended;
};

/** Asks a server, with a key. */
export const ask = async (url: string, key: string | undefined, init: RequestInit = {}): Promise<{ status: number; body: unknown }> => {
  const response = await fetch(url, { ...init, headers: { authorization: `Bearer ${key}`, ...init.headers } });
  return { status: response.status, body: await response.json() };
};
