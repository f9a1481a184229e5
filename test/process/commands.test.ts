// The command line beside `serve`: accounts, keys, and leads both with and without a running server.
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { closeLater } from '../support/closing.ts';
import { ask, migratedFolder, newDatabase, run, serve, stop, temporaryFolder } from './outdial.ts';

const CONTACTS = fileURLToPath(new URL('../../examples/contacts.csv', import.meta.url));

// biome-ignore lint/suspicious/noExplicitAny: what a command prints; the assertions say what it must be.
const json = (text: string): any => JSON.parse(text);

// With --json every line of standard error is a value of its own.
const jsonLines = (text: string) => text.trim().split('\n').map(json);

const hasIpv6 = Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ family }) => family === 'IPv6'));

test('account create takes a key, refuses its id a second time and leaves no account behind then', async () => {
  const env = { DATABASE_URL: await newDatabase() };
  const create = (...rest: string[]) => run(['account', 'create', '--name', 'Acme', '--email', 'ops@acme.example', ...rest], env);
  const first = await create('--key', '7|abcdefghij0123456789', '--timezone', 'Europe/Vienna', '--json');
  expect(json(first.stdout)).toMatchObject({
    id: 1,
    name: 'Acme',
    timezone: 'Europe/Vienna',
    max_calls_in_parallel: 10,
    key: '7|abcdefghij0123456789',
  });
  const taken = await create('--key', '7|zyxwvutsrq0123456789');
  expect(taken.code).toBe(1);
  expect(taken.stderr).toContain('There is already a key with the id 7');
  const listed = await run(['account', 'list', '--json'], env);
  expect(json(listed.stdout)).toHaveLength(1);
  const next = await run(['key', 'create', '--json'], env);
  expect(json(next.stdout)).toMatchObject({ id: expect.any(Number), key: expect.stringMatching(/^\d+\|[A-Za-z0-9]{40}$/) });
  expect(Number(json(next.stdout).id)).toBeGreaterThan(7);
});

test('limits are the operator’s: account update', async () => {
  const env = { DATABASE_URL: await newDatabase() };
  await run(['account', 'create', '--name', 'Acme', '--email', 'ops@acme.example'], env);
  const updated = await run(['account', 'update', '1', '--max-calls-in-parallel', '25', '--json'], env);
  expect(json(updated.stdout)).toMatchObject({ max_calls_in_parallel: 25, max_parallel_calls: 10 });
  expect((await run(['account', 'update', '99', '--max-parallel-calls', '3'], env)).code).toBe(1);
  for (const limit of ['0', '2147483648']) expect((await run(['account', 'update', '1', '--max-parallel-calls', limit], env)).code).toBe(2);
});

test('a blank name is refused', async () => {
  for (const args of [
    ['account', 'create', '--email', 'ops@acme.example'],
    ['key', 'create'],
  ]) {
    const { code, stderr } = await run([...args, '--name', ' ', '--json'], { DATA_DIR: '/nowhere' });
    expect(code).toBe(2);
    expect(json(stderr).error.message).toContain('must not be blank');
  }
});

test('the first account takes the key in OUTDIAL_API_KEY, and is the only one; the next gets a new one', async () => {
  const env = { DATABASE_URL: await newDatabase(), OUTDIAL_API_KEY: '7|abcdefghij0123456789' };
  const create = (name: string, ...rest: string[]) =>
    run(['account', 'create', '--name', name, '--email', 'ops@acme.example', ...rest], env);
  const first = await create('Acme');
  expect(first.stdout).toContain('Account 1 (Acme) is made.\nIts API key is the one in OUTDIAL_API_KEY.');
  expect((await run(['leads', 'list'], env)).code).toBe(0);
  const second = await create('Beta', '--json');
  expect(json(second.stdout)).toMatchObject({ id: 2, key: expect.stringMatching(/^8\|[A-Za-z0-9]{40}$/) });
});

test('migrate brings a new folder up to date, in silence but for one line', async () => {
  const { code, stdout } = await run(['migrate'], { DATA_DIR: temporaryFolder() });
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'The database is up to date.\n' });
});

