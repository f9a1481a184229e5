// The server as a process on the embedded database: first start, restart, kill -9, signals. What is about the database itself stands in
// embedded.test.ts.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { sql } from 'kysely';
import pg from 'pg';
import { pino } from 'pino';
import { expect, inject, test, vi } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { knownMigrations } from '../../src/db/migrate.ts';
import { openDatabase } from '../../src/db/open.ts';
import { startServer } from '../../src/server.ts';
import { closeLater } from '../support/closing.ts';
import { runOnServer } from '../support/postgres-server.ts';
import { ask, migratedFolder, newDatabase, run, serve, stop, temporaryFolder } from './outdial.ts';

const json = (body: object): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

test('a first start prints URL, key and a curl that works as it stands', async () => {
  const server = await serve({ DATA_DIR: temporaryFolder() });
  expect(server.key).toMatch(/^1\|[A-Za-z0-9]{40}$/);
  const command = /curl .*/.exec(server.stdout())?.[0] ?? '';
  const { stdout } = await promisify(execFile)('sh', ['-c', `${command} -s`]);
  expect(JSON.parse(stdout)).toMatchObject({ current_page: 1, data: [], total: 0 });
  expect((await stop(server)).code).toBe(0);
});

test('a key never reaches the log, and the folder is its owner’s alone', async () => {
  const folder = join(temporaryFolder(), 'data');
  const server = await serve({ DATA_DIR: folder, LOG_LEVEL: 'trace' });
  await ask(`${server.url}/api/user/leads?phone_number=5550143`, server.key);
  const { stderr } = await stop(server);
  expect(stderr).toContain('"path":"/api/user/leads"');
  expect(stderr).not.toContain(server.key?.split('|')[1]);
  expect(stderr).not.toContain('5550143');
});

test('a restart keeps everything and prints no key again', async () => {
  const folder = migratedFolder();
  const first = await serve({ DATA_DIR: folder });
  const added = await ask(`${first.url}/api/user/blacklist`, first.key, json({ phone_number: '+12025550143' }));
  expect(added.status).toBe(201);
  await stop(first);
  const second = await serve({ DATA_DIR: folder });
  expect(second.key).toBeUndefined();
  expect((await ask(`${second.url}/api/user/blacklist`, first.key)).body).toMatchObject({ total: 1 });
});

test('what was acknowledged survives kill -9, and the next start finds nobody in the folder', async () => {
  const folder = migratedFolder();
  const first = await serve({ DATA_DIR: folder });
  for (let i = 0; i < 10; i += 1) await ask(`${first.url}/api/user/blacklist`, first.key, json({ phone_number: `+1202555010${i}` }));
  first.child.kill('SIGKILL');
  await first.ended;
  const second = await serve({ DATA_DIR: folder });
  expect((await ask(`${second.url}/api/user/blacklist`, first.key)).body).toMatchObject({ total: 10 });
});

const answers = (url: string): Promise<boolean> =>
  fetch(url, { headers: { connection: 'close' } }).then(
    () => true,
    () => false,
  );

test('SIGTERM finishes the request at hand, then closes', async () => {
  const server = await serve({ DATA_DIR: migratedFolder() });
  const asking = request(`${server.url}/api/user/blacklist`, {
    method: 'POST',
    headers: { authorization: `Bearer ${server.key}`, 'content-type': 'application/json', expect: '100-continue' },
  });
  asking.flushHeaders();
  // The server has it in hand.
  await once(asking, 'continue');
  asking.write('{"phone_number":');
  server.child.kill('SIGTERM');
  while (await answers(server.url)) await new Promise((resolve) => setTimeout(resolve, 20));
  asking.end('"+12025550143"}');
  const [response] = await once(asking, 'response');
  expect(response.statusCode).toBe(201);
  response.resume();
  expect((await server.ended).code).toBe(0);
  await expect(fetch(server.url)).rejects.toThrow();
});

test('SIGTERM does not wait for a client that has stopped sending', async () => {
  const server = await serve({ DATA_DIR: migratedFolder() });
  const { hostname, port } = new URL(server.url);
  const head = `POST /api/user/blacklist HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${server.key}\r\nContent-Type: application/json\r\n`;
  for (const sent of [`${head}Content-Length: 100\r\n\r\n{`, 'GET /api/user/me HT']) {
    const socket = connect(Number(port), hostname);
    socket.on('error', () => {});
    closeLater(() => socket.destroy());
    await new Promise((resolve) => socket.write(sent, resolve));
  }
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect((await stop(server)).code).toBe(0);
}, 30_000);

test('a port in use is said in one line, and frees the folder again', async () => {
  const first = await serve({ DATA_DIR: migratedFolder() });
  const folder = migratedFolder();
  const second = await run(['serve'], { DATA_DIR: folder, PORT: new URL(first.url).port });
  expect(second.code).toBe(1);
  expect(second.stderr).toContain('EADDRINUSE');
  expect(second.stderr.trim().split('\n')).toHaveLength(1);
});

test('a data folder that cannot be made or written to is said in one sentence, at once', async () => {
  const file = join(temporaryFolder(), 'file');
  writeFileSync(file, '');
  for (const folder of ['/proc/outdial/data', file]) {
    const { code, stderr } = await run(['serve'], { DATA_DIR: folder, PORT: '0' });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^outdial: The data folder .* cannot be used \(.*\): set DATA_DIR .*\.\n$/);
    expect(stderr).toContain(folder);
  }
}, 20_000);

