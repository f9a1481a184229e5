// How many rings a second are left when some leads are refused by the carrier each time, among many that it accepts.
//
//   npm run bench:refused -- [--refused 0,1,31] [--seconds 60] [--accounts 3] [--lines 16] [--speed 1] [--latency 200]
//
// The refused ones are all leads of an account of their own, so that nobody is before them. Calls last as long as in life, and the carrier takes `latency` milliseconds
// to accept one, while it refuses at once. Uses the database in DATABASE_URL, which must be new and empty, else a PostgreSQL of its own;
// each number of refused leads has leads and accounts of its own.
import { parseArgs } from 'node:util';
import { sql } from 'kysely';
import { pino } from 'pino';
import { insertAccount } from '../src/accounts/accounts.store.ts';
import type { PlaceResult } from '../src/carriers/carrier.ts';
import { createSimulatedCarrier } from '../src/carriers/simulated/simulated-carrier.ts';
import { openDatabase } from '../src/db/open.ts';
import { startDialer } from '../src/dialer/dialer.ts';
import { databaseClock } from '../src/dialer/lease.store.ts';
import { createSqlLedger } from '../src/dialer/sql-ledger.store.ts';
import { realTime } from '../src/scheduler.ts';
import { enqueuePostCalls } from '../src/webhooks/webhooks.store.ts';
import { startPostgres } from '../test/support/postgres-server.ts';

const { values } = parseArgs({
  options: {
    refused: { type: 'string', default: '0,1,31' },
    seconds: { type: 'string', default: '60' },
    accounts: { type: 'string', default: '3' },
    lines: { type: 'string', default: '16' },
    speed: { type: 'string', default: '1' },
    latency: { type: 'string', default: '200' },
  },
});
const { seconds, accounts, lines, speed, latency } = Object.fromEntries(
  Object.entries(values).map(([name, value]) => [name, Number(value)]),
) as Record<keyof typeof values, number>;
const LEADS = 5000;

const clock = () => new Date();
const postgres = process.env.DATABASE_URL === undefined ? await startPostgres(undefined, { durable: true }) : undefined;
const opened = await openDatabase({ kind: 'server', url: process.env.DATABASE_URL ?? postgres?.url ?? '' });
const { db } = opened;

/** A campaign in an account of its own, with leads whose numbers end so. */
const insertCampaign = async (name: string, leads: number, digits: string): Promise<void> => {
  const { id } = await insertAccount(db, { name, email: `${name}@outdial.example` }, clock());
  await sql`update accounts set max_parallel_calls = ${lines}, max_calls_in_parallel = ${lines} where id = ${id}`.execute(db);
  await sql`
    with number as (
      insert into phone_numbers (account_id, phone_number, country_code, type, created_at, updated_at)
      values (${id}::bigint, '+12025550100', 'US', 'sip', now(), now()) returning id
    ), assistant as (
      insert into assistants (account_id, name, type, mode, variables, post_call_schema, is_webhook_active, phone_number_id, settings,
        created_at, updated_at)
      select ${id}::bigint, 'Bench', 'outbound', 'pipeline', '{}', '[]', false, number.id, '{}', now(), now() from number returning id
    ), campaign as (
      insert into campaigns (account_id, assistant_id, name, status, timezone, max_calls_in_parallel, mark_complete_when_no_leads,
        allowed_hours_start_time, allowed_hours_end_time, allowed_days, max_retries, retry_interval, retry_on_voicemail,
        retry_on_goal_incomplete, created_at, updated_at)
      select ${id}::bigint, assistant.id, 'Bench', 'in-progress', 'UTC', ${lines}::integer, false, '00:00:00', '23:59:00',
        '["monday","tuesday","wednesday","thursday","friday","saturday","sunday"]', 3, 60, false, false, now(), now()
      from assistant returning id
    )
    insert into leads (account_id, campaign_id, phone_number, variables, status, due_at, created_at, updated_at)
    select ${id}::bigint, campaign.id, '+1' || lpad((2000000 + n)::text, 8, '0') || ${digits}, '{}',
      'created', now() - interval '1 hour' + n * interval '1 microsecond', now(), now()
    from campaign, generate_series(1, ${leads}::integer) n`.execute(db);
};

const answerLate = async (place: () => Promise<PlaceResult>): Promise<PlaceResult> => {
  const result = await place();
  if (result.kind === 'accepted') await new Promise((resolve) => setTimeout(resolve, latency));
  return result;
};

/** Rings a second. */
const measure = async (refused: number): Promise<number> => {
  await sql`update campaigns set status = 'stopped'`.execute(db);
  await sql`delete from carrier_pauses`.execute(db);
  for (let index = 0; index < accounts; index += 1) await insertCampaign(`bench-${refused}-${index}`, LEADS, '00');
  if (refused > 0) await insertCampaign(`bench-${refused}-refused`, refused, '80');
  await sql`vacuum analyze`.execute(db);
  const carrier = createSimulatedCarrier({ scheduler: realTime(clock), speed });
  const dialer = await startDialer({
    ledger: createSqlLedger(db, { clock: databaseClock, sendingMs: 20_000, reportWaitMs: 60_000, tell: enqueuePostCalls }),
    carrier: { ...carrier, place: (request, signal) => answerLate(() => carrier.place(request, signal)) },
    schedule: realTime(clock),
    log: pino({ level: 'error' }),
  });
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const rings = carrier.rings().length;
  await dialer.stop();
  return rings / seconds;
};

const counts = values.refused.split(',').map(Number);
const figures: [refused: number, rings: number][] = [];
for (const refused of counts) figures.push([refused, await measure(refused)]);
const [, first] = figures[0] ?? [0, 1];
console.log(`${accounts} accounts of ${lines} lines, ${seconds} s each`);
console.log('\n| refused leads | rings a second | of the first |\n| --- | --- | --- |');
for (const [refused, rings] of figures) console.log(`| ${refused} | ${rings.toFixed(1)} | ${((100 * rings) / first).toFixed(0)} % |`);

await opened.close();
await postgres?.stop();
