// A backup is one instant of a database at work; a restore gives that instant back, and calls nobody.
import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { expect, inject, test } from 'vitest';
import { openBackup, verifyBackup } from '../../src/backup/backup.reader.ts';
import { backUp } from '../../src/backup/backup.ts';
import { createBackupWriter } from '../../src/backup/backup.writer.ts';
import { CopyRefusedError } from '../../src/backup/load.ts';
import { move } from '../../src/backup/move.ts';
import { restore } from '../../src/backup/restore.ts';
import { listTables, NOT_COPIED } from '../../src/backup/tables.store.ts';
import { applyMigrations, knownMigrations } from '../../src/db/migrate.ts';
import { openDatabase } from '../../src/db/open.ts';
import type { Db } from '../../src/db/schema.ts';
import { connectAlone, type SoleConnection } from '../../src/db/sole-connection.ts';
import { recountLeads } from '../../src/leads/recount.store.ts';
import { startApp } from '../support/app.ts';
import { closeLater } from '../support/closing.ts';
import { readRows } from '../support/compare-databases.ts';
import { emptyDatabase, freshConnection } from '../support/copying.ts';
import { startDialing } from '../support/dialing.ts';
import { fillDatabase } from '../support/full-database.ts';
import { runOnServer } from '../support/postgres-server.ts';

const NOW = new Date('2026-06-01T12:00:00Z');
const quiet = () => {};

const takeBackup = async (source: SoleConnection): Promise<Buffer> => {
  const parts: Uint8Array[] = [];
  await backUp(source, async (bytes) => void parts.push(Buffer.from(bytes)), '9.9.9', quiet);
  return Buffer.concat(parts);
};

const inPieces = async function* (bytes: Buffer, size = 10_000): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
};

const open = async (url: string): Promise<Db> => {
  const { db, close } = await openDatabase({ kind: 'server', url, onIdleError: () => {} });
  closeLater(close);
  return db;
};

test('every table that holds rows is copied, or named with the reason why not', async () => {
  const { db } = await freshConnection();
  const { rows } = await sql<{ name: string }>`
    select format('%s%s', case when n.nspname <> 'public' then n.nspname || '.' end, c.relname) as name
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'm', 'f') and not c.relispartition and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')`.execute(
    db,
  );
  const there = rows.map(({ name }) => name);
  const copied = (await listTables(db)).map(({ name }) => name);
  expect(there.sort()).toEqual([...copied, ...Object.keys(NOT_COPIED)].sort());
  expect(copied.length).toBeGreaterThan(20);
});

test('what is filled for these tests leaves no table of today empty', async () => {
  const { db } = await freshConnection();
  await fillDatabase(db);
  const empty = Object.entries(await readRows(db)).filter(([, rows]) => rows.length === 0);
  expect(empty.map(([name]) => name)).toEqual([]);
});

