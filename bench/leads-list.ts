// How long GET /api/user/leads takes over HTTP, page by page, on PostgreSQL with many leads in one account.
//
//   npm run bench:leads -- [--leads 100000] [--requests 200]
//
// Uses the database in DATABASE_URL, which must be new and empty, else a PostgreSQL of its own. One client asks after the other, so a
// figure is the time of one request; the floor (`me`, which does nothing but authenticate) is measured in the same run.
import { parseArgs } from 'node:util';
import { sql } from 'kysely';
import { pino } from 'pino';
import { insertAccount, mintKey } from '../src/accounts/accounts.store.ts';
import { loadConfig } from '../src/config.ts';
import { openDatabase } from '../src/db/open.ts';
import type { Db } from '../src/db/schema.ts';
import { startServer } from '../src/server.ts';
import { startPostgres } from '../test/support/postgres-server.ts';

const { values } = parseArgs({ options: { leads: { type: 'string', default: '100000' }, requests: { type: 'string', default: '200' } } });
const leads = Number(values.leads);
const requests = Number(values.requests);

/** An account with twenty campaigns and as many leads as asked for, every tenth with a contact; a second account beside it. */
const fill = async (db: Db): Promise<string> => {
  const now = new Date();
  const account = await insertAccount(db, { name: 'Bench', email: 'bench@outdial.example' }, now);
  const other = await insertAccount(db, { name: 'Other', email: 'other@outdial.example' }, now);
  const key = await mintKey(db, account.id, 'bench', now);
  for (const { id } of [account, other]) {
    await sql`
      with assistant as (
        insert into assistants (account_id, name, type, mode, variables, post_call_schema, is_webhook_active, settings, created_at, updated_at)
        values (${id}::bigint, 'Bench', 'outbound', 'pipeline', '{}', '[]', false, '{}', now(), now()) returning id
      )
      insert into campaigns (account_id, assistant_id, name, max_calls_in_parallel, mark_complete_when_no_leads, allowed_hours_start_time,
        allowed_hours_end_time, allowed_days, max_retries, retry_interval, retry_on_voicemail, retry_on_goal_incomplete, created_at, updated_at)
      select ${id}::bigint, assistant.id, 'Campaign ' || n, 3, true, '00:00:00', '23:59:00', '[]', 3, 60, false, false, now(), now()
      from assistant, generate_series(1, 20) n`.execute(db);
    await sql`
      with own as (select array_agg(id) as ids from campaigns where account_id = ${id}::bigint)
      insert into leads (account_id, campaign_id, phone_number, variables, status, created_at, updated_at)
      select ${id}::bigint, ids[1 + n % 20], '+1202' || lpad(n::text, 8, '0'), json_build_object('first_name', 'Name ' || n, 'plan', 'Basic'),
        (array['created', 'completed', 'rescheduled', 'reached-max-retries'])[1 + n % 4],
        timestamptz '2026-01-01' + n * interval '1 minute', timestamptz '2026-01-01' + n * interval '1 minute'
      from own, generate_series(1, ${leads}::integer) n`.execute(db);
  }
  await sql`
    insert into leads (account_id, campaign_id, primary_id, position, phone_number, variables, status, created_at, updated_at)
    select account_id, campaign_id, id, 1, phone_number || '9', '{}', 'created', created_at, updated_at
    from leads where primary_id is null and id % 10 = 0`.execute(db);
  return key.token;
};

const percentile = (sorted: readonly number[], share: number): string => (sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(1);

const measure = async (name: string, url: string, token: string): Promise<void> => {
  const times: number[] = [];
  let bytes = 0;
  for (let i = 0; i < requests + 20; i += 1) {
    const start = performance.now();
    const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
    bytes = (await response.text()).length;
    if (!response.ok) throw new Error(`${name}: ${response.status}`);
    // The first ones warm up.
    if (i >= 20) times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  console.log(`| ${name} | ${percentile(times, 0.5)} | ${percentile(times, 0.95)} | ${bytes} |`);
};

const postgres = process.env.DATABASE_URL === undefined ? await startPostgres() : undefined;
const url = process.env.DATABASE_URL ?? postgres?.url ?? '';
const opened = await openDatabase({ kind: 'server', url });
const token = await fill(opened.db);
const config = { ...loadConfig({ RATE_LIMIT: '0' }), PORT: 0 };
const server = await startServer(config, opened, { log: pino({ level: 'silent' }), role: 'api' });
const list = `${server.url}/api/user/leads`;
const pages = (perPage: number) => Math.ceil(leads / perPage);

const header = (state: string) => console.log(`\n${state}\n\n| request | median | 95 % | bytes |\n| --- | --- | --- | --- |`);

console.log(`${leads} leads in the account, as many in another; ${requests} requests each, one at a time; milliseconds`);

// Right after a large import, before autovacuum has been there, no index can be read without the table.
await sql`analyze`.execute(opened.db);
header('Just filled');
await measure('page 1', list, token);
await measure('last page', `${list}?page=${pages(15)}`, token);

// Vacuum marks only what has reached the disk; the test server's commits take a moment to.
await sql`select pg_sleep(2)`.execute(opened.db);
await sql`vacuum analyze`.execute(opened.db);
header('As autovacuum leaves it');
await measure('floor: GET /api/user/me', `${server.url}/api/user/me`, token);
await measure('page 1', list, token);
await measure('last page', `${list}?page=${pages(15)}`, token);
await measure('middle page', `${list}?page=${Math.floor(pages(15) / 2)}`, token);
await measure('page 1, 100 a page', `${list}?per_page=100`, token);
await measure('last page, 100 a page', `${list}?per_page=100&page=${pages(100)}`, token);
await measure('status', `${list}?status=completed`, token);
await measure('status, last page', `${list}?status=completed&page=${pages(60)}`, token);
await measure('campaign', `${list}?campaign_id=1`, token);
await measure('one day', `${list}?date_from=2026-01-20&date_to=2026-01-20`, token);
await measure('phone number, a part', `${list}?phone_number=4321`, token);
await measure('phone number, the start', `${list}?phone_number=%2B120200012`, token);

await server.stop();
await postgres?.stop();
