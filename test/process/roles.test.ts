// One database, several processes: one answers, others dial.

import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { ask, migratedFolder, newDatabase, run, serve, temporaryFolder } from './outdial.ts';

const CONTACTS = fileURLToPath(new URL('../../examples/contacts.csv', import.meta.url));

const DAYS = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'];
const WORKING = { assistant_id: 1, timezone: 'UTC', allowed_hours_start_time: '00:00', allowed_hours_end_time: '23:59' };
const dayAfterTomorrow = (): string => DAYS[(new Date().getUTCDay() + 2) % 7] ?? '';

const until = async (what: string, isSo: () => Promise<boolean>): Promise<void> => {
  for (const end = Date.now() + 20_000; !(await isSo()); ) {
    if (Date.now() > end) throw new Error(`${what}: not within 20 seconds`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

test('a role that does not exist is refused in a sentence', async () => {
  const wrong = await run(['serve', '--role', 'everything'], { DATA_DIR: temporaryFolder() });
  expect([wrong.code, wrong.stderr.includes('Allowed choices are api, dialer, worker, all')]).toEqual([2, true]);
});

test.each([
  ['PostgreSQL', async () => ({ DATABASE_URL: await newDatabase() })],
  ['the embedded database', async () => ({ DATA_DIR: migratedFolder() })],
])('what one process is asked, another dials, on %s', async (_name, makeDatabase) => {
  const database = await makeDatabase();
  const api = await serve(database, ['--role', 'api']);
  const post = (path: string, body: object, method = 'POST') =>
    ask(`${api.url}/api/user${path}`, api.key, {
      method,
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    }) as Promise<{ status: number; body: { data: { id: number } } }>;
  const number = (await post('/phone-numbers', { phone_number: '+12025550100' })).body.data.id;
  const { code } = await run(
    ['leads', 'import', CONTACTS, '--campaign', 'Spring', '--country', 'RO', '--url', api.url, '--key', api.key ?? ''],
    {},
  );
  expect(code).toBe(0);
  await post('/campaign/1', { phone_number_ids: [number], timezone: 'UTC' }, 'PUT');
  expect((await post('/campaigns/update-status', { campaign_id: 1, action: 'start' })).status).toBe(200);
  // Nobody dials yet, and nobody pretends to.
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const calls = () => ask(`${api.url}/api/user/calls`, api.key) as Promise<{ body: { total: number } }>;
  expect((await calls()).body.total).toBe(0);
  const dialer = await serve(database, ['--role', 'dialer']);
  expect((await ask(`${dialer.url}/readyz`, undefined)).status).toBe(200);
  await until('three calls', async () => (await calls()).body.total >= 3);

  // The dialer holds a campaign until its window opens; stopped, edited and started between two looks of it, it is another one.
  const closed = (await post('/campaign', { ...WORKING, name: 'Closed', phone_number_ids: [number], allowed_days: [dayAfterTomorrow()] }))
    .body.data.id;
  const lead = (await post('/lead', { campaign_id: closed, phone_number: '+12025550101' })).body.data.id;
  await post('/campaigns/update-status', { campaign_id: closed, action: 'start' });
  const history = async (): Promise<string> => JSON.stringify((await ask(`${api.url}/api/user/leads/${lead}/history`, api.key)).body);
  await until('a refusal', async () => (await history()).includes('outside_window'));
  const before = (await calls()).body.total;
  const opened = Date.now();
  await post('/campaigns/update-status', { campaign_id: closed, action: 'stop' });
  expect((await post(`/campaign/${closed}`, { allowed_days: DAYS }, 'PUT')).status).toBe(200);
  await post('/campaigns/update-status', { campaign_id: closed, action: 'start' });
  await until('a call', async () => (await calls()).body.total > before);
  expect(Date.now() - opened).toBeLessThan(5000);
});
