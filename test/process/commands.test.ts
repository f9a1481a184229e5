// The command line beside `serve`: accounts, keys, and leads both with and without a running server.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { ask, newDatabase, run, serve, stop, temporaryFolder } from './outdial.ts';

const CONTACTS = fileURLToPath(new URL('../../examples/contacts.csv', import.meta.url));

// biome-ignore lint/suspicious/noExplicitAny: what a command prints; the assertions say what it must be.
const json = (text: string): any => JSON.parse(text);

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
  expect((await run(['account', 'update', '1', '--max-parallel-calls', '0'], env)).code).toBe(2);
});

test('migrate brings a new folder up to date, in silence but for one line', async () => {
  const { code, stdout } = await run(['migrate'], { DATA_DIR: temporaryFolder() });
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'The database is up to date.\n' });
});

test('a list is imported and listed without a server, the campaign and its assistant made on the way', async () => {
  const env = { DATA_DIR: temporaryFolder() };
  const imported = await run(['leads', 'import', CONTACTS, '--campaign', 'Spring renewals', '--country', 'RO', '--json'], env);
  expect(imported.code, imported.stderr).toBe(0);
  const { counts, status } = json(imported.stdout);
  expect(status).toBe('completed');
  expect(counts.imported).toBeGreaterThan(20);
  expect(counts.rows).toBe((counts.imported ?? 0) + (counts.duplicates ?? 0) + (counts.failed ?? 0));
  expect(imported.stderr).toMatch(/Its first API key.*\d+\|/s);
  expect(imported.stderr).toContain('Made the campaign "Spring renewals"');

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

test('with a server on the folder, leads commands say how to proceed, and go through it with a key', async () => {
  const folder = temporaryFolder();
  const server = await serve({ DATA_DIR: folder });
  const port = new URL(server.url).port;
  const env = { DATA_DIR: folder, PORT: port };
  const refused = await run(['leads', 'list'], env);
  expect(refused.code).toBe(1);
  expect(refused.stderr.trim().split('\n')).toHaveLength(1);
  expect(refused.stderr).toContain('in use by a running server');
  expect(refused.stderr).toContain('--key');
  const keyCommand = await run(['key', 'create'], env);
  expect(keyCommand.stderr).toContain('stop that one');

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
  expect((await stop(server)).code).toBe(0);
});

test('a file that is not there, a campaign id that is not there: one line each, and nothing is made', async () => {
  const env = { DATABASE_URL: await newDatabase() };
  await run(['account', 'create', '--name', 'Acme', '--email', 'ops@acme.example'], env);
  const missing = await run(['leads', 'import', '/nowhere/contacts.csv', '--campaign', 'X'], env);
  expect({ code: missing.code, stderr: missing.stderr }).toEqual({ code: 1, stderr: 'outdial: Cannot read /nowhere/contacts.csv.\n' });
  const unknown = await run(['leads', 'import', CONTACTS, '--campaign', '12'], env);
  expect({ code: unknown.code, stderr: unknown.stderr }).toEqual({ code: 1, stderr: 'outdial: There is no campaign 12.\n' });
});

test('--map names the columns of a file whose header says nothing', async () => {
  const folder = temporaryFolder();
  const file = join(folder, 'odd.csv');
  writeFileSync(file, 'a,b,c\n+12025550143,Mara,x\n');
  const env = { DATABASE_URL: await newDatabase() };
  const unmapped = await run(['leads', 'import', file, '--campaign', 'Odd'], env);
  expect(unmapped.code).toBe(1);
  const mapped = await run(
    ['leads', 'import', file, '--campaign', 'Odd', '--map', 'a=phone_number', '--map', 'b=first_name', '--map', 'c=', '--json'],
    env,
  );
  expect(mapped.code, mapped.stderr).toBe(0);
  const listed = await run(['leads', 'list', '--json'], env);
  expect(json(listed.stdout)).toMatchObject({ data: [{ phone_number: '+12025550143', variables: { first_name: 'Mara' } }] });
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
