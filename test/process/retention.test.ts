// How long things are kept, and erasing a person, from the command line and by a running server.
import pg from 'pg';
import { expect, test } from 'vitest';
import { newDatabase, run, serve, stop } from './outdial.ts';

const NUMBER = '+12025550143';

const withClient = async <Result>(url: string, act: (client: pg.Client) => Promise<Result>): Promise<Result> => {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return await act(client);
  } finally {
    await client.end();
  }
};

test('the server removes what was kept as long as the account says, and a command does not', async () => {
  const DATABASE_URL = await newDatabase();
  const env = { DATABASE_URL };
  await run(['account', 'create', '--name', 'Acme', '--email', 'ops@acme.example'], env);
  const updated = await run(['account', 'update', '1', '--retention-months', '3', '--json'], env);
  expect(JSON.parse(updated.stdout)).toMatchObject({ retention_months: 3 });
  for (const months of ['0', '25', 'x']) expect((await run(['account', 'update', '1', '--retention-months', months], env)).code).toBe(2);
  await withClient(DATABASE_URL, async (client) => {
    const decide = `insert into decisions (account_id, verdict, reason, facts, decided_at, last_at)
      select 1, 'refuse', 'test', '{}', now() - days * interval '1 day', now() - days * interval '1 day' from unnest(array[80, 100]) days`;
    await client.query(decide);
    const left = async (): Promise<number> => Number((await client.query('select count(*) as n from decisions')).rows[0].n);
    expect((await run(['leads', 'list'], env)).code).toBe(0);
    expect(await left()).toBe(2);
    const server = await serve({ ...env, LOG_LEVEL: 'info' });
    for (let looks = 0; looks < 500 && (await left()) > 1; looks += 1) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await left()).toBe(1);
    const { stdout, stderr } = await stop(server);
    expect(stdout + stderr).toMatch(/"removed":\{"1":\{"decisions":1\}\}/);
  });
});

test('outdial erase: counts, asks to be told, erases, and finds nothing the second time', async () => {
  const DATABASE_URL = await newDatabase();
  const env = { DATABASE_URL };
  await run(['account', 'create', '--name', 'Acme', '--email', 'ops@acme.example'], env);
  await run(['account', 'create', '--name', 'Beta', '--email', 'ops@beta.example'], env);
  await withClient(DATABASE_URL, (client) =>
    client.query(`insert into decisions (account_id, verdict, reason, facts, decided_at, last_at)
      select account, 'refuse', 'blacklisted', json_build_object('phone_number', '${NUMBER}'), now(), now() from unnest(array[1, 2]) account`),
  );
  const erase = (...rest: string[]) => run(['erase', NUMBER, ...rest], env);
  expect((await erase('--yes')).stderr).toContain('There are several accounts');
  const unsure = await erase('--account', '1');
  expect([unsure.code, unsure.stdout, unsure.stderr]).toEqual([2, '', expect.stringContaining('--yes')]);
  const counted = await erase('--account', '1', '--dry-run', '--json');
  expect(JSON.parse(counted.stdout)).toMatchObject({ dry_run: true, erased: { decisions: 1, leads: 0 } });
  const erased = await erase('--account', '1', '--yes');
  expect([erased.code, erased.stdout]).toEqual([0, 'Number erased.\nwhat       how many\ndecisions  1\n']);
  expect((await erase('--account', '1', '--yes')).stdout).toBe('Nothing is kept about this number.\n');
  expect(JSON.parse((await erase('--account', '2', '--yes', '--json')).stdout)).toMatchObject({ erased: { decisions: 1 } });
  const wrong = await run(['erase', '2025550143', '--account', '1', '--yes'], env);
  expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining('Invalid phone number')]);
});
