// Backup, restore and move with the embedded database: while a server runs on it, into another folder, and to a PostgreSQL server.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { ask, migratedFolder, newDatabase, run, serve, stop, temporaryFolder } from './outdial.ts';

const CONTACTS = fileURLToPath(new URL('../../examples/contacts.csv', import.meta.url));

const leadsOf = async (url: string, key: string | undefined): Promise<number> =>
  ((await ask(`${url}/api/user/leads?per_page=1`, key)).body as { total: number }).total;

const post = (url: string, key: string | undefined, path: string, body: object, method = 'POST') =>
  ask(`${url}/api/user/${path}`, key, { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });

const fill = async (folder: string) => {
  const server = await serve({ DATA_DIR: folder }, ['--role', 'api']);
  const imported = await run(['leads', 'import', CONTACTS, '--campaign', 'Spring', '--country', 'RO'], { DATA_DIR: folder });
  expect(imported.code, imported.stderr).toBe(0);
  await post(server.url, server.key, 'phone-numbers', { phone_number: '+12025550100' });
  await post(server.url, server.key, 'campaign/1', { phone_number_ids: [1], timezone: 'UTC' }, 'PUT');
  expect((await post(server.url, server.key, 'campaigns/update-status', { campaign_id: 1, action: 'start' })).status).toBe(200);
  expect((await post(server.url, server.key, 'blacklist', { phone_number: '+12025550199' })).status).toBe(201);
  return server;
};

test('a backup of a running server is restored into another folder, where nobody is called until a person says so', async () => {
  const folder = migratedFolder();
  const server = await fill(folder);
  const file = join(temporaryFolder(), 'outdial.backup');
  const made = await run(['backup', file], { DATA_DIR: folder });
  expect(made.code, made.stderr).toBe(0);
  const leads = await leadsOf(server.url, server.key);
  expect(leads).toBeGreaterThan(20);

  const other = join(temporaryFolder(), 'other');
  const restored = await run(['restore', file], { DATA_DIR: other });
  expect(restored.code, restored.stderr).toBe(0);
  const again = await serve({ DATA_DIR: other });
  expect(await leadsOf(again.url, server.key)).toBe(leads);
  expect((await ask(`${again.url}/api/user/campaign/1`, server.key)).body).toMatchObject({ status: 'stopped' });
  expect((await ask(`${again.url}/api/user/blacklist`, server.key)).body).toMatchObject({ total: 1 });
  expect((await run(['leads', 'recount'], { DATA_DIR: other })).code).toBe(0);
  const twice = await run(['restore', file], { DATA_DIR: other });
  expect(twice.code).toBe(1);
  expect(twice.stderr.trim().split('\n')).toHaveLength(1);
});

test('a move to a server takes everything along, is refused while somebody uses the folder, and closes it', async () => {
  const folder = migratedFolder();
  const server = await fill(folder);
  const leads = await leadsOf(server.url, server.key);
  const url = await newDatabase();
  const refused = await run(['move', '--to', url], { DATA_DIR: folder });
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain('in use');
  expect((await stop(server)).code).toBe(0);

  const moved = await run(['move', '--to', url], { DATA_DIR: folder });
  expect(moved.code, moved.stderr).toBe(0);
  expect(moved.stdout).toContain('DATABASE_URL');
  const there = await serve({ DATABASE_URL: url, DATA_DIR: folder }, ['--role', 'api']);
  expect(await leadsOf(there.url, server.key)).toBe(leads);
  expect((await ask(`${there.url}/api/user/campaign/1`, server.key)).body).toMatchObject({ status: 'in-progress' });

  const left = await run(['serve'], { DATA_DIR: folder, PORT: '0' });
  expect(left.code).toBe(1);
  expect(left.stderr).toMatch(/^outdial: This database was moved to /);
  expect(left.stderr).not.toContain(new URL(url).password);
});
