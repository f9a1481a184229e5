// How many attempts a second the dialer completes on PostgreSQL: claimed, sent, rung, settled, webhook enqueued.
//
//   npm run bench:dialer -- [--attempts 6000] [--waiting 10000] [--campaigns 1] [--loops 4] [--lines 400] [--pace 150]
//
// The leads are spread over the campaigns, each in an account of its own.
// Uses the database in DATABASE_URL, which must be new and empty, else a PostgreSQL of its own, with fsync and
// synchronous_commit on. The simulated carrier answers at once, so that nothing but the dialer is measured.
import { parseArgs } from 'node:util';
import { sql } from 'kysely';
import { pino } from 'pino';
import { insertAccount } from '../src/accounts/accounts.store.ts';
import { createSimulatedCarrier } from '../src/carriers/simulated/simulated-carrier.ts';
import { openDatabase } from '../src/db/open.ts';
import type { Db } from '../src/db/schema.ts';
import { DEFAULT_SETTINGS, startDialer } from '../src/dialer/dialer.ts';
import { databaseClock } from '../src/dialer/lease.store.ts';
import type { Ledger } from '../src/dialer/ledger.ts';
import { createSqlLedger } from '../src/dialer/sql-ledger.store.ts';
import { realTime } from '../src/scheduler.ts';
import { enqueuePostCalls } from '../src/webhooks/webhooks.store.ts';
import { startPostgres } from '../test/support/postgres-server.ts';

const { values } = parseArgs({
  options: {
    attempts: { type: 'string', default: '6000' },
    waiting: { type: 'string', default: '10000' },
    campaigns: { type: 'string', default: '1' },
    loops: { type: 'string', default: '4' },
    lines: { type: 'string', default: '400' },
    pace: { type: 'string', default: '150' },
  },
});
const { attempts, waiting, campaigns, loops, lines, pace } = Object.fromEntries(
  Object.entries(values).map(([name, value]) => [name, Number(value)]),
) as Record<keyof typeof values, number>;

const clock = () => new Date();

/** A campaign that calls at once, with some leads waiting. */
const insertCampaign = async (db: Db, index: number, leads: number): Promise<void> => {
  const account = await insertAccount(db, { name: 'Bench', email: `bench-${index}@outdial.example` }, clock());
  await sql`update accounts set max_parallel_calls = ${lines}, max_calls_in_parallel = ${lines} where id = ${account.id}`.execute(db);
  const { rows } = await sql<{ id: number }>`
    with number as (
      insert into phone_numbers (account_id, phone_number, country_code, type, created_at, updated_at)
      values (${account.id}::bigint, '+12025550100', 'US', 'sip', now(), now()) returning id
    ), assistant as (
      insert into assistants (account_id, name, type, mode, variables, post_call_schema, is_webhook_active, webhook_url, phone_number_id, settings,
        created_at, updated_at)
      select ${account.id}::bigint, 'Bench', 'outbound', 'pipeline', '{}', '[{"name":"status","type":"bool","description":"Done?"}]', true,
        'https://hooks.example.com/', number.id, '{}', now(), now() from number returning id
    )
    insert into campaigns (account_id, assistant_id, name, status, timezone, max_calls_in_parallel, mark_complete_when_no_leads,
      allowed_hours_start_time, allowed_hours_end_time, allowed_days, max_retries, retry_interval, retry_on_voicemail, retry_on_goal_incomplete,
      created_at, updated_at)
    select ${account.id}::bigint, assistant.id, 'Bench', 'in-progress', 'UTC', ${lines}::integer, false, '00:00:00', '23:59:00',
      '["monday","tuesday","wednesday","thursday","friday","saturday","sunday"]', 3, 60, false, false, now(), now()
    from assistant returning id`.execute(db);
  const campaign = rows[0]?.id ?? 0;
  await sql`
    insert into leads (account_id, campaign_id, phone_number, variables, status, due_at, created_at, updated_at)
    select ${account.id}::bigint, ${campaign}::bigint, '+1' || lpad((2000000 + n)::text, 8, '0') || '00', json_build_object('first_name', 'Name ' || n),
      'created', now() - interval '1 hour' + n * interval '1 microsecond', now(), now()
    from generate_series(1, ${leads}::integer) n`.execute(db);
};

