// The embedded database as people meet it: several processes on one folder, kills, strange folders. Real programs, real signals.
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { expect, test, vi } from 'vitest';
import { closeLater } from '../support/closing.ts';
import { ask, migratedFolder, run, serve, stop, temporaryFolder } from './outdial.ts';

const isRoot = process.getuid?.() === 0;

const json = (body: object): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

const block = (url: string, key: string | undefined, number: string) =>
  ask(`${url}/api/user/blacklist`, key, json({ phone_number: number }));
const blocked = async (url: string, key: string | undefined): Promise<number> =>
  ((await ask(`${url}/api/user/blacklist`, key)).body as { total: number }).total;

const postmaster = (folder: string): number | undefined => {
  const file = join(folder, 'database', 'cluster', 'postmaster.pid');
  return existsSync(file) ? Number.parseInt(readFileSync(file, 'utf8'), 10) : undefined;
};

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

test('a second server uses the database of the first, goes on when that one stops, and the last takes it along', async () => {
  const folder = migratedFolder();
  const first = await serve({ DATA_DIR: folder });
  const second = await serve({ DATA_DIR: folder });
  const database = postmaster(folder) ?? 0;
  expect((await block(first.url, first.key, '+12025550143')).status).toBe(201);
  expect(await blocked(second.url, first.key)).toBe(1);
  expect((await stop(first)).code).toBe(0);
  expect((await block(second.url, first.key, '+12025550144')).status).toBe(201);
  expect(postmaster(folder)).toBe(database);
  expect((await stop(second)).code).toBe(0);
  expect(postmaster(folder)).toBeUndefined();
  expect(isAlive(database)).toBe(false);
});

test('processes that start at once on an empty folder share one database', async () => {
  const folder = join(temporaryFolder(), 'new');
  const servers = await Promise.all(Array.from({ length: 3 }, () => serve({ DATA_DIR: folder })));
  const keys = servers.flatMap(({ key }) => key ?? []);
  expect(keys).toHaveLength(1);
  for (const { url } of servers) expect((await ask(`${url}/api/user/me`, keys[0])).status).toBe(200);
  expect(readdirSync(folder).filter((name) => name.startsWith('database'))).toEqual(['database']);
});

test('a server that is killed takes its database along', async () => {
  const folder = migratedFolder();
  const server = await serve({ DATA_DIR: folder });
  const database = postmaster(folder) ?? 0;
  expect(isAlive(database)).toBe(true);
  server.child.kill('SIGKILL');
  await vi.waitFor(() => expect(isAlive(database)).toBe(false), { timeout: 20_000, interval: 20 });
  expect(postmaster(folder)).toBeUndefined();
});

test('a database that is killed is started again, with all that was acknowledged, and the server says so', async () => {
  const folder = migratedFolder();
  const server = await serve({ DATA_DIR: folder });
  const other = await serve({ DATA_DIR: folder }, ['--role', 'api']);
  expect((await block(server.url, server.key, '+12025550143')).status).toBe(201);
  process.kill(postmaster(folder) ?? 0, 'SIGKILL');
  for (const { url } of [server, other]) {
    await vi.waitFor(async () => expect(await blocked(url, server.key)).toBe(1), { timeout: 20_000, interval: 50 });
  }
  expect(server.stderr()).toContain('the embedded database has ended; it is started again');
  expect((await block(other.url, server.key, '+12025550144')).status).toBe(201);
  for (const one of [server, other]) expect((await stop(one)).code).toBe(0);
  expect(postmaster(folder)).toBeUndefined();
});

test('a pid file that names a process of somebody else does not keep the database from starting', async () => {
  const folder = migratedFolder();
  const bystander = spawn('sleep', ['600'], { stdio: 'ignore' });
  closeLater(() => bystander.kill('SIGKILL'));
  const file = join(folder, 'database', 'cluster', 'postmaster.pid');
  writeFileSync(file, `${bystander.pid}\n${join(folder, 'database', 'cluster')}\n1795774749\n5432\n/tmp\n\n  2278417 5\nready\n`);
  const server = await serve({ DATA_DIR: folder });
  expect((await ask(`${server.url}/api/user/me`, server.key)).status).toBe(200);
  expect(bystander.exitCode).toBeNull();
});

