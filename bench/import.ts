// How fast a CSV file becomes leads, beside a bare COPY of the same rows into the same table with the same indexes and triggers, and what
// memory the server takes for it.
//
//   npm run bench:import -- [--rows 300000]
//
// Uses a PostgreSQL of its own. The COPY streams a file, before and after the import; their mean is what the import is
// measured by, since the indexes grow.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, createWriteStream, mkdtempSync, openAsBlob, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { sql } from 'kysely';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { openDatabase } from '../src/db/open.ts';
import { startPostgres } from '../test/support/postgres-server.ts';
import { makeAccount } from './support/account.ts';
import { NODE_ARGS } from './support/node-args.ts';
import { circumstances, markdownTable, writeSection } from './support/report.ts';

const { values } = parseArgs({ options: { rows: { type: 'string', default: '300000' } } });
const rows = Number(values.rows);
const PROGRAM = fileURLToPath(new URL('../bin/outdial.js', import.meta.url));
const CITIES = ['Boston', 'Chicago', 'Denver', 'Zürich', 'Iași'];

const cellsOf = (index: number): string[] => [`Name ${index}`, `O'Brien ${index % 977}`, CITIES[index % CITIES.length] ?? '', 'Basic'];
// Not in order, as numbers in a file are not. 7,919 is prime, so none comes twice.
const numberOf = (index: number, area: number): string => `+1${area}${String((index * 7919) % 10_000_000).padStart(7, '0')}`;

const writeLines = (path: string, line: (index: number) => string, header = ''): Promise<void> => {
  const lines = function* (): Generator<string, void> {
    yield header;
    for (let from = 0; from < rows; from += 1000) {
      yield Array.from({ length: Math.min(1000, rows - from) }, (_, i) => line(from + i)).join('');
    }
  };
  return pipeline(Readable.from(lines()), createWriteStream(path, { mode: 0o644 }));
};

const copy = async (databaseUrl: string, folder: string, accountId: number, campaignId: number, area: number): Promise<number> => {
  const path = join(folder, `copy-${area}.csv`);
  await writeLines(path, (index) => {
    const [first, last, city, plan] = cellsOf(index);
    const variables = JSON.stringify({ first_name: first, last_name: last, city, plan }).replaceAll('"', '""');
    return `${accountId},${campaignId},${numberOf(index, area)},"${variables}",created,now,now,now\n`;
  });
  const client = new pg.Client(databaseUrl);
  await client.connect();
  const start = performance.now();
  const columns = 'account_id, campaign_id, phone_number, variables, status, due_at, created_at, updated_at';
  await pipeline(createReadStream(path), client.query(copyFrom(`copy leads (${columns}) from stdin with (format csv)`)));
  const seconds = (performance.now() - start) / 1000;
  await client.end();
  return rows / seconds;
};

const highWater = (pid: number): number => Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;

const importFile = async (databaseUrl: string, folder: string, key: string, campaignId: number) => {
  const path = join(folder, 'import.csv');
  await writeLines(path, (index) => `${numberOf(index, 303)},${cellsOf(index).join(',')}\n`, 'phone,first_name,last_name,city,plan\n');
  const env = { ...process.env, DATABASE_URL: databaseUrl, DATA_DIR: folder, PORT: '0', LOG_LEVEL: 'warn', RATE_LIMIT: '0' };
  const child = spawn(process.execPath, [...NODE_ARGS, PROGRAM, 'serve', '--role', 'api'], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    let printed = '';
    child.stdout.on('data', (chunk: Buffer) => {
      printed += chunk.toString();
    });
    while (!/ready at \S+\s/.test(printed)) await pause(20);
    const url = /ready at (\S+)/.exec(printed)?.[1] ?? '';
    const headers = { authorization: `Bearer ${key}`, prefer: 'respond-async' };
    const form = new FormData();
    form.set('campaign_id', String(campaignId));
    form.set('file', await openAsBlob(path), 'import.csv');
    const start = performance.now();
    const answer = await fetch(`${url}/api/user/leads/import`, { method: 'POST', body: form, headers });
    const { id } = (await answer.json()) as { id: number };
    let end = { status: 'running', counts: {} };
    while (end.status === 'running') {
      await pause(100);
      end = (await (await fetch(`${url}/api/user/leads/import/${id}`, { headers })).json()) as typeof end;
    }
    const seconds = (performance.now() - start) / 1000;
    if (end.status !== 'completed') throw new Error(`The import ended as ${JSON.stringify(end)}`);
    return { perSecond: rows / seconds, peak: highWater(child.pid ?? 0) };
  } finally {
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
};

const folder = mkdtempSync(join(tmpdir(), 'outdial-bench-'));
const postgres = await startPostgres();
try {
  const opened = await openDatabase({ kind: 'server', url: postgres.url });
  const { db } = opened;
  const { id: accountId, token: key, campaigns } = await makeAccount(db, 3);
  const [one = 0, two = 0, three = 0] = campaigns;
  const before = await copy(postgres.url, folder, accountId, one, 201);
  const { perSecond, peak } = await importFile(postgres.url, folder, key, two);
  const after = await copy(postgres.url, folder, accountId, three, 305);
  const version = await sql<{ v: string }>`select current_setting('server_version') as v`.execute(db);
  await opened.close();
  const bare = (before + after) / 2;
  writeSection(
    'Import',
    `\`npm run bench:import -- --rows ${rows}\`. A CSV of ${rows} rows with a number and four variables, from the upload to the end of the import.

${circumstances([`PostgreSQL ${version.rows[0]?.v}`])}

${markdownTable(
  ['', 'rows per second', 'of the bare COPY'],
  [
    ['bare COPY before', Math.round(before), ''],
    ['import', Math.round(perSecond), `${Math.round((perSecond / bare) * 100)} %`],
    ['bare COPY after', Math.round(after), ''],
  ],
)}

Peak memory of the server process (RSS): ${Math.round(peak)} MiB.`,
  );
} finally {
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
}
