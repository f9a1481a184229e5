// A program of its own: brings up a PostgreSQL server in a temporary folder and prints its URL as one line of JSON.
// It lives as long as its standard input is open. However the test runner dies, the pipe closes and nothing is left behind.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, existsSync, lchownSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findPrograms, type Programs, preparePrograms } from '../../src/postgres/programs.ts';
import { namedUser, type RunAs } from '../../src/postgres/run-as.ts';

const say = (message: Record<string, string>): void => {
  process.stdout.write(`${JSON.stringify(message)}\n`);
};

// A TMPDIR of root's own is of no use to nobody, so the usual places come next.
const makeFolder = (user: RunAs): string => {
  for (const place of [tmpdir(), '/tmp', '/var/tmp']) {
    if (!existsSync(place)) continue;
    const folder = mkdtempSync(join(place, 'outdial-postgres-'));
    if (user.uid === undefined || user.gid === undefined) return folder;
    lchownSync(folder, user.uid, user.gid);
    if (spawnSync('/bin/sh', ['-c', 'cd "$0" && test -w .', folder], { ...user, cwd: '/' }).status === 0) return folder;
    rmSync(folder, { recursive: true });
  }
  throw new Error('No temporary folder that the user nobody can reach: make /tmp usable, or set TEST_DATABASE_URL.');
};

const initialise = ({ initdb }: Programs, user: RunAs, folder: string, password: string): void => {
  const secret = join(folder, 'password');
  writeFileSync(secret, password, { mode: 0o600 });
  if (user.uid !== undefined && user.gid !== undefined) lchownSync(secret, user.uid, user.gid);
  // Whoever else is on the machine must not get in, so no trust; and no hashing, which costs milliseconds a connection.
  const options = ['-U', 'postgres', '-A', 'password', `--pwfile=${secret}`, '-E', 'UTF8', '--no-locale', '--no-sync', '--no-instructions'];
  const { status, stdout, stderr, error } = spawnSync(initdb, ['-D', join(folder, 'data'), ...options], {
    ...user,
    cwd: folder,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`initdb failed: ${error?.message ?? stdout + stderr}\nSet TEST_DATABASE_URL to use another server.`);
};

const freePort = async (): Promise<number> => {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
};

const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '300',
  // Far from UTC and not a whole hour: what leans on the server's zone fails here.
  timezone: 'Asia/Kathmandu',
};

// Tests may lose their data; they may not lose time. Benchmarks and soaks ask for the real thing.
const HASTY = process.argv.includes('--durable') ? {} : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };

interface Server {
  child: ChildProcess;
  port: number;
  log: string;
}

// Another process may take the free port before the server does; then it is another port's turn.
const startServer = async ({ postgres }: Programs, user: RunAs, folder: string): Promise<Server> => {
  const log = join(folder, 'server.log');
  for (let attempt = 0; attempt < 5; attempt++) {
    const port = await freePort();
    const output = openSync(log, 'w');
    const settings = Object.entries({ ...SETTINGS, ...HASTY, port }).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const child = spawn(postgres, ['-D', join(folder, 'data'), ...settings], { ...user, cwd: folder, stdio: ['ignore', output, output] });
    closeSync(output);
    while (child.exitCode === null) {
      if (/ready to accept connections/.test(readFileSync(log, 'utf8'))) return { child, port, log };
      await Promise.race([once(child, 'exit'), new Promise((resolve) => setTimeout(resolve, 20))]);
    }
  }
  throw new Error(`PostgreSQL did not start: ${readFileSync(log, 'utf8')}`);
};

// Its own words for a fast stop; after ten seconds without asking.
const stopServer = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGINT');
  const timer = setTimeout(() => child.kill('SIGQUIT'), 10_000);
  await gone;
  clearTimeout(timer);
};

const keep = async (): Promise<void> => {
  const closed = new Promise<void>((resolve) => process.stdin.once('end', resolve).once('close', resolve).once('error', resolve));
  process.stdin.resume();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.stdin.destroy());
  const user = namedUser();
  const folder = makeFolder(user);
  let server: Server | undefined;
  let copy: string | undefined;
  try {
    const programs = preparePrograms(await findPrograms(), user, folder, process.env.OUTDIAL_TEST_POSTGRES_COPY === '1');
    copy = programs.copy;
    const password = randomBytes(16).toString('hex');
    initialise(programs, user, folder, password);
    server = await startServer(programs, user, folder);
    say({ url: `postgres://postgres:${password}@127.0.0.1:${server.port}/postgres`, folder });
    await Promise.race([closed, once(server.child, 'exit')]);
  } finally {
    if (server !== undefined) await stopServer(server.child);
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    if (copy !== undefined) rmSync(copy, { recursive: true, force: true });
  }
};

try {
  await keep();
  process.exit(0);
} catch (error) {
  say({ error: error instanceof Error ? error.message : String(error) });
  process.exit(1);
}