test('whatever fails on the way up, the database is closed', async () => {
  const opened = await openDatabase({ kind: 'server', url: await newDatabase() });
  let closed = false;
  const close = async () => {
    await opened.close();
    closed = true;
  };
  await sql`alter table accounts rename to accounts_elsewhere`.execute(opened.db);
  const started = startServer(loadConfig({ PORT: '0' }), { ...opened, close }, { log: pino({ level: 'silent' }), role: 'api' });
  await expect(started).rejects.toThrow('accounts');
  expect(closed).toBe(true);
});

test('OUTDIAL_API_KEY is the first key of a new database, with exactly its id', async () => {
  const key = '41|abcdefghij0123456789XYZ';
  const server = await serve({ DATA_DIR: migratedFolder(), OUTDIAL_API_KEY: key });
  expect(server.stdout()).not.toContain(key);
  expect((await ask(`${server.url}/api/user/me`, key)).status).toBe(200);
  const minted = await ask(`${server.url}/api/user/api-keys`, key, json({ name: 'next' }));
  expect(minted.body).toMatchObject({ api_key: { token: expect.stringMatching(/^42\|/) } });
});

test('every mistake in the environment is told at once, with exit code 2', async () => {
  const { code, stderr } = await run(['serve'], {
    PORT: '99999',
    RATE_LIMIT: 'fast',
    DATABASE_URL: 'mysql://somebody:secret@example.test/x',
    LOG_LEVEL: 'loud',
    OUTDIAL_API_KEY: 'short',
  });
  expect(code).toBe(2);
  for (const name of ['PORT', 'RATE_LIMIT', 'DATABASE_URL', 'LOG_LEVEL', 'OUTDIAL_API_KEY'])
    expect(stderr).toContain(`outdial: ${name} must`);
  expect(stderr).not.toContain('secret@');
  const forMachines = await run(['migrate', '--json'], { PORT: '99999', LOG_LEVEL: 'loud' });
  expect(forMachines.code).toBe(2);
  const { error } = JSON.parse(forMachines.stderr);
  expect(error.problems).toEqual([expect.stringMatching(/^PORT must/), expect.stringMatching(/^LOG_LEVEL must/)]);
  expect(error.message).toBe(error.problems.join(' '));
});

test('on a Node that is too old one sentence says so', async () => {
  const old = "data:text/javascript,Object.defineProperty(process.versions,'node',{value:'20.11.0'})";
  const { code, stderr } = await run(['serve'], { DATA_DIR: temporaryFolder() }, ['--import', old]);
  expect(code).toBe(1);
  expect(stderr.trim().split('\n')).toHaveLength(1);
  expect(stderr).toContain('22.18');
});

test('two servers that start at once on a new PostgreSQL both come up, with one first key between them', async () => {
  const url = await newDatabase();
  const both = await Promise.all([serve({ DATABASE_URL: url }), serve({ DATABASE_URL: url })]);
  const keys = both.map(({ key }) => key).filter((key) => key !== undefined);
  expect(keys).toHaveLength(1);
  for (const server of both) expect((await ask(`${server.url}/api/user/me`, keys[0])).status).toBe(200);
});

test('a database that a newer version wrote is refused and left as it was', async () => {
  const url = await newDatabase();
  await stop(await serve({ DATABASE_URL: url }));
  const client = new pg.Client(url);
  await client.connect();
  closeLater(() => client.end());
  await client.query(`insert into schema_migrations (name) values ('9999_from_the_future.sql')`);
  const { code, stderr } = await run(['serve'], { DATABASE_URL: url });
  expect(code).toBe(1);
  expect(stderr).toContain('9999_from_the_future.sql');
  expect(stderr.trim().split('\n')).toHaveLength(1);
  const { rows } = await client.query('select name from schema_migrations order by name');
  expect(rows.map(({ name }) => name)).toEqual([...knownMigrations(), '9999_from_the_future.sql']);
});

test('a database server that is not there is said in one line', async () => {
  const { code, stderr } = await run(['serve'], { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/nothing' });
  expect(code).toBe(1);
  expect(stderr.trim().split('\n')).toHaveLength(1);
  expect(stderr).toContain('ECONNREFUSED');
});

test('the database that goes away shows at /readyz, and a request fails with an id that the log has', async () => {
  const url = await newDatabase();
  const server = await serve({ DATABASE_URL: url });
  expect((await ask(`${server.url}/readyz`, undefined)).status).toBe(200);
  const base = inject('prepared')?.serverUrl ?? '';
  await runOnServer(base, `drop database ${new URL(url).pathname.slice(1)} with (force)`);
  expect((await ask(`${server.url}/healthz`, undefined)).status).toBe(200);
  // An answer is given again for half a second.
  await vi.waitFor(async () => expect((await ask(`${server.url}/readyz`, undefined)).status).toBe(503), { timeout: 10_000 });
  const failed = await ask(`${server.url}/api/user/me`, server.key);
  expect(failed.status).toBe(500);
  const id = /[0-9a-f-]{36}/.exec(JSON.stringify(failed.body))?.[0] ?? 'no id';
  expect(JSON.stringify(failed.body)).not.toMatch(/database|relation|select/i);
  expect(server.stderr()).toContain(id);
});

test('--help teaches: every command and every variable', async () => {
  const { code, stdout } = await run(['--help'], {});
  expect(code).toBe(0);
  for (const word of ['serve', 'migrate', 'account', 'key', 'leads', 'DATABASE_URL', 'RATE_LIMIT', 'Examples:'])
    expect(stdout).toContain(word);
});

test('an unknown command is a mistake of the person: exit code 2', async () => {
  const { code, stderr } = await run(['dance'], {});
  expect(code).toBe(2);
  expect(stderr).toMatch(/^error: unknown command 'dance'/);
  const forMachines = await run(['dance', '--json'], {});
  expect(forMachines.code).toBe(2);
  expect(JSON.parse(forMachines.stderr)).toMatchObject({ error: { message: "unknown command 'dance'" } });
});
