// A move takes everything to another server and closes the old database: nobody is ever called from both.
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { move } from '../../src/backup/move.ts';
import { placeOf } from '../../src/backup/place.ts';
import { readSequences } from '../../src/backup/tables.store.ts';
import { applyMigrations, knownMigrations, MovedDatabaseError } from '../../src/db/migrate.ts';
import { openDatabase } from '../../src/db/open.ts';
import { connectAlone, type SoleConnection } from '../../src/db/sole-connection.ts';
import { recountLeads } from '../../src/leads/recount.store.ts';
import { closeLater } from '../support/closing.ts';
import { readRows } from '../support/compare-databases.ts';
import { emptyDatabase } from '../support/copying.ts';
import { startPostgresWire } from '../support/crash-wires.ts';
import { fillDatabase } from '../support/full-database.ts';
import { runOnServer } from '../support/postgres-server.ts';

const NOW = new Date('2026-06-01T12:00:00Z');
const quiet = () => {};

// Filled, and nobody is connected but the one who moves.
const fullSource = async () => {
  const { url, connection } = await emptyDatabase();
  const { db, close } = await openDatabase({ kind: 'server', url, onIdleError: () => {} });
  const made = await fillDatabase(db);
  await sql`delete from dialers`.execute(db);
  await close();
  return { url, connection, made };
};

