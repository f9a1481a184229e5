// The database that was moved: who still works on it, and how it is closed, so that nobody is ever called from two databases.
import { sql } from 'kysely';
import { MOVED_TO } from '../db/migrate.ts';
import type { Db } from '../db/schema.ts';
import { stopAllCampaigns } from './restored.store.ts';
import { quoted, type TablePlan } from './tables.store.ts';

/** Whoever else is connected to the database under the same name: a process of Outdial, or a person. */
export interface OtherSession {
  pid: number;
  application: string;
  address: string | null;
}

/** Other people's sessions, as monitoring has them, are passed over: what they may do to us, our locks and triggers refuse. */
export const listOtherSessions = async (db: Db, companions: readonly number[]): Promise<OtherSession[]> => {
  const { rows } = await sql<OtherSession>`
    select pid, coalesce(application_name, '') as application, host(client_addr) as address from pg_stat_activity
    where datname = current_database() and usename = current_user and backend_type = 'client backend' and pid <> pg_backend_pid()
      and pid <> all(${[...companions]}::integer[])
    order by pid`.execute(db);
  return rows;
};

// A dialer looks round at least every few seconds.
const BEAT_LASTS_SECONDS = 60;

/** The dialers that have shown life within the last minute, by the database's clock. */
export const listBeatingDialers = async (db: Db): Promise<string[]> => {
  const found = await sql<{ found: boolean }>`select to_regclass('dialers') is not null as found`.execute(db);
  if (found.rows[0]?.found !== true) return [];
  const { rows } = await sql<{ worker: string }>`
    select worker from dialers where beat_at > clock_timestamp() - ${BEAT_LASTS_SECONDS} * interval '1 second' order by worker`.execute(db);
  return rows.map(({ worker }) => worker);
};

// A comment on a table is part of its transaction, and of no backup.
const TOKEN = /^outdial move ([0-9a-f-]+)$/;

/** Marks a database as one side of a move; the other side has the same token. */
export const writeToken = async (trx: Db, token: string): Promise<void> => {
  await sql`comment on table accounts is ${sql.lit(`outdial move ${token}`)}`.execute(trx);
};

/** The token of the last move that the database was a side of. */
export const readToken = async (db: Db): Promise<string | undefined> => {
  const { rows } = await sql<{ comment: string | null }>`
    select obj_description(to_regclass('accounts'), 'pg_class') as comment`.execute(db);
  return TOKEN.exec(rows[0]?.comment ?? '')?.[1];
};

const TRIGGER = 'outdial_moved';

const run = (trx: Db, statement: string) => sql.raw(statement).execute(trx);

/**
 * Closes the database: every write to its tables fails from the end of this transaction on, and no version of Outdial starts on it.
 * Without a row in `calls` nobody is dialed, so this holds for processes that run on as well. `place` says where it has gone.
 */
export const closeMoved = async (trx: Db, tables: readonly TablePlan[], place: string): Promise<void> => {
  await sql`delete from schema_migrations where starts_with(name, ${MOVED_TO})`.execute(trx);
  await sql`insert into schema_migrations (name) values (${MOVED_TO + place})`.execute(trx);
  await run(
    trx,
    `create or replace function ${TRIGGER}() returns trigger language plpgsql as $$
    begin
      raise exception 'this database was moved, and is closed';
    end $$`,
  );
  for (const { name } of tables) {
    await run(
      trx,
      `create or replace trigger ${TRIGGER} before insert or update or delete or truncate on ${quoted(name)}
      for each statement execute function ${TRIGGER}()`,
    );
  }
};

/** Opens it again, where the move has come to nothing. */
export const reopenMoved = async (trx: Db): Promise<void> => {
  await sql`delete from schema_migrations where starts_with(name, ${MOVED_TO})`.execute(trx);
  await run(trx, `drop function if exists ${TRIGGER}() cascade`);
};

/** Stops the campaigns of a closed database, for whoever looks into it. @returns how many they were. */
export const stopMoved = async (trx: Db, tables: readonly TablePlan[], place: string, now: Date): Promise<number> => {
  for (const { name } of tables) await run(trx, `alter table ${quoted(name)} disable trigger ${TRIGGER}`);
  const stopped = await stopAllCampaigns(trx, 'moved', { moved_to: place }, now);
  for (const { name } of tables) await run(trx, `alter table ${quoted(name)} enable trigger ${TRIGGER}`);
  return stopped;
};
