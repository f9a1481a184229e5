// What the crash tests and the soak play in: a database of its own, a simulated carrier in a process that outlives everybody,
// and Outdial as processes that may be killed at any instant. Knows no test runner, since the soak is a command.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Ring, readRings } from '../../src/carriers/simulated/ring-log.ts';
import { openDatabase } from '../../src/db/open.ts';
import type { Db } from '../../src/db/schema.ts';
import { runOnServer, urlOf } from './postgres-server.ts';

/** The checkout whose program is run: another one where a mutation of it is on trial. */
export const ROOT = process.env.CRASH_ROOT ?? fileURLToPath(new URL('../../', import.meta.url));
const PROGRAM = join(ROOT, 'bin/outdial.js');
// The carrier is the judge's: always that of this checkout.
const CARRIER = fileURLToPath(new URL('../../src/carriers/simulated/carrier-process.ts', import.meta.url));

/** The key of the first account. */
export const KEY = '1|crashcrashcrashcrash0123';

/** Short leases: what a dialer leaves behind is taken up within a second or two. */
export const HASTE = {
  RESERVATION_SECONDS: '0.5',
  CARRIER_TIMEOUT: '0.5',
  UNKNOWN_MINUTES: '0.02',
  REPORT_WAIT: '1',
};

/** A process of Outdial. */
export interface Outdial {
  child: ChildProcess;
  /** What it has logged. */
  log(): string;
  /** Where it answers, when it is ready. */
  ready: Promise<string>;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
}

/** See createWorld. */
export interface World {
  db: Db;
  databaseUrl: string;
  carrierUrl: string;
  rings(): readonly Ring[];
  /** Starts `outdial serve` as a role. `env` may say otherwise, so as to put a wire in between. */
  serve(role: string, env?: Record<string, string>): Outdial;
  close(): Promise<void>;
}

export interface WorldOptions {
  /** A PostgreSQL server on which a database is made. */
  serverUrl: string;
  /** Of the carrier; default 40. */
  speed?: number;
  seed?: number;
}

const exited = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
};

const environment = (given: Record<string, string>) => ({ PATH: process.env.PATH ?? '', HOME: tmpdir(), ...given });

const spawnOutdial = (args: readonly string[], env: Record<string, string>): Outdial => {
  const child = spawn(process.execPath, [PROGRAM, ...args], { env: environment(env), cwd: tmpdir(), stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => {
    log = (log + chunk.toString()).slice(-100_000);
  });
  const said = once(createInterface(child.stdout), 'line').then(([line]) => (JSON.parse(String(line)) as { url: string }).url);
  const ready = Promise.race([said, exited(child).then(() => Promise.reject(new Error(`it ended before it was ready: ${log}`)))]);
  // Whoever kills it on its way up does not wait for it.
  ready.catch(() => undefined);
  const kill = async () => {
    child.kill('SIGKILL');
    await exited(child);
  };
  return { child, log: () => log, ready, kill };
};

const migrate = async (url: string, env: Record<string, string>): Promise<void> => {
  const { child, log } = spawnOutdial(['migrate'], { DATABASE_URL: url, ...env });
  await exited(child);
  if (child.exitCode !== 0) throw new Error(`the database was not migrated: ${log()}`);
};

/** Makes a world. It has no accounts yet; see crash-leads.ts. */
export const createWorld = async ({ serverUrl, speed = 40, seed = 1 }: WorldOptions): Promise<World> => {
  const folder = mkdtempSync(join(tmpdir(), 'outdial-crash-'));
  const ringLog = join(folder, 'rings.jsonl');
  // Written by whoever ends in order, so by the migration; it halves the time that the many starts take.
  const cache = { NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(folder, 'cache') };
  const name = `outdial_crash_${randomUUID().slice(0, 8)}`;
  await runOnServer(serverUrl, `create database ${name}`);
  const databaseUrl = urlOf(serverUrl, name);
  const carrier = spawn(process.execPath, [CARRIER, '--port', '0', '--log', ringLog, '--seed', String(seed), '--speed', String(speed)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [[line]] = await Promise.all([once(createInterface(carrier.stdout), 'line'), migrate(databaseUrl, cache)]);
  const carrierUrl = (JSON.parse(String(line)) as { url: string }).url;
  const { db, close } = await openDatabase({ kind: 'server', url: databaseUrl, onIdleError: () => {} });
  const children = new Set<Outdial>();
  // However the tests end, nobody of it goes on.
  const killAll = () => {
    for (const { child } of children) child.kill('SIGKILL');
    carrier.kill('SIGKILL');
  };
  process.once('exit', killAll);

  const serve = (role: string, env: Record<string, string> = {}): Outdial => {
    const outdial = spawnOutdial(['--json', 'serve', '--role', role], {
      DATABASE_URL: databaseUrl,
      SIMULATED_CARRIER_URL: carrierUrl,
      PORT: '0',
      RATE_LIMIT: '0',
      LOG_LEVEL: 'error',
      OUTDIAL_API_KEY: KEY,
      ...HASTE,
      ...cache,
      ...env,
    });
    children.add(outdial);
    outdial.child.once('exit', () => children.delete(outdial));
    return outdial;
  };

  return {
    db,
    databaseUrl,
    carrierUrl,
    rings: () => readRings(ringLog),
    serve,
    close: async () => {
      await Promise.all([...children].map((outdial) => outdial.kill()));
      carrier.kill('SIGKILL');
      await exited(carrier);
      process.off('exit', killAll);
      await close();
      await runOnServer(serverUrl, `drop database if exists ${name} with (force)`);
      rmSync(folder, { recursive: true, force: true });
    },
  };
};
