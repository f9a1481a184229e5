// How long a backup and its restore take beside the bare COPY of the same tables, and what memory that takes.
//
//   npm run bench:backup -- [--leads 1000000]
//
// Uses a PostgreSQL of its own. Every tenth lead has a call with a transcript.
import { createReadStream, createWriteStream, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { sql } from 'kysely';
import { verifyBackup } from '../src/backup/backup.reader.ts';
import { backUp } from '../src/backup/backup.ts';
import { writeNewFile } from '../src/backup/backup.writer.ts';
import { copyStatement } from '../src/backup/load.ts';
import { restore } from '../src/backup/restore.ts';
import { listTables } from '../src/backup/tables.store.ts';
import { openDatabase } from '../src/db/open.ts';
import type { Db } from '../src/db/schema.ts';
import { connectAlone, type SoleConnection } from '../src/db/sole-connection.ts';
import { runOnServer, startPostgres, urlOf } from '../test/support/postgres-server.ts';
import { makeAccount } from './support/account.ts';
import { circumstances, markdownTable, writeSection } from './support/report.ts';

const { values } = parseArgs({ options: { leads: { type: 'string', default: '1000000' } } });
const leads = Number(values.leads);

const fill = async (db: Db): Promise<void> => {
  const { id } = await makeAccount(db);
  for (let from = 1; from <= leads; from += 50_000) {
    await sql`
      insert into leads (account_id, campaign_id, phone_number, variables, status, created_at, updated_at)
      select ${id}::bigint, (select id from campaigns), '+1202' || lpad(n::text, 8, '0'),
        json_build_object('first_name', 'Name ' || n, 'last_name', 'O''Brien, ' || md5(n::text), 'city', 'Zürich', 'plan', 'Basic', 'balance', -n),
        'created', now(), now()
      from generate_series(${from}::integer, ${Math.min(leads, from + 49_999)}::integer) n`.execute(db);
  }
  await sql`
    insert into calls (account_id, assistant_id, campaign_id, lead_id, attempt_no, state, status, phone_number, caller_number, carrier, simulated,
      worker, sent_at, variables, transcript, created_at, updated_at)
    select account_id, (select id from assistants limit 1), campaign_id, id, 1, 'ended', 'completed', phone_number, '+12025550100', 'simulated', true,
      'bench', now(), variables,
      (select json_agg(json_build_object('text', md5(id::text || g) || ' Hello.', 'type', 'transcript', 'sender', 'bot', 'timestamp', g)) from generate_series(1, 20) g),
      now(), now()
    from leads where id % 10 = 0`.execute(db);
};

const MEGABYTE = 1_048_576;

const measure = async (act: () => Promise<unknown>): Promise<{ seconds: number; rss: string }> => {
  globalThis.gc?.();
  const before = process.memoryUsage.rss();
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, process.memoryUsage.rss());
  }, 20);
  const began = performance.now();
  await act();
  clearInterval(timer);
  const megabytes = (bytes: number): number => Math.round(bytes / MEGABYTE);
  return { seconds: (performance.now() - began) / 1000, rss: `${megabytes(before)} → ${megabytes(most)}` };
};

const folder = mkdtempSync(join(tmpdir(), 'outdial-bench-'));
const postgres = await startPostgres();
const database = async (name: string, migrated: boolean): Promise<SoleConnection> => {
  await runOnServer(postgres.url, `create database ${name}`);
  const url = urlOf(postgres.url, name);
  if (migrated) await (await openDatabase({ kind: 'server', url })).close();
  return connectAlone(url, 'bench');
};
const source = await database('bench_source', true);
await fill(source.db);
await sql`vacuum analyze`.execute(source.db);
const tables = await listTables(source.db);
const quiet = () => {};
const file = join(folder, 'all.backup');
const bare = (name: string): string => join(folder, `${name}.copy`);

const copyOut = await measure(async () => {
  for (const table of tables) await pipeline(source.copyOut(copyStatement(table, 'to stdout')), createWriteStream(bare(table.name)));
});
const backup = await measure(() => writeNewFile(file, true, async (sink) => void (await backUp(source, sink, 'bench', quiet))));
const verify = await measure(() => verifyBackup(createReadStream(file, { highWaterMark: 262_144 })));
const filled = await database('bench_filled', true);
const copyIn = await measure(async () => {
  // As whoever loads the tables as they stand: references in their order, through all indexes, without the triggers.
  const order = ['accounts', 'api_keys', 'phone_numbers', 'assistants', 'campaigns', 'leads', 'calls'];
  for (const name of order) {
    const table = tables.find((one) => one.name === name);
    if (table === undefined) continue;
    await filled.query(`alter table ${name} disable trigger user`);
    await pipeline(createReadStream(bare(name)), filled.copyIn(copyStatement(table, 'from stdin')));
  }
});
const target = await database('bench_target', false);
const restored = await measure(() => restore(target, createReadStream(file, { highWaterMark: 262_144 }), new Date(), quiet));

const size = tables.reduce((sum, { name }) => sum + statSync(bare(name)).size, 0);
const row = (what: string, { seconds, rss }: { seconds: number; rss: string }, beside: number, bytes: number) => [
  what,
  seconds.toFixed(1),
  (seconds / beside).toFixed(1),
  Math.round(bytes / MEGABYTE),
  rss,
];
writeSection(
  'Backup and restore',
  [
    `\`npm run bench:backup -- --leads ${leads}\`: ${circumstances()}`,
    `${leads.toLocaleString('en')} leads with five variables each, every tenth with a call and its transcript. Beside: how many times as long as the bare COPY, which neither counts, compresses nor compares; on the way in it fills the tables as they stand, through all their indexes. Memory is the resident set of the process, before and at most.`,
    markdownTable(
      ['what', 'seconds', 'beside', 'MB', 'memory, MB'],
      [
        row('bare COPY out', copyOut, copyOut.seconds, size),
        row('outdial backup', backup, copyOut.seconds, statSync(file).size),
        row('looking through the file', verify, copyOut.seconds, statSync(file).size),
        row('bare COPY in', copyIn, copyIn.seconds, size),
        row('outdial restore', restored, copyIn.seconds, statSync(file).size),
      ],
    ),
  ].join('\n\n'),
);
for (const connection of [source, filled, target]) await connection.close();
await postgres.stop();
rmSync(folder, { recursive: true, force: true });