// A process that was killed: its session goes on for a moment after its connection.
const gone = async (connection: SoleConnection): Promise<void> => {
  for (let tries = 0; tries < 200; tries += 1) {
    const { rows } = await sql<{ n: number }>`
      select count(*) as n from pg_stat_activity
      where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()`.execute(connection.db);
    if (rows[0]?.n === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error('somebody is still connected');
};

test('everything is in the new database as it was, and the old one is closed', async () => {
  const source = await fullSource();
  const target = await emptyDatabase();
  const before = await readRows(source.connection.db);
  const ids = await readSequences(source.connection.db);
  await gone(source.connection);
  const { place, tables, campaignsStopped } = await move(
    { source: source.connection, target: target.connection, to: target.url, onProgress: quiet },
    NOW,
  );
  expect(place).toBe(placeOf(target.url));
  expect(Object.fromEntries(tables.map(({ name, rows }) => [name, rows]))).toEqual(
    Object.fromEntries(Object.entries(before).map(([name, rows]) => [name, rows.length])),
  );
  expect(await readRows(target.connection.db)).toEqual(before);
  expect(await recountLeads(target.connection.db)).toEqual({ totals: 0, cells: 0 });
  const there = await readSequences(target.connection.db);
  expect(there.map(({ table, column }) => [table, column])).toEqual(ids.map(({ table, column }) => [table, column]));
  const next = await sql<{ v: number }>`select nextval('leads_id_seq') as v`.execute(target.connection.db);
  expect(next.rows[0]?.v).toBe((ids.find(({ table }) => table === 'leads')?.last ?? 0) + 1);

  // The old one: no start, no write, no campaign that runs.
  expect(campaignsStopped).toBe(1);
  const starting = openDatabase({ kind: 'server', url: source.url, onIdleError: () => {} });
  await expect(starting).rejects.toThrow(MovedDatabaseError);
  await expect(starting).rejects.toThrow(placeOf(target.url));
  await expect(starting).rejects.not.toThrow(`:${new URL(target.url).password}@`);
  const campaigns = await source.connection.db.selectFrom('campaigns').select('status').where('id', '=', source.made.running).execute();
  expect(campaigns).toEqual([{ status: 'stopped' }]);
  const told = await source.connection.db.selectFrom('decisions').select('facts').where('reason', '=', 'moved').execute();
  expect(told).toEqual([{ facts: { status: 'stopped', moved_to: placeOf(target.url) } }]);
  for (const write of [
    "update leads set status = 'created'",
    'delete from dnc_numbers',
    'insert into calls select * from calls',
    'truncate changes',
  ])
    await expect(runOnServer(source.url, write)).rejects.toThrow(/was moved, and is closed/);

  // The new one works.
  const opened = await openDatabase({ kind: 'server', url: target.url, onIdleError: () => {} });
  closeLater(opened.close);
  await sql`update leads set updated_at = now()`.execute(opened.db);

  // Again: it is done. To another place: not from here.
  const again = await move({ source: source.connection, target: target.connection, to: target.url, onProgress: quiet }, NOW);
  expect(again).toEqual({ place, tables: [], campaignsStopped: 0 });
  const other = await emptyDatabase();
  await expect(move({ source: source.connection, target: other.connection, to: other.url, onProgress: quiet }, NOW)).rejects.toThrow(
    /was moved to .* already/,
  );
});

test('it is refused while a dialer beats, and while anybody is connected; nothing is changed then', async () => {
  const source = await fullSource();
  const target = await emptyDatabase();
  const before = await readRows(source.connection.db);
  const terms = { source: source.connection, target: target.connection, to: target.url, onProgress: quiet };
  const process = await connectAlone(source.url, 'outdial serve');
  await expect(move(terms, NOW)).rejects.toThrow(/in use \(outdial serve, pid \d+/);
  await process.close();
  await gone(source.connection);
  await sql`insert into dialers (worker, carrier) values ('w1', 'simulated')`.execute(source.connection.db);
  await expect(move(terms, NOW)).rejects.toThrow(/shown life within the last minute \(w1\)/);
  await sql`update dialers set beat_at = beat_at - interval '2 minutes'`.execute(source.connection.db);
  expect(await readRows(source.connection.db)).toEqual(before);

  const taken = await fullSource();
  await expect(move({ ...terms, target: taken.connection, to: taken.url }, NOW)).rejects.toThrow(/not empty/);
  const { rows } = await sql<{ n: number }>`select count(*) as n from pg_class where relnamespace = 'public'::regnamespace`.execute(
    target.connection.db,
  );
  expect(rows[0]?.n).toBe(0);
  expect((await move(terms, NOW)).campaignsStopped).toBe(1);
});

test('who writes while it copies waits, and is then refused', async () => {
  const source = await fullSource();
  const target = await emptyDatabase();
  await gone(source.connection);
  let write: Promise<unknown> | undefined;
  const onProgress = ({ step }: { step: string }) => {
    // Nobody was there when it began.
    if (step === 'copy')
      write ??= runOnServer(
        source.url,
        "insert into dnc_numbers (account_id, phone_number, created_at) select id, '+12025550199', now() from accounts",
      );
    write?.catch(() => {});
  };
  const before = await readRows(source.connection.db);
  await move({ source: source.connection, target: target.connection, to: target.url, onProgress }, NOW);
  await expect(write).rejects.toThrow(/was moved, and is closed/);
  expect(await readRows(target.connection.db)).toEqual(before);
});

test.each([
  ['before its commit has left', 'before'],
  ['when its commit is done and the answer has not arrived', 'after'],
] as const)('the new database cut off %s: the old one is closed and whole, and the same command goes on', async (_, when) => {
  const source = await fullSource();
  const target = await emptyDatabase();
  await gone(source.connection);
  const before = await readRows(source.connection.db);
  const wire = await startPostgresWire(target.url, (statement) => (statement === 'commit' ? { [when]: () => false } : undefined));
  closeLater(wire.close);
  const cut = await connectAlone(wire.url, 'test');
  closeLater(cut.close);
  const terms = { source: source.connection, target: cut, to: target.url, onProgress: quiet };
  await expect(move(terms, NOW)).rejects.toThrow(/may hold everything or nothing\. Run the same command again/);
  // Nobody is called from here any more, and the campaigns are still what they were.
  await expect(runOnServer(source.url, "update leads set status = 'created'")).rejects.toThrow(/was moved, and is closed/);
  expect(await readRows(source.connection.db)).toEqual(before);
  const other = await emptyDatabase();
  await expect(move({ ...terms, target: other.connection, to: other.url }, NOW)).rejects.toThrow(/was moved to .* already/);

  if (when === 'before') {
    // Somebody who believes that it was moved, and starts Outdial there: what was made is no copy.
    const early = await emptyDatabase();
    const { db, close } = await openDatabase({ kind: 'server', url: early.url, onIdleError: () => {} });
    await fillDatabase(db);
    await close();
    await expect(move({ ...terms, target: early.connection }, NOW)).rejects.toThrow(/not empty/);
  }

  const { tables, campaignsStopped } = await move({ ...terms, target: target.connection }, NOW);
  expect([tables.length > 0, campaignsStopped]).toEqual([when === 'before', 1]);
  expect(await readRows(target.connection.db)).toEqual(before);
});

test('where the new database refuses its commit, the old one is open again', async () => {
  const before10 = knownMigrations().filter((name) => name < '0010');
  const [source, target] = [await emptyDatabase(), await emptyDatabase()];
  for (const { connection } of [source, target]) await connection.db.transaction().execute(() => applyMigrations(connection, before10));
  const made = await fillDatabase(source.connection.db);
  await target.connection.query(`
    create function refuse() returns trigger language plpgsql as $$
    begin
      raise exception 'no' using errcode = '23514';
    end $$;
    create constraint trigger refuse after insert on schema_migrations deferrable initially deferred for each row execute function refuse()`);
  const before = await readRows(source.connection.db);
  const terms = { source: source.connection, target: target.connection, to: target.url, onProgress: quiet };
  await expect(move(terms, NOW)).rejects.toThrow('no');
  expect(await readRows(source.connection.db)).toEqual(before);
  await runOnServer(source.url, `update campaigns set name = 'open' where id = ${made.running}`);
  await target.connection.query('drop function refuse() cascade');
  await gone(source.connection);
  expect((await move(terms, NOW)).campaignsStopped).toBe(1);
  // The newer migrations ran in the new database alone.
  const { rows } = await sql<{ name: string }>`select name from schema_migrations order by name`.execute(target.connection.db);
  expect(rows.map(({ name }) => name)).toEqual(knownMigrations());
});