test('a list is imported and listed without a server, the campaign and its assistant made on the way', async () => {
  const env = { DATA_DIR: migratedFolder() };
  const imported = await run(['leads', 'import', CONTACTS, '--campaign', 'Spring renewals', '--country', 'RO', '--json'], env);
  expect(imported.code, imported.stderr).toBe(0);
  const { counts, status } = json(imported.stdout);
  expect(status).toBe('completed');
  expect(counts.imported).toBeGreaterThan(20);
  expect(counts.rows).toBe((counts.imported ?? 0) + (counts.duplicates ?? 0) + (counts.failed ?? 0));
  expect(jsonLines(imported.stderr)).toEqual([
    { note: expect.stringMatching(/Its first API key.*\d+\|/) },
    { note: expect.stringContaining('Made the assistant') },
    { note: expect.stringContaining('Made the campaign "Spring renewals"') },
  ]);

  const again = await run(
    ['leads', 'import', CONTACTS, '--campaign', 'spring renewals'.replace('s', 'S'), '--country', 'RO', '--json'],
    env,
  );
  expect(json(again.stdout)).toMatchObject({ counts: { imported: 0, duplicates: (counts.imported ?? 0) + (counts.duplicates ?? 0) } });

  const page = await run(['leads', 'list', '--per-page', '5', '--page', '2', '--json'], env);
  expect(json(page.stdout)).toMatchObject({ total: counts.imported, current_page: 2, per_page: 5 });
  const table = await run(['leads', 'list', '--phone', '+40'], env);
  expect(table.stdout).toMatch(/^id +phone number/);
  expect(table.stdout).toContain('Spring renewals');
});

test('beside a server on the folder every command works, on its database or through it', async () => {
  const folder = migratedFolder();
  // Addresses that stand for all of the machine: the URLs have to name one that can be connected to.
  const [HOST, reached] = hasIpv6 ? ['::', '[::1]'] : ['0.0.0.0', '127.0.0.1'];
  const server = await serve({ DATA_DIR: folder, HOST });
  const { hostname, port } = new URL(server.url);
  expect(hostname).toBe(reached);
  const env = { DATA_DIR: folder, HOST, PORT: port };
  expect((await run(['leads', 'list', '--json'], env)).code).toBe(0);
  const minted = await run(['key', 'create', '--json'], env);
  expect((await ask(`${server.url}/api/user/me`, json(minted.stdout).key)).status).toBe(200);
  expect((await run(['account', 'list'], env)).code).toBe(0);

  const imported = await run(['leads', 'import', CONTACTS, '--campaign', 'Spring renewals', '--country', 'RO'], {
    ...env,
    OUTDIAL_API_KEY: server.key ?? '',
  });
  expect(imported.code, imported.stderr).toBe(0);
  expect(imported.stdout).toContain('are now leads of campaign 1 (Spring renewals)');
  expect(imported.stdout).toContain('Rows that were not added:');
  const listed = await ask(`${server.url}/api/user/leads?per_page=1`, server.key);
  expect(listed.body).toMatchObject({ per_page: 1, total: expect.any(Number) });
  const viaUrl = await run(['leads', 'list', '--url', server.url, '--key', server.key ?? '', '--json'], { DATA_DIR: temporaryFolder() });
  expect(json(viaUrl.stdout)).toMatchObject({ current_page: 1 });
  expect((await run(['simulate', '--campaign', '1', '--days', '1'], env)).code).toBe(0);
  // The commands have come and gone, and the server's database has stayed.
  expect((await ask(`${server.url}/api/user/me`, server.key)).status).toBe(200);
  expect((await stop(server)).code).toBe(0);
});