test('a backup restored elsewhere is the same, but for what keeps everybody from being called', async () => {
  const source = await freshConnection();
  const made = await fillDatabase(source.db);
  const before = await readRows(source.db);
  const bytes = await takeBackup(source.connection);
  expect(await readRows(source.db)).toEqual(before);

  const target = await emptyDatabase();
  const summary = await restore(target.connection, inPieces(bytes), NOW, quiet);
  expect(summary.counts).toEqual({
    campaignsStopped: 1,
    reservationsRevoked: 1,
    callsGivenUp: 4,
    importsInterrupted: 1,
    webhooksPending: 1,
  });
  const db = await open(target.url);
  const after = await readRows(db);

  const changed = Object.keys(before).filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
  expect(changed.sort()).toEqual(
    [
      'calls',
      'campaigns',
      'carrier_pauses',
      'changes',
      'decisions',
      'import_issues',
      'imports',
      'lead_cells',
      'lead_count_changes',
      'lead_spans',
      'leads',
      'webhook_messages',
    ].filter((name) => changed.includes(name)),
  );
  // What is only added to has all that it had.
  for (const name of ['changes', 'decisions', 'import_issues']) expect(after[name]).toEqual(expect.arrayContaining(before[name] ?? []));

  const campaigns = await db.selectFrom('campaigns').select(['id', 'status']).orderBy('id').execute();
  expect(campaigns).toEqual([
    { id: made.running, status: 'stopped' },
    { id: made.draft, status: 'draft' },
  ]);
  const [told] = await db.selectFrom('decisions').selectAll().where('reason', '=', 'restored').execute();
  expect(told).toMatchObject({
    campaign_id: made.running,
    lead_id: null,
    verdict: 'refuse',
    facts: { status: 'stopped', backup_of: summary.header.taken_at },
  });

  const calls = await db
    .selectFrom('calls')
    .select(['id', 'state', 'outcome', 'reason'])
    .where('id', 'in', Object.values(made.calls))
    .orderBy('id')
    .execute();
  expect(calls.map(({ state, outcome }) => [state, outcome])).toEqual([
    ['ended', 'revoked'],
    ['ended', 'lost'],
    ['ended', 'lost'],
    ['ended', 'lost'],
    ['ended', 'lost'],
  ]);
  const leads = await db
    .selectFrom('leads')
    .select(['id', 'status', 'due_at'])
    .where('id', 'in', Object.values(made.leads))
    .orderBy('id')
    .execute();
  expect(leads.map(({ status, due_at }) => [status, due_at !== null])).toEqual([
    ['created', true],
    ...Array(4).fill(['reached-max-retries', false]),
  ]);
  // The contacts behind a lost call are not called in its place.
  const contacts = await db.selectFrom('leads').select('due_at').where('primary_id', 'is not', null).execute();
  expect(contacts.every(({ due_at }) => due_at === null)).toBe(true);

  expect(await db.selectFrom('carrier_pauses').selectAll().execute()).toEqual([]);
  expect(await db.selectFrom('dialers').selectAll().execute()).toEqual([]);
  const [message] = await db.selectFrom('webhook_messages').selectAll().execute();
  expect(message).toMatchObject({ state: 'pending', lease_until: null });
  const [one] = await db.selectFrom('imports').selectAll().execute();
  expect(one).toMatchObject({ status: 'failed', spool: null, runner: null });
  expect(await recountLeads(db)).toEqual({ totals: 0, cells: 0 });
});

test('no id of the source is given again, nor one that it may have given after the backup', async () => {
  const source = await freshConnection();
  await fillDatabase(source.db);
  const lastOf = async (db: Db, table: string) =>
    (await sql<{ v: number }>`select nextval(pg_get_serial_sequence(${table}, 'id')) as v`.execute(db)).rows[0]?.v ?? 0;
  const tables = ['accounts', 'leads', 'calls', 'lead_count_changes', 'webhook_messages'];
  const bytes = await takeBackup(source.connection);
  const target = await emptyDatabase();
  await restore(target.connection, inPieces(bytes), NOW, quiet);
  for (const table of tables) {
    const [theirs, ours] = [await lastOf(source.db, table), await lastOf(target.connection.db, table)];
    expect([table, ours - theirs]).toEqual([table, ['leads', 'calls'].includes(table) ? 1_000_000 : expect.any(Number)]);
    expect(ours).toBeGreaterThanOrEqual(theirs);
  }
});

test('indexes, references, triggers and defaults are as the migrations make them', async () => {
  const describe = async (db: Db) =>
    (
      await sql<{ what: string }>`
        select pg_get_indexdef(indexrelid) as what from pg_index where indrelid::regclass::text not like 'pg_%'
        union all select conrelid::regclass || ' ' || conname || pg_get_constraintdef(oid) || convalidated::text from pg_constraint where conrelid <> 0
        union all select tgrelid::regclass || ' ' || tgname || tgenabled::text from pg_trigger where not tgisinternal order by 1`.execute(
        db,
      )
    ).rows;
  const source = await freshConnection();
  await fillDatabase(source.db);
  const bytes = await takeBackup(source.connection);
  const target = await emptyDatabase();
  await restore(target.connection, inPieces(bytes), NOW, quiet);
  expect(await describe(target.connection.db)).toEqual(await describe(source.db));
});

