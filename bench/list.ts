// GET /api/user/leads beside the same endpoint on the framework that the original runs on: the same rows, one PostgreSQL server, one run.
//
//   npm run bench:list -- [--seconds 4] [--peer-seconds 8] [--connections 1,8,32]
//
// Wants the peer up (a stock Laravel service with its own PostgreSQL; PEER_DIR, PEER_PORT and PEER_PGPORT as it was started with) and wrk.
// Our database is made beside the peer's on its server, with the peer's rows, and dropped again. A route of ours that authenticates and asks
// `select 1` is measured along: no list of ours can be faster than that. Each figure is taken after a warm-up of the same request, the three
// of a row right after each other.
import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { parseArgs, promisify } from 'node:util';
import { sql } from 'kysely';
import { hashSecret } from '../src/accounts/api-key.ts';
import { openDatabase } from '../src/db/open.ts';
import type { Db } from '../src/db/schema.ts';
import { NODE_ARGS } from './support/node-args.ts';
import { circumstances, markdownTable, writeSection } from './support/report.ts';

const run = promisify(execFile);
const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '4' },
    'peer-seconds': { type: 'string', default: '8' },
    connections: { type: 'string', default: '1,8,32' },
  },
});

const peer = {
  socket: `${process.env.PEER_DIR ?? '/tmp/peer'}/run`,
  port: process.env.PEER_PGPORT ?? '54329',
  url: `http://127.0.0.1:${process.env.PEER_PORT ?? '8081'}/api/user/leads`,
  token: '1|secret-1',
};
const ours = { port: 39_150, token: '1|benchbenchbenchbench1' };
const DATABASE = 'outdial_bench';

const databaseUrl = (name: string): string => `postgres://peer@localhost/${name}?host=${peer.socket}&port=${peer.port}`;

const SCENARIOS = [
  ['page 1', 'per_page=15'],
  ['status', 'per_page=15&status=completed'],
  ['campaign', 'per_page=15&campaign_id=7'],
  ['phone 41555', 'per_page=15&phone_number=41555'],
  ['page 10,000', 'per_page=15&page=10000'],
  ['one month', 'per_page=15&date_from=2025-03-01&date_to=2025-03-31'],
] as const;

/** The peer's accounts, campaigns and leads, as ours. */
const fill = async (db: Db): Promise<void> => {
  const from = `host=${peer.socket} port=${peer.port} user=peer dbname=peer`;
  await sql`create extension if not exists dblink`.execute(db);
  await sql`
    insert into accounts (id, name, email, created_at, updated_at) select g, 'User ' || g, 'user' || g || '@example.com', now(), now()
    from generate_series(1, 20) g`.execute(db);
  await sql`
    insert into api_keys (id, account_id, name, secret_hash, created_at) values (1, 1, 'bench', ${hashSecret('benchbenchbenchbench1')}, now())`.execute(
    db,
  );
  await sql`
    insert into assistants (id, account_id, name, type, mode, variables, post_call_schema, is_webhook_active, settings, created_at, updated_at)
    select g, g, 'Bench', 'outbound', 'pipeline', '{}', '[]', false, '{}', now(), now() from generate_series(1, 20) g`.execute(db);
  await sql`
    insert into campaigns (id, account_id, assistant_id, name, max_calls_in_parallel, mark_complete_when_no_leads, allowed_hours_start_time,
      allowed_hours_end_time, allowed_days, max_retries, retry_interval, retry_on_voicemail, retry_on_goal_incomplete, created_at, updated_at)
    select id, user_id, user_id, name, 3, true, '00:00:00', '23:59:00', '[]', 3, 60, false, false, now(), now()
    from dblink(${from}, 'select id, user_id, name from campaigns') as c (id bigint, user_id bigint, name text)`.execute(db);
  await sql`
    insert into leads (id, account_id, campaign_id, primary_id, position, phone_number, variables, status, duplicate_allowed, created_at, updated_at)
    select id, user_id, campaign_id, primary_id, position, phone_number, variables, status, true, created_at, updated_at
    from dblink(${from}, 'select id, user_id, campaign_id, primary_lead_id,
      case when primary_lead_id is not null then row_number() over (partition by primary_lead_id order by id) end,
      phone_number, variables, status, created_at, updated_at from leads order by id')
      as l (id bigint, user_id bigint, campaign_id bigint, primary_id bigint, position integer, phone_number text, variables json, status text,
        created_at timestamp, updated_at timestamp)
    on conflict do nothing`.execute(db);
  await sql`vacuum (analyze, freeze)`.execute(db);
};

interface Measured {
  perSecond: number;
  p50: number;
  p99: number;
}

const toMs = (text: string): number => {
  const value = Number.parseFloat(text);
  if (text.endsWith('us')) return value / 1000;
  return text.endsWith('ms') ? value : value * 1000;
};

