// `outdial backup`, `restore` and `move` as a person runs them: files, pipes, refusals, and processes that are killed in the middle.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { openDatabase } from '../../src/db/open.ts';
import type { Db } from '../../src/db/schema.ts';
import { closeLater } from '../support/closing.ts';
import { readRows } from '../support/compare-databases.ts';
import { startPostgresWire } from '../support/crash-wires.ts';
import { fillDatabase } from '../support/full-database.ts';
import { runOnServer } from '../support/postgres-server.ts';
import { ask, type Ended, newDatabase, run, serve, start, stop, temporaryFolder } from './outdial.ts';

const PROGRAM = fileURLToPath(new URL('../../bin/outdial.js', import.meta.url));

const open = async (url: string): Promise<Db> => {
  const { db, close } = await openDatabase({ kind: 'server', url, onIdleError: () => {} });
  closeLater(close);
  return db;
};

const fullDatabase = async (): Promise<{ url: string; token: string }> => {
  const url = await newDatabase();
  const { db, close } = await openDatabase({ kind: 'server', url, onIdleError: () => {} });
  const { token } = await fillDatabase(db);
  await sql`delete from dialers`.execute(db);
  await close();
  return { url, token };
};

const relations = async (url: string): Promise<number> => {
  const [found] = await runOnServer(url, "select count(*)::integer as n from pg_class where relnamespace = 'public'::regnamespace");
  return found?.rows[0].n;
};

