// How fast a list of leads leaves as a file, in each form, and what memory that takes.
//
//   npm run bench:export -- [--leads 300000] [--embedded]
//
// Uses a PostgreSQL of its own (DATABASE_URL: that one, which must be new and empty), or with --embedded the embedded database. The
// reader is part of the same process and throws away what it reads.
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { sql } from 'kysely';
import { pino } from 'pino';
import { loadConfig } from '../src/config.ts';
import { openDatabase } from '../src/db/open.ts';
import type { Db } from '../src/db/schema.ts';
import { startServer } from '../src/server.ts';
import { startPostgres } from '../test/support/postgres-server.ts';
import { makeAccount } from './support/account.ts';
import { circumstances, markdownTable, writeSection } from './support/report.ts';

const { values } = parseArgs({ options: { leads: { type: 'string', default: '300000' }, embedded: { type: 'boolean', default: false } } });
const leads = Number(values.leads);

/** An account with as many leads as asked for, five variables each, every other with a contact. */
const fill = async (db: Db): Promise<string> => {
  const { id, token } = await makeAccount(db);
  for (let from = 1; from <= leads; from += 50_000) {
    await sql`
      insert into leads (account_id, campaign_id, phone_number, variables, status, created_at, updated_at)
      select ${id}::bigint, (select id from campaigns), '+1202' || lpad(n::text, 8, '0'),
        json_build_object('first_name', 'Name ' || n, 'last_name', 'O''Brien, ' || md5(n::text), 'city', 'Zürich', 'plan', 'Basic', 'balance', -n),
        'created', now(), now()
      from generate_series(${from}::integer, ${Math.min(leads, from + 49_999)}::integer) n`.execute(db);
  }
  await sql`
    insert into leads (account_id, campaign_id, primary_id, position, phone_number, variables, status, created_at, updated_at)
    select account_id, campaign_id, id, 1, phone_number || '9', '{"relation": "spouse"}', 'created', created_at, updated_at
    from leads where primary_id is null and id % 2 = 0`.execute(db);
  return token;
};

const MEGABYTE = 1_048_576;
const RSS_EVERY = 20;

interface Run {
  bytes: number;
  firstByte: number;
  seconds: number;
  rss: number;
}

const download = (url: string, token: string): Promise<Run> =>
  new Promise((resolve, reject) => {
    const began = performance.now();
    let [bytes, firstByte, rss] = [0, 0, 0];
    const timer = setInterval(() => {
      rss = Math.max(rss, process.memoryUsage.rss());
    }, RSS_EVERY);
    http
      .get(url, { headers: { authorization: `Bearer ${token}` }, agent: false }, (response) => {
        if (response.statusCode !== 200) reject(new Error(`The server answered ${response.statusCode}`));
        response.on('data', (chunk: Buffer) => {
          if (bytes === 0) firstByte = (performance.now() - began) / 1000;
          bytes += chunk.length;
        });
        response.on('error', reject).on('end', () => {
          clearInterval(timer);
          resolve({ bytes, firstByte, seconds: (performance.now() - began) / 1000, rss });
        });
      })
      .on('error', reject);
  });

const folder = mkdtempSync(join(tmpdir(), 'outdial-bench-'));
const postgres = values.embedded || process.env.DATABASE_URL !== undefined ? undefined : await startPostgres();
const url = process.env.DATABASE_URL ?? postgres?.url ?? '';
const opened = await openDatabase(values.embedded ? { kind: 'folder', dataDir: folder } : { kind: 'server', url });
const token = await fill(opened.db);
await sql`vacuum analyze`.execute(opened.db);
const server = await startServer({ ...loadConfig({ RATE_LIMIT: '0' }), PORT: 0 }, opened, { log: pino({ level: 'silent' }), role: 'api' });

const rows: (string | number)[][] = [];
for (const [name, query] of [
  ['csv', 'format=csv'],
  ['csv, four columns', 'format=csv&columns=phone_number,first_name,city,status'],
  ['xlsx', 'format=xlsx'],
  ['ndjson', 'format=ndjson'],
] as const) {
  const before = process.memoryUsage.rss();
  const run = await download(`${server.url}/api/user/leads/export?${query}`, token);
  rows.push([
    name,
    Math.round(leads / run.seconds).toLocaleString('en'),
    run.seconds.toFixed(1),
    run.firstByte.toFixed(2),
    Math.round(run.bytes / MEGABYTE),
    `${Math.round(before / MEGABYTE)} → ${Math.round(run.rss / MEGABYTE)}`,
  ]);
}

const where = values.embedded ? 'the embedded database' : 'PostgreSQL';
writeSection(
  `Export from ${where}`,
  [
    `\`npm run bench:export -- --leads ${leads}${values.embedded ? ' --embedded' : ''}\`: ${circumstances()}`,
    `${leads.toLocaleString('en')} leads with five variables each, every other with a contact, in one account. Memory is the resident set of the whole process, before and at most.`,
    markdownTable(['form', 'leads a second', 'seconds', 'until the first byte', 'MB', 'memory, MB'], rows),
  ].join('\n\n'),
);
await server.stop();
await postgres?.stop();
rmSync(folder, { recursive: true, force: true });