test('a file that is not there, is a folder or is empty: one line, before anything is made', async () => {
  const folder = temporaryFolder();
  const empty = join(folder, 'empty.csv');
  writeFileSync(empty, '');
  for (const [file, message] of [
    ['/nowhere/contacts.csv', 'Cannot read /nowhere/contacts.csv.'],
    [folder, `Cannot read ${folder}: it is a folder, not a file.`],
    [empty, `The file ${empty} is empty.`],
  ] as const) {
    // A database that would be an error of its own if it were opened.
    const { code, stderr } = await run(['leads', 'import', file, '--campaign', 'X'], { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/x' });
    expect({ code, stderr }).toEqual({ code: 1, stderr: `outdial: ${message}\n` });
  }
});

test('a campaign id that is not there: one line', async () => {
  const env = { DATABASE_URL: await newDatabase() };
  await run(['account', 'create', '--name', 'Acme', '--email', 'ops@acme.example'], env);
  const unknown = await run(['leads', 'import', CONTACTS, '--campaign', '12'], env);
  expect({ code: unknown.code, stderr: unknown.stderr }).toEqual({ code: 1, stderr: 'outdial: There is no campaign 12.\n' });
});

test('a refused file leaves nothing behind; --map names the columns of one whose header says nothing', async () => {
  const folder = temporaryFolder();
  const file = join(folder, 'odd.csv');
  writeFileSync(file, 'a,b,c\n+12025550143,Mara,x\n');
  const server = await serve({ DATABASE_URL: await newDatabase() });
  const load = (campaign: string, ...rest: string[]) =>
    run(['leads', 'import', file, '--campaign', campaign, '--url', server.url, '--key', server.key ?? '', '--json', ...rest], {});
  const refusalOf = async (campaign: string): Promise<string> => {
    const { code, stderr } = await load(campaign);
    expect(code).toBe(1);
    return jsonLines(stderr).at(-1).error.message;
  };
  const all = async (path: string) => (await ask(`${server.url}/api/user/${path}`, server.key)).body;

  const unmapped = await refusalOf('Odd');
  expect(unmapped).toContain('No column of the file is known to hold the phone numbers.');
  expect(unmapped).toContain('Removed again, since made for this import: the campaign "Odd", the assistant "Starter assistant".');
  // Here the campaign itself is refused.
  expect(await refusalOf('x'.repeat(300))).toMatch(/Removed again, since made for this import: the assistant "Starter assistant"\.$/);
  expect(await all('campaigns')).toEqual([]);
  expect(await all('assistants')).toEqual([]);

  const mapped = await load('Odd', '--map', 'a=phone_number', '--map', 'b=first_name', '--map', 'c=');
  expect(mapped.code, mapped.stderr).toBe(0);
  expect(await all('leads')).toMatchObject({ data: [{ phone_number: '+12025550143', variables: { first_name: 'Mara' } }] });

  const ruled = await load('Odd', '--map', 'a=phone_number', '--require', 'b', '--type', 'c=number', '--dry-run');
  expect(json(ruled.stdout)).toMatchObject({ counts: { failed: 1 }, errors: [{ kind: 'bad_type', column: 'c' }] });

  // What was there before stays.
  expect(await refusalOf('Odd')).not.toContain('Removed');
  expect(await all('campaigns')).toMatchObject([{ name: 'Odd' }]);
  expect(await all('assistants')).toHaveLength(1);
});

test('when the connection breaks after the file was sent, the import may go on: that is said, and nothing is removed', async () => {
  const requests: string[] = [];
  const server = createServer(async (request, response) => {
    requests.push(`${request.method} ${request.url}`);
    for await (const _ of request);
    if (request.method === 'GET') response.end('[]');
    else if (request.url?.endsWith('/import')) request.socket.destroy();
    else response.end('{"data":{"id":7,"name":"made"}}');
  });
  closeLater(() => server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/base`;
  const { code, stderr } = await run(['leads', 'import', CONTACTS, '--campaign', 'X', '--url', url, '--key', 'k'], {});
  expect(code).toBe(1);
  expect(stderr).toContain('broke before the answer came (ECONNRESET)');
  expect(stderr).toContain('GET /api/user/leads/imports');
  expect(requests.at(-1)).toBe('POST /base/api/user/leads/import');
});

test('several accounts: the commands ask whose leads are meant', async () => {
  const env = { DATABASE_URL: await newDatabase() };
  for (const name of ['One', 'Two']) await run(['account', 'create', '--name', name, '--email', `${name}@acme.example`], env);
  const unclear = await run(['leads', 'list'], env);
  expect(unclear.stderr).toContain('--account ID');
  expect((await run(['leads', 'list', '--account', '2', '--json'], env)).code).toBe(0);
});

test('the example file is as messy as it claims', () => {
  const text = readFileSync(CONTACTS, 'utf8');
  expect(text.startsWith('\ufeff')).toBe(true);
  expect(text).toMatch(/""/);
  expect(text).toMatch(/[ăîșțéüö]/);
});