// The session of a process that was killed goes on until its server notices.
const untilAlone = async (url: string): Promise<void> => {
  for (let tries = 0; tries < 500; tries += 1) {
    const [found] = await runOnServer(
      url,
      "select count(*)::integer as n from pg_stat_activity where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()",
    );
    if (found?.rows[0].n === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error('somebody is still connected');
};

test('a backup goes into a file and a restore out of it, beside a running server', async () => {
  const source = await fullDatabase();
  const folder = temporaryFolder();
  const file = join(folder, 'all.backup');
  const server = await serve({ DATABASE_URL: source.url }, ['--role', 'api']);
  const made = await run(['backup', file, '--json'], { DATABASE_URL: source.url });
  expect([made.code, made.stderr]).toEqual([0, '']);
  const said = JSON.parse(made.stdout);
  expect(said).toMatchObject({ file, bytes: statSync(file).size, rows: { accounts: 1, leads: expect.any(Number) } });
  expect([statSync(file).mode & 0o077, readdirSync(folder)]).toEqual([0, ['all.backup']]);
  const again = await run(['backup', file], { DATABASE_URL: source.url });
  expect([again.code, again.stderr]).toEqual([1, `outdial: ${file} exists: give another name, or replace it with --force.\n`]);
  expect((await run(['backup', file, '--force'], { DATABASE_URL: source.url })).code).toBe(0);
  await stop(server);

  const target = await newDatabase();
  const restored = await run(['restore', file], { DATABASE_URL: target });
  expect([restored.code, restored.stderr]).toEqual([0, '']);
  expect(restored.stdout).toContain('campaigns that ran and are stopped until somebody starts them: 1');
  const second = await run(['restore', file], { DATABASE_URL: target });
  expect([second.code, second.stderr]).toEqual([1, expect.stringMatching(/^outdial: The database is not empty: .*\n$/)]);
  // The keys of the source are keys here.
  const served = await serve({ DATABASE_URL: target }, ['--role', 'api']);
  const { status, body } = (await ask(`${served.url}/api/user/leads?per_page=1`, source.token)) as {
    status: number;
    body: { total: number };
  };
  expect([status, body.total]).toEqual([200, said.rows.leads - 5]);
});

test('what cannot be done is said in one sentence', async () => {
  const source = await fullDatabase();
  const folder = temporaryFolder();
  const env = { DATABASE_URL: source.url };
  const file = join(folder, 'all.backup');
  await run(['backup', file], env);
  const bytes = readFileSync(file);
  writeFileSync(join(folder, 'short'), bytes.subarray(0, bytes.length - 100));
  writeFileSync(join(folder, 'foreign'), 'id,name\n');
  const target = { DATABASE_URL: await newDatabase() };
  const nowhere = 'postgres://outdial:secret@127.0.0.1:1/outdial';
  const cases: [string[], Record<string, string>, number, RegExp][] = [
    [['restore', join(folder, 'short')], target, 1, /^outdial: The backup is damaged: it ends before its end/],
    [['restore', join(folder, 'foreign')], target, 1, /^outdial: This is no backup/],
    [['restore', join(folder, 'absent')], target, 1, /^outdial: Cannot read .*absent \(ENOENT\)\.$/m],
    [['restore', folder], target, 1, /it is a folder/],
    [['restore', file], { DATABASE_URL: nowhere }, 1, /^outdial: connect ECONNREFUSED 127\.0\.0\.1:1\n$/],
    [['backup', join(folder, 'a', 'b')], env, 1, /^outdial: Cannot write .* \(ENOENT\)/],
    [['backup', folder], env, 1, /it is a folder/],
    [['backup', '/dev/full'], env, 1, /^outdial: Cannot write \/dev\/full \(ENOSPC\)\. Nothing is left of it\.\n$/],
    [['backup', join(folder, 'x')], target, 1, /^outdial: There is no Outdial in this database/],
    [['move', '--to', nowhere], env, 1, /^outdial: connect ECONNREFUSED 127\.0\.0\.1:1\n$/],
    [['move', '--to', 'mysql://x'], env, 2, /It must be a URL that begins with postgres/],
    [['move', '--to', source.url], env, 2, /there is nothing to move/],
  ];
  for (const [args, given, code, message] of cases) {
    const ended = await run(args, given);
    expect([args, ended.code, ended.stderr, ended.stdout]).toEqual([args, code, expect.stringMatching(message), '']);
  }
  expect(await relations(target.DATABASE_URL)).toBe(0);
  expect(readdirSync(folder).sort()).toEqual(['all.backup', 'foreign', 'short']);
});

const shell = async (command: string, env: Record<string, string>): Promise<{ code: number | null; stderr: string }> => {
  const child = spawn('sh', ['-c', command], {
    env: { PATH: process.env.PATH ?? '', HOME: tmpdir(), NODE: process.execPath, PROGRAM, ...env },
    cwd: tmpdir(),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const [code] = await once(child, 'close');
  return { code, stderr };
};

test('it goes through a pipe, and a full disk leaves nothing', async () => {
  const source = await fullDatabase();
  const [FROM, TO] = [source.url, await newDatabase()];
  const command = 'DATABASE_URL=$FROM "$NODE" "$PROGRAM" backup - | DATABASE_URL=$TO "$NODE" "$PROGRAM" restore -';
  const piped = await shell(command, { FROM, TO });
  expect(piped).toEqual({ code: 0, stderr: expect.stringMatching(/^\d+ rows of \d+ tables as of .*Z: \d+ bytes in -\.\n$/) });
  const [theirs, ours] = [await readRows(await open(FROM)), await readRows(await open(TO))];
  expect(ours.api_keys).toEqual(theirs.api_keys);

  const folder = temporaryFolder();
  // In blocks of 512 bytes or of 1024: less than the backup takes either way.
  const full = await shell(`ulimit -f 4; "$NODE" "$PROGRAM" backup ${folder}/x`, { DATABASE_URL: FROM });
  expect([full.code, full.stderr, readdirSync(folder)]).toEqual([1, expect.stringMatching(/Cannot write .*x \(EFBIG\)/), []]);
  const damaged = await newDatabase();
  const cut = await shell('DATABASE_URL=$FROM "$NODE" "$PROGRAM" backup - | head -c 9000 | DATABASE_URL=$TO "$NODE" "$PROGRAM" restore -', {
    FROM,
    TO: damaged,
  });
  expect([cut.code, cut.stderr]).toEqual([1, expect.stringMatching(/The backup is damaged: it ends before its end/)]);
  expect(await relations(damaged)).toBe(0);
});

// A process that is killed when a statement is about to leave it.
const killedAt = async (
  args: readonly string[],
  url: string,
  at: RegExp,
  { env = {}, signal = 'SIGKILL' }: { env?: Record<string, string>; signal?: NodeJS.Signals } = {},
): Promise<Ended> => {
  let killed = false;
  const wire = await startPostgresWire(url, (statement) =>
    at.test(statement)
      ? {
          before: () => {
            killed = true;
            started.child.kill(signal);
            // It never leaves.
            return new Promise<boolean>(() => {});
          },
        }
      : undefined,
  );
  closeLater(wire.close);
  const started = start(
    args.map((arg) => (arg === 'WIRE' ? wire.url : arg)),
    { DATABASE_URL: wire.url, ...env },
  );
  const ended = await started.ended;
  expect(killed).toBe(true);
  return ended;
};

test('an interrupted backup leaves nothing, and a broken connection is told', async () => {
  const source = await fullDatabase();
  const folder = temporaryFolder();
  await killedAt(['backup', join(folder, 'all.backup')], source.url, /^copy "webhook_messages"/, { signal: 'SIGINT' });
  expect(readdirSync(folder)).toEqual([]);
  const wire = await startPostgresWire(source.url, (statement) => (/^copy "leads"/.test(statement) ? { before: () => false } : undefined));
  closeLater(wire.close);
  const broken = await run(['backup', join(folder, 'all.backup')], { DATABASE_URL: wire.url });
  expect([broken.code, broken.stderr]).toEqual([
    1,
    'outdial: The connection to the database broke before the end: run the command again.\n',
  ]);
  expect(readdirSync(folder)).toEqual([]);
});

test('kill -9 in the middle of a backup leaves no file of that name; in the middle of a restore an empty database', async () => {
  const source = await fullDatabase();
  const folder = temporaryFolder();
  const file = join(folder, 'all.backup');
  await killedAt(['backup', file], source.url, /^copy "webhook_messages"/);
  expect(readdirSync(folder)).toEqual([expect.stringMatching(/^\.all\.backup\.[0-9a-f]+\.part$/)]);
  expect((await run(['backup', file], { DATABASE_URL: source.url })).code).toBe(0);

  const target = await newDatabase();
  for (const at of [/^copy "leads"/, /^alter table "calls" add constraint/, /^commit$/]) {
    await killedAt(['restore', file], target, at);
    await untilAlone(target);
    expect(await relations(target)).toBe(0);
  }
  expect((await run(['restore', file], { DATABASE_URL: target })).code).toBe(0);
});

test('a move is refused beside a server; after it the old database says where everything is', async () => {
  const source = await fullDatabase();
  const target = await newDatabase();
  const env = { DATABASE_URL: source.url };
  const server = await serve(env, ['--role', 'api']);
  const refused = await run(['move', '--to', target], env);
  expect([refused.code, refused.stderr]).toEqual([
    1,
    expect.stringMatching(/^outdial: The database is in use \(.*stop every process of Outdial/),
  ]);
  await stop(server);
  await untilAlone(source.url);
  // Killed when everything is copied, and before anything is committed: as if nothing had been.
  await killedAt(['move', '--to', 'WIRE'], target, /^alter table "calls" add constraint/, { env });
  await Promise.all([untilAlone(source.url), untilAlone(target)]);
  expect([await relations(target), (await run(['migrate'], env)).code]).toEqual([0, 0]);
  await untilAlone(source.url);

  const moved = await run(['move', '--to', target], env);
  expect([moved.code, moved.stderr]).toEqual([0, '']);
  const place = target.replace(/:[^:@/]+@/, '@');
  expect(moved.stdout).toContain(`Everything is in ${place} now`);
  expect(moved.stdout).toMatch(/^leads +\d+ +the same$/m);
  for (const command of [['serve'], ['leads', 'list'], ['migrate']]) {
    const ended = await run(command, { ...env, PORT: '0' });
    expect([ended.code, ended.stderr]).toEqual([1, expect.stringContaining(`outdial: This database was moved to ${place} and is closed`)]);
  }
  const served = await serve({ DATABASE_URL: target }, ['--role', 'api']);
  const campaigns = await ask(`${served.url}/api/user/campaigns`, source.token);
  expect(JSON.stringify(campaigns.body)).toContain('"status":"in-progress"');
});