const wrk = async (url: string, token: string, connections: number, seconds: string): Promise<Measured> => {
  const { stdout } = await run('wrk', [
    ...['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '60s', '--latency'],
    ...['-H', `Authorization: Bearer ${token}`, '-H', 'Accept: application/json', url],
  ]);
  if (/Non-2xx|Socket errors/.test(stdout)) throw new Error(`${url}\n${stdout}`);
  const find = (pattern: RegExp) => pattern.exec(stdout)?.[1] ?? 'NaN';
  return { perSecond: Number(find(/Requests\/sec:\s+(\S+)/)), p50: toMs(find(/^\s+50%\s+(\S+)/m)), p99: toMs(find(/^\s+99%\s+(\S+)/m)) };
};

// The peer may answer nobody in that time.
const ratio = (ours: number, theirs: number): string => (theirs === 0 ? 'no answer' : `${(ours / theirs).toFixed(1)} ×`);

const warmWrk = async (url: string, token: string, connections: number, seconds = values.seconds): Promise<Measured> => {
  await wrk(url, token, connections, '1');
  return wrk(url, token, connections, seconds);
};

const totalOf = async (url: string, token: string): Promise<number> => {
  const response = await fetch(url, { headers: { authorization: `Bearer ${token}`, accept: 'application/json' } });
  const { total } = (await response.json()) as { total: number };
  return total;
};

// Its processes work on what they were asked for until the end, also when nobody waits any more, and nothing else may be measured
// meanwhile. They take turns: when these are answered, so is everything before.
const calmPeer = (url: string) => Promise.all(Array.from({ length: 8 }, () => totalOf(url, peer.token)));

const requirePeer = async (): Promise<void> => {
  const isUp =
    existsSync(peer.socket) &&
    (await fetch(peer.url).then(
      () => true,
      () => false,
    ));
  const hasWrk = await run('wrk', ['-v']).then(
    () => true,
    // It says its version with exit code 1.
    (error: { code?: unknown }) => error.code === 1,
  );
  if (isUp && hasWrk) return;
  console.error(
    'The peer is not up, or wrk is missing. On Debian: apt-get install postgresql php-fpm php-cli php-pgsql php-mbstring php-xml ' +
      'php-laravel-framework nginx wrk; then PEER_DIR=/some/folder up.sh of the peer, and this with the same PEER_DIR.',
  );
  process.exit(1);
};

const serve = async (): Promise<() => void> => {
  const child = spawn(process.execPath, [...NODE_ARGS, 'bench/support/list-server.ts'], {
    env: { ...process.env, DATABASE_URL: databaseUrl(DATABASE), PORT: String(ours.port), RATE_LIMIT: '0', LOG_LEVEL: 'error' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise((resolve, reject) => {
    child.stdout.once('data', resolve);
    child.once('exit', () => reject(new Error('The server did not start.')));
  });
  return () => child.kill();
};

const DROP = `drop database if exists ${DATABASE} with (force)`;

const onPeer = (...commands: string[]) =>
  run('psql', [
    '-q',
    '-h',
    peer.socket,
    '-p',
    peer.port,
    '-U',
    'peer',
    '-d',
    'postgres',
    ...commands.flatMap((command) => ['-c', command]),
  ]);

await requirePeer();
await onPeer(DROP, `create database ${DATABASE}`);
const opened = await openDatabase({ kind: 'server', url: databaseUrl(DATABASE) });
await fill(opened.db);
const { rows: versions } = await sql<{ version: string }>`select split_part(version(), ' ', 2) as version`.execute(opened.db);
await opened.close();
const stop = await serve();
const base = `http://127.0.0.1:${ours.port}`;
const connections = values.connections.split(',').map(Number);
// Until the code that all lists share is compiled for good.
for (const [, query] of SCENARIOS) await wrk(`${base}/api/user/leads?${query}`, ours.token, 8, '4');
const rows: (string | number)[][] = [];
for (const [name, query] of SCENARIOS) {
  const list = `${base}/api/user/leads?${query}`;
  const [total, theirs] = [await totalOf(list, ours.token), await totalOf(`${peer.url}?${query}`, peer.token)];
  if (Math.abs(total - theirs) > 0) console.error(`${name}: we count ${total}, the peer ${theirs}`);
  for (const count of connections) {
    const slow = await warmWrk(`${peer.url}?${query}`, peer.token, count, values['peer-seconds']);
    await calmPeer(`${peer.url}?${query}`);
    const fast = await warmWrk(list, ours.token, count);
    const floor = await warmWrk(`${base}/bench/nothing`, ours.token, count);
    rows.push([
      ...[name, count, slow.perSecond.toFixed(1), fast.perSecond.toFixed(0), ratio(fast.perSecond, slow.perSecond)],
      ...[`${((fast.perSecond / floor.perSecond) * 100).toFixed(0)} %`, slow.p99.toFixed(1)],
      ...[fast.p50.toFixed(2), fast.p99.toFixed(2), floor.p99.toFixed(2)],
    ]);
  }
}
stop();
await onPeer(DROP);
writeSection(
  'The leads list, beside the peer',
  `\`npm run bench:list\`: 1,000,000 primary leads of 20 accounts (600,000 of them in the one that asks), 600,000 secondary contacts; the peer, our server,
wrk and PostgreSQL share the machine. Requests a second; milliseconds. The floor is a route of ours that authenticates and asks \`select 1\`.

${circumstances([`PostgreSQL ${versions[0]?.version ?? '?'}`])}

${markdownTable(['request', 'connections', 'peer /s', 'ours /s', 'ratio', 'of the floor', 'peer 99 %', 'ours 50 %', 'ours 99 %', 'floor 99 %'], rows)}`,
);
