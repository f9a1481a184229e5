// A server that is killed while it imports a file: the next one goes on, and no row is lost or doubled. On both databases.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { ask, migratedFolder, newDatabase, type Served, serve, stop, temporaryFolder } from './outdial.ts';

const ROWS = 20_000;
const REPEATED = 10;
const BAD = 5;

// Numbers that differ, some that are repeated at the end, and some that are none.
const file = (): string => {
  const numbers = Array.from({ length: ROWS }, (_, index) => `+1202${5_500_000 + index},Name ${index}`);
  return ['phone,name', ...numbers, ...numbers.slice(0, REPEATED), ...Array(BAD).fill('none,x')].join('\n');
};

interface Import {
  status: string;
  counts: { rows: number };
}

const importOf = async (server: Served, key: string | undefined, path: string): Promise<Import> =>
  (await ask(`${server.url}${path}`, key)).body as Import;

const makeCampaign = async ({ url }: Served, key: string | undefined): Promise<number> => {
  const post = async (path: string, fields: object) => {
    const headers = { 'content-type': 'application/json' };
    return (
      (await ask(`${url}/api/user/${path}`, key, { method: 'POST', body: JSON.stringify(fields), headers })).body as {
        data: { id: number };
      }
    ).data;
  };
  const { starterAssistant } = await import('../../src/assistants/starter-assistant.ts');
  const assistant = await post('assistant', starterAssistant());
  return (await post('campaign', { name: 'Renewals', assistant_id: assistant.id })).id;
};

const begin = async ({ url }: Served, key: string | undefined, campaign: number): Promise<string> => {
  const form = new FormData();
  form.set('campaign_id', String(campaign));
  form.set('file', new Blob([file()]), 'contacts.csv');
  const headers = { authorization: `Bearer ${key}`, prefer: 'respond-async' };
  const response = await fetch(`${url}/api/user/leads/import`, { method: 'POST', body: form, headers });
  expect(response.status).toBe(201);
  return new URL(response.headers.get('location') ?? '').pathname;
};

const databases: [string, () => Promise<Record<string, string>>][] = [
  ['the embedded database', async () => ({ DATA_DIR: migratedFolder() })],
  ['PostgreSQL', async () => ({ DATA_DIR: temporaryFolder(), DATABASE_URL: await newDatabase() })],
];

test.each(databases)('killed twice in the middle, on %s', async (_name, settings) => {
  const env = await settings();
  let server = await serve(env);
  const { key } = server;
  const campaign = await makeCampaign(server, key);
  const path = await begin(server, key, campaign);
  let before = 0;
  for (let kill = 0; kill < 2; kill += 1) {
    const one = server;
    await vi.waitFor(async () => expect((await importOf(one, key, path)).counts.rows).toBeGreaterThan(before), {
      timeout: 60_000,
      interval: 5,
    });
    server.child.kill('SIGKILL');
    await server.ended;
    server = await serve(env);
    const seen = await importOf(server, key, path);
    expect(seen.status).toBe('running');
    before = seen.counts.rows;
  }
  const last = server;
  await vi.waitFor(async () => expect((await importOf(last, key, path)).status).toBe('completed'), { timeout: 120_000, interval: 100 });
  expect(await importOf(server, key, path)).toMatchObject({
    counts: { rows: ROWS + REPEATED + BAD, imported: ROWS, duplicates: REPEATED, failed: BAD },
  });
  const leads = await ask(`${server.url}/api/user/leads?campaign_id=${campaign}`, key);
  expect(leads.body).toMatchObject({ total: ROWS });
  const report = await fetch(`${server.url}${path}/report`, { headers: { authorization: `Bearer ${key}` } });
  expect((await report.text()).trim().split('\r\n').length).toBe(1 + REPEATED + BAD);
  expect(readdirSync(join(env.DATA_DIR ?? '', 'imports'))).toEqual([]);
  await stop(server);
});