const fill = async (db: Db): Promise<void> => {
  for (let index = 0; index < campaigns; index += 1) await insertCampaign(db, index, Math.ceil(waiting / campaigns));
  await sql`vacuum analyze`.execute(db);
};

const percentile = (sorted: readonly number[], share: number): string => (sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(1);

/** The ledger, with the time of each claim that reserved something. */
const timeClaims = (ledger: Ledger, times: number[]): Ledger => ({
  ...ledger,
  claim: async (...args) => {
    const start = performance.now();
    const result = await ledger.claim(...args);
    if (result.reserved.length > 0) times.push(performance.now() - start);
    return result;
  },
});

const ended = async (db: Db): Promise<number> => {
  const { rows } = await sql<{ n: number }>`select count(*)::integer as n from calls where state = 'ended'`.execute(db);
  return rows[0]?.n ?? 0;
};

const postgres = process.env.DATABASE_URL === undefined ? await startPostgres(undefined, { durable: true }) : undefined;
const opened = await openDatabase({ kind: 'server', url: process.env.DATABASE_URL ?? postgres?.url ?? '', maxConnections: loops * 4 });
const { db } = opened;
await fill(db);
const { rows: settings } = await sql<{ s: string }>`
  select string_agg(name || '=' || setting, ', ') as s from pg_settings where name in ('fsync', 'synchronous_commit')`.execute(db);

const claims: number[] = [];

/** Runs the dialers until `done` says so. @returns the seconds that it took. */
const dialUntil = async (done: () => Promise<boolean>): Promise<number> => {
  const start = performance.now();
  const dialers = await Promise.all(
    Array.from({ length: loops }, () =>
      startDialer({
        ledger: timeClaims(
          createSqlLedger(db, { clock: databaseClock, sendingMs: 20_000, reportWaitMs: 60_000, tell: enqueuePostCalls }),
          claims,
        ),
        carrier: createSimulatedCarrier({ scheduler: realTime(clock), speed: 0 }),
        schedule: realTime(clock),
        log: pino({ level: 'warn' }),
        settings: DEFAULT_SETTINGS,
      }),
    ),
  );
  while (!(await done())) await new Promise((resolve) => setTimeout(resolve, 250));
  const seconds = (performance.now() - start) / 1000;
  await Promise.all(dialers.map((dialer) => dialer.stop()));
  return seconds;
};

const wanted = Math.min(attempts, waiting);
const seconds = await dialUntil(async () => (await ended(db)) >= wanted);
const done = await ended(db);
claims.sort((a, b) => a - b);
console.log(`${waiting} leads waiting in ${campaigns} campaigns, ${loops} dialer loops, ${lines} lines; ${settings[0]?.s}`);
console.log('\n| attempts | seconds | a second | claims | claim, median ms | claim, 95 % ms |\n| --- | --- | --- | --- | --- | --- |');
console.log(
  `| ${done} | ${seconds.toFixed(1)} | ${(done / seconds).toFixed(0)} | ${claims.length} | ${percentile(claims, 0.5)} | ${percentile(claims, 0.95)} |`,
);

// At a steady pace: from the instant at which a contact is due to its call.
const PACED_SECONDS = 15;
await sql`update leads set due_at = null where due_at is not null`.execute(db);
await sql`
  update leads set due_at = clock_timestamp() + interval '2 seconds' + paced.n * interval '1 second' / ${pace}::double precision
  from (select id, row_number() over (order by id) as n from leads where status = 'created' limit ${pace * PACED_SECONDS}) paced
  where leads.id = paced.id`.execute(db);
await dialUntil(async () => (await sql`select from leads where due_at is not null limit 1`.execute(db)).rows.length === 0);
const { rows: waits } = await sql<{ ms: number }>`
  select extract(epoch from sent_at - due_at)::double precision * 1000 as ms from calls
  where sent_at is not null order by id desc limit ${pace * PACED_SECONDS}`.execute(db);
const sorted = waits.map(({ ms }) => ms).sort((a, b) => a - b);
console.log('\n| paced, a second | calls | due to dial, median ms | 95 % | 99 % |\n| --- | --- | --- | --- | --- |');
console.log(`| ${pace} | ${sorted.length} | ${percentile(sorted, 0.5)} | ${percentile(sorted, 0.95)} | ${percentile(sorted, 0.99)} |`);

await opened.close();
await postgres?.stop();