test('no TCP port, durable, and closed to everybody else', async () => {
  const folder = migratedFolder();
  chmodSync(folder, 0o755);
  await serve({ DATA_DIR: folder });
  const host = join(folder, 'database');
  const password = readFileSync(join(host, 'cluster', 'outdial-password'), 'utf8');
  const client = new pg.Client({ host, user: 'outdial', password, database: 'postgres' });
  // It is cut off when the server stops.
  client.on('error', () => {});
  await client.connect();
  closeLater(() => client.end());
  const shown = async (name: string) => (await client.query(`show ${name}`)).rows[0]?.[name];
  for (const [name, value] of [
    ['listen_addresses', ''],
    ['fsync', 'on'],
    ['synchronous_commit', 'on'],
    ['full_page_writes', 'on'],
    ['log_min_messages', 'log'],
  ] as const)
    expect([name, await shown(name)]).toEqual([name, value]);
  await expect(new pg.Client({ host, user: 'outdial', password: 'guessed', database: 'postgres' }).connect()).rejects.toThrow('password');
  if (!isRoot) return;
  const asNobody = () => execFileSync('ls', [host], { uid: 65_534, gid: 65_534, stdio: 'pipe' });
  expect(asNobody).toThrow('Permission denied');
});

test('what callers’ numbers the database refuses never stands in its log', async () => {
  const folder = migratedFolder();
  const server = await serve({ DATA_DIR: folder });
  const host = join(folder, 'database');
  const password = readFileSync(join(host, 'cluster', 'outdial-password'), 'utf8');
  chmodSync(folder, 0o755);
  const client = new pg.Client({ host, user: 'outdial', password, database: 'postgres' });
  // It is cut off when the server stops.
  client.on('error', () => {});
  await client.connect();
  closeLater(() => client.end());
  const insert = () =>
    client.query(`insert into dnc_numbers (account_id, phone_number, created_at) values (1, $1, now())`, ['+12025550143']);
  await insert();
  await expect(insert()).rejects.toThrow('duplicate key');
  await expect(client.query(`select '+12025550143'::bigint + 'x'::int`)).rejects.toThrow();
  await stop(server);
  expect(readFileSync(join(host, 'postgres.log'), 'utf8')).not.toContain('5550143');
});

test('a folder with a long name works, whoever may look into those above it', async () => {
  const closed = join(temporaryFolder(), 'closed');
  mkdirSync(closed, { mode: 0o700 });
  const folder = join(closed, 'a-folder-whose-name-is-longer-than-the-address-of-a-socket-may-be'.repeat(2));
  const server = await serve({ DATA_DIR: folder });
  expect((await ask(`${server.url}/api/user/me`, server.key)).status).toBe(200);
  expect((await run(['account', 'list'], { DATA_DIR: folder })).code).toBe(0);
  expect((await stop(server)).code).toBe(0);
});

test.runIf(isRoot)('an ordinary user gets a database of their own, which root can use, too', async () => {
  const folder = temporaryFolder();
  const ids = { uid: Number(execFileSync('id', ['-u', 'nobody'])), gid: Number(execFileSync('id', ['-g', 'nobody'])) };
  chownSync(folder, ids.uid, ids.gid);
  const program = fileURLToPath(new URL('../../bin/outdial.js', import.meta.url));
  const list = (options: object) =>
    execFileSync(process.execPath, [program, 'account', 'list', '--json'], {
      ...options,
      env: { PATH: process.env.PATH ?? '', HOME: tmpdir(), DATA_DIR: folder },
      cwd: tmpdir(),
      encoding: 'utf8',
    });
  expect(list(ids)).toBe('[]\n');
  expect(list({})).toBe('[]\n');
  expect(list(ids)).toBe('[]\n');
});

test('a folder of an earlier version: one clear message, and nothing is touched', async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'postgres'));
  writeFileSync(join(folder, 'postgres', 'PG_VERSION'), '17\n');
  const { code, stderr } = await run(['serve'], { DATA_DIR: folder, PORT: '0' });
  expect(code).toBe(1);
  expect(stderr).toMatch(/^outdial: The folder .* holds a database of an earlier version of Outdial.* Nothing in it was touched\. .*\n$/);
  expect(readdirSync(folder)).toEqual(['postgres']);
});

test('a database of another major version: a refusal that says how to go on', async () => {
  const folder = migratedFolder();
  writeFileSync(join(folder, 'database', 'cluster', 'PG_VERSION'), '17\n');
  const { code, stderr } = await run(['serve'], { DATA_DIR: folder, PORT: '0' });
  expect(code).toBe(1);
  expect(stderr).toMatch(/^outdial: The database in .* was made by PostgreSQL 17, and .* outdial backup FILE.* outdial restore FILE\.\n$/);
});

test('a database that cannot start is said in one line, with its own last word', async () => {
  const folder = migratedFolder();
  writeFileSync(join(folder, 'database', 'cluster', 'postgresql.conf'), 'shared_buffers = many\n');
  const { code, stderr } = await run(['serve'], { DATA_DIR: folder, PORT: '0' });
  expect(code).toBe(1);
  expect(stderr.trim().split('\n')).toHaveLength(1);
  expect(stderr).toMatch(/could not be started\. It said: .*postgresql\.conf.* contains errors/);
});