// So that a restore has nothing to stop, and changes nothing.
const calmDown = async (db: Db): Promise<void> => {
  await sql`update campaigns set status = 'stopped' where status = 'in-progress'`.execute(db);
  await sql`update calls set state = 'ended', outcome = 'no-answer', lease_until = null where state <> 'ended'`.execute(db);
  await sql`update imports set status = 'completed', spool = null, runner = null`.execute(db);
  await sql`delete from carrier_pauses`.execute(db);
  await sql`update webhook_messages set lease_until = null`.execute(db);
};

test('a backup taken while others write is one instant of all tables, to the last row', async () => {
  const source = await freshConnection();
  const made = await fillDatabase(source.db);
  await calmDown(source.db);
  let writing = true;
  let written = 0;
  // Each has leads of its own: of two that change the same ones in any order, one would be broken off.
  const write = async (prefix: string, rest: number) => {
    while (writing) {
      written += 1;
      const number = `+1${prefix}${String(written).padStart(7, '0')}`;
      await source.db.transaction().execute(async (trx) => {
        await sql`insert into dnc_numbers (account_id, phone_number, created_at) values (${made.accountId}, ${number}, now())`.execute(trx);
        await sql`
          insert into leads (account_id, campaign_id, phone_number, variables, status, created_at, updated_at)
          values (${made.accountId}, ${made.draft}, ${number}, '{}', 'created', now(), now())`.execute(trx);
        await sql`
          update leads set status = case status when 'completed' then 'created' else 'completed' end
          where campaign_id = ${made.draft} and id % 2 = ${rest} and id % 17 = ${written % 17}`.execute(trx);
        await sql`delete from leads where campaign_id = ${made.draft} and id % 2 = ${rest} and id % 101 = ${written % 101}`.execute(trx);
      });
    }
  };
  const reader = await connectAlone(source.url, 'test');
  closeLater(reader.close);
  const writers = [write('303', 0), write('404', 1)];
  const parts: Buffer[] = [];
  let snapshot: Record<string, string[]> | undefined;
  const sink = async (bytes: Uint8Array): Promise<void> => {
    parts.push(Buffer.from(bytes));
    if (parts.length !== 2) return;
    // The header is written, and no row yet: somebody else looks at the same snapshot, and writing goes on meanwhile.
    const { rows } = await sql<{ id: string }>`select pg_export_snapshot() as id`.execute(source.connection.db);
    snapshot = await reader.db
      .transaction()
      .setIsolationLevel('repeatable read')
      .execute(async (trx) => {
        await sql`set transaction snapshot ${sql.lit(rows[0]?.id)}`.execute(trx);
        return readRows(trx);
      });
    for (const more = written + 10; written < more; ) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  while (written < 20) await new Promise((resolve) => setTimeout(resolve, 5));
  await backUp(source.connection, sink, 'x', quiet);
  writing = false;
  await Promise.all(writers);
  const target = await emptyDatabase();
  await restore(target.connection, inPieces(Buffer.concat(parts)), NOW, quiet);
  expect(await readRows(target.connection.db)).toEqual(snapshot);
  expect(await readRows(source.db)).not.toEqual(snapshot);
  expect(await recountLeads(target.connection.db)).toEqual({ totals: 0, cells: 0 });
});

test('after a restore and a start nobody rings again whose call was under way, and the others ring once', async () => {
  const t = await startApp();
  const made = await fillDatabase(t.db);
  const source = await connectAlone(t.database.url ?? '', 'test');
  closeLater(source.close);
  const bytes = await takeBackup(source);
  const target = await emptyDatabase();
  await restore(target.connection, inPieces(bytes), t.clock(), quiet);
  const db = await open(target.url);
  const dialing = await startDialing({ ...t, db });
  await dialing.pass(3_600_000);
  const rangBefore = await db.selectFrom('calls').select('id').where('id', '>', 1_000_000).execute();
  expect(rangBefore).toEqual([]);
  // A person starts it.
  await sql`update campaigns set status = 'in-progress' where id = ${made.running}`.execute(db);
  await dialing.pass(3 * 3_600_000);
  const rang = await db
    .selectFrom('calls')
    .select(['lead_id', 'attempt_no', 'sent_at'])
    .where('id', '>', 1_000_000)
    .where('sent_at', 'is not', null)
    .execute();
  const whom = new Set(rang.map(({ lead_id }) => lead_id));
  expect(whom.has(made.leads.reserved)).toBe(true);
  for (const state of ['sending', 'live', 'unknown', 'wrapping'] as const)
    expect([state, whom.has(made.leads[state])]).toEqual([state, false]);
});

test('a database that is not empty is refused, and one whose tables are of another version', async () => {
  const source = await freshConnection();
  await fillDatabase(source.db);
  const bytes = await takeBackup(source.connection);
  const before = await readRows(source.db);
  await expect(restore(source.connection, inPieces(bytes), NOW, quiet)).rejects.toThrow(/not empty/);
  expect(await readRows(source.db)).toEqual(before);
  const old = await emptyDatabase();
  await old.connection.db.transaction().execute(() => applyMigrations(old.connection, knownMigrations().slice(0, 5)));
  await expect(restore(old.connection, inPieces(bytes), NOW, quiet)).rejects.toThrow(/another version/);
  // Migrated and without rows is as good as new.
  const fresh = await freshConnection();
  await restore(fresh.connection, inPieces(bytes), NOW, quiet);
  await expect(takeBackup((await emptyDatabase()).connection)).rejects.toThrow(CopyRefusedError);
});

test('whatever is wrong with the file, the database stays empty', async () => {
  const source = await freshConnection();
  await fillDatabase(source.db);
  const bytes = await takeBackup(source.connection);
  await verifyBackup(inPieces(bytes));
  const target = await emptyDatabase();
  const flipped = (at: number) => {
    const copy = Buffer.from(bytes);
    copy[at] = (copy[at] ?? 0) ^ 1;
    return copy;
  };
  const bad = [
    bytes.subarray(0, bytes.length - 1),
    bytes.subarray(0, Math.floor(bytes.length / 2)),
    bytes.subarray(0, 10),
    Buffer.concat([bytes, Buffer.from('x')]),
    Buffer.from('PK\u0003\u0004 something else altogether'),
    Buffer.alloc(0),
    ...Array.from({ length: 12 }, (_, n) => flipped(Math.floor((bytes.length * (n + 0.5)) / 12))),
    flipped(bytes.length - 1),
  ];
  for (const [index, file] of bad.entries()) {
    await expect(verifyBackup(inPieces(file))).rejects.toThrow(/backup/);
    // From a pipe, which cannot be looked through first. Some of them: each begins with all migrations.
    if (index % 3 !== 1) continue;
    await expect(restore(target.connection, inPieces(file), NOW, quiet)).rejects.toThrow();
    const { rows } = await sql<{ n: number }>`select count(*) as n from pg_class where relnamespace = 'public'::regnamespace`.execute(
      target.connection.db,
    );
    expect(rows[0]?.n).toBe(0);
  }
  await restore(target.connection, inPieces(bytes), NOW, quiet);
});

test('a backup of a newer version is refused in a sentence, and one of an older version is brought up to date', async () => {
  const old = await emptyDatabase();
  const upTo9 = knownMigrations().filter((name) => name < '0010');
  await old.connection.db.transaction().execute(() => applyMigrations(old.connection, upTo9));
  await fillDatabase(old.connection.db);
  const bytes = await takeBackup(old.connection);
  const { header } = await openBackup(inPieces(bytes));
  expect(header.migrations).toEqual(upTo9);
  const target = await emptyDatabase();
  const { migrated } = await restore(target.connection, inPieces(bytes), NOW, quiet);
  expect([...upTo9, ...migrated]).toEqual(knownMigrations());
  expect(await recountLeads(target.connection.db)).toEqual({ totals: 0, cells: 0 });
  const before = await readRows(old.connection.db);
  const after = await readRows(target.connection.db);
  expect(after.dnc_numbers).toEqual(before.dnc_numbers);

  const newer = await freshConnection();
  await fillDatabase(newer.db);
  await sql`insert into schema_migrations (name) values ('9999_later.sql')`.execute(newer.db);
  await expect(takeBackup(newer.connection)).rejects.toThrow(/newer version of Outdial \(it has 9999_later\.sql\)/);
  const parts: Buffer[] = [];
  const writer = createBackupWriter(async (part) => void parts.push(Buffer.from(part)));
  await writer.header({ ...header, migrations: [...header.migrations, '9999_later.sql'], tables: [] });
  await writer.trailer({ sequences: [] });
  const other = await emptyDatabase();
  await expect(restore(other.connection, inPieces(Buffer.concat(parts)), NOW, quiet)).rejects.toThrow(
    /newer version of Outdial \(9\.9\.9, with 9999_later\.sql\)/,
  );
});

test('the owner of a database can do all of it, without being a superuser; tables of others stay where they are', async () => {
  const server = inject('prepared')?.serverUrl ?? '';
  const name = `outdial_owner_${randomUUID().slice(0, 8)}`;
  await runOnServer(server, `create role ${name} login password 'owner'`);
  // After its databases.
  closeLater(() => runOnServer(server, `drop role ${name}`));
  const asOwner = async (): Promise<SoleConnection> => {
    const { url } = await emptyDatabase();
    await runOnServer(server, `alter database ${new URL(url).pathname.slice(1)} owner to ${name}`);
    const connection = await connectAlone(Object.assign(new URL(url), { username: name, password: 'owner' }).href, 'test');
    closeLater(connection.close);
    return connection;
  };
  const source = await asOwner();
  await source.db.transaction().execute(() => applyMigrations(source));
  await fillDatabase(source.db);
  await sql`create table reports (id integer)`.execute(source.db);
  await sql`delete from dialers`.execute(source.db);
  const target = await asOwner();
  await restore(target, inPieces(await takeBackup(source)), NOW, quiet);
  const before = await readRows(source.db);
  const moved = await asOwner();
  await move({ source, target: moved, to: 'postgres://db.example.test/x', onProgress: quiet }, NOW);
  expect(await readRows(moved.db)).toEqual(before);
});

test('a sink that fails, and a connection that breaks, end the backup with that reason', async () => {
  const source = await freshConnection();
  const made = await fillDatabase(source.db);
  // More than fits into the buffers on the way.
  await sql`
    insert into dnc_numbers (account_id, phone_number, reason, created_at)
    select ${made.accountId}, '+1404' || g, repeat(md5(g::text), 20), now() from generate_series(1000000, 1030000) g`.execute(source.db);
  let count = 0;
  const full = async () => {
    count += 1;
    if (count > 4) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
  };
  await expect(backUp(source.connection, full, 'x', quiet)).rejects.toThrow('no space left');
  const second = await connectAlone(source.url, 'test');
  closeLater(second.close);
  const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(second.db);
  let cut = false;
  const cutter = async () => {
    if (cut) return;
    cut = true;
    await sql`select pg_terminate_backend(${rows[0]?.pid})`.execute(source.db);
  };
  await expect(backUp(second, cutter, 'x', quiet)).rejects.toThrow(/connection/i);
});
