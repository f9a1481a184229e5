// What is measured in the database and not counted in a process. Every number comes from an index, and what may be many is counted up to
// a bound: reading all of it takes milliseconds with a million leads.
import { sql } from 'kysely';
import { ON_LINE } from '../calls/lines.store.ts';
import { isOpen } from '../campaigns/calling-window.ts';
import type { Db } from '../db/schema.ts';
import { listWindows, readBounded, readDialers } from './due-campaigns.store.ts';

/** The state of a database at an instant. Ages in milliseconds. */
export interface DatabaseState {
  running: number;
  dialers: number;
  /** Undefined: it would have taken too long. */
  leads: { due: number; overdue: number; overdueMs: number } | undefined;
  lines: { used: number; limit: number };
  /** Calls that have not ended, by state. */
  calls: ReadonlyMap<string, number>;
  /** The carriers that have ever been paused, and which of them are now. */
  carriers: { carrier: string; paused: boolean }[];
  /** Undefined: it would have taken too long. */
  webhooks: { pending: number; pendingMs: number; dueMs: number } | undefined;
  imports: number;
}

/** The most that is counted of what may be many. */
const MOST_COUNTED = 20_000;
/** A contact that is due for longer, in a campaign that may call, is overdue. */
const OVERDUE_MS = 60_000;
/** A statement that takes longer is ended by the server. */
const STATEMENT_LIMIT_MS = 1000;

const one = async <Row>(trx: Db, query: ReturnType<typeof sql<Row>>): Promise<Row> => {
  const [row] = (await query.execute(trx)).rows;
  if (row === undefined) throw new Error('An aggregate has answered no row.');
  return row;
};

const since = (at: Date | null, now: Date): number => (at === null ? 0 : Math.max(0, now.getTime() - at.getTime()));

const readLeads = async (
  trx: Db,
  all: readonly number[],
  open: readonly number[],
  now: Date,
  most: number,
): Promise<NonNullable<DatabaseState['leads']>> => {
  const before = new Date(now.getTime() - OVERDUE_MS);
  // In their order, which the index has: so it is the index that is read, whatever the planner believes of the table at the moment.
  const { due, overdue, oldest } = await one(
    trx,
    sql<{ due: number; overdue: number; oldest: Date | null }>`
      select (
        select count(*)::integer from (
          select from unnest(${[...all]}::bigint[]) c (id) cross join lateral (
            select from leads where campaign_id = c.id and due_at <= ${now}::timestamptz order by due_at limit ${most}
          ) l limit ${most}
        ) counted
      ) as due, (
        select count(*)::integer from (
          select from unnest(${[...open]}::bigint[]) c (id) cross join lateral (
            select from leads where campaign_id = c.id and due_at <= ${before}::timestamptz order by due_at limit ${most}
          ) l limit ${most}
        ) counted
      ) as overdue, (
        select min(l.due_at) from unnest(${[...open]}::bigint[]) c (id) cross join lateral (
          select due_at from leads where campaign_id = c.id and due_at is not null order by due_at limit 1
        ) l
      ) as oldest`,
  );
  return { due, overdue, overdueMs: since(oldest, now) };
};

const readCalls = async (trx: Db): Promise<Pick<DatabaseState, 'calls' | 'lines'>> => {
  const { rows } = await sql<{ state: string; n: number }>`
    select state, count(*)::integer as n from calls where state <> 'ended' group by state`.execute(trx);
  const calls = new Map(rows.map(({ state, n }) => [state, n]));
  const { limit } = await one(
    trx,
    sql<{ limit: number }>`
      select coalesce(sum(max_parallel_calls), 0)::integer as limit from accounts where id in (
        select account_id from campaigns where status = 'in-progress' and deleted_at is null
        union select account_id from calls where state <> 'ended' and state in (${sql.join(ON_LINE)})
      )`,
  );
  const used = ON_LINE.reduce((sum, state) => sum + (calls.get(state) ?? 0), 0);
  return { calls, lines: { used, limit } };
};

const readWebhooks = async (trx: Db, now: Date, most: number): Promise<NonNullable<DatabaseState['webhooks']>> => {
  const { pending, oldest, due } = await one(
    trx,
    sql<{ pending: number; oldest: Date | null; due: Date | null }>`
      select (
        select count(*)::integer from (select from webhook_messages where state = 'pending' limit ${most}) counted
      ) as pending, (
        select created_at from webhook_messages where state = 'pending' order by id limit 1
      ) as oldest, (
        select next_attempt_at from webhook_messages
        where state = 'pending' and next_attempt_at <= ${now}::timestamptz and (lease_until is null or lease_until <= ${now}::timestamptz)
        order by next_attempt_at limit 1
      ) as due`,
  );
  return { pending, pendingMs: since(oldest, now), dueMs: since(due, now) };
};

const readRest = async (
  trx: Db,
  now: Date,
  windows: Awaited<ReturnType<typeof listWindows>>,
): Promise<Omit<DatabaseState, 'leads' | 'webhooks'>> => {
  const { rows: carriers } = await sql<{ carrier: string; paused: boolean }>`
    select carrier, paused_until > ${now}::timestamptz as paused from carrier_pauses`.execute(trx);
  const imports = await one(trx, sql<{ n: number }>`select count(*)::integer as n from imports where status = 'running'`);
  const dialers = (await readDialers(trx, now)).alive;
  return { running: windows.length, dialers, ...(await readCalls(trx)), carriers, imports: imports.n };
};

const ENDED_BY_SERVER = '57014';

// An index that is full of what was moved a moment ago is read more slowly the first time. Then the other figures are told without these.
const unlessTooSlow = async <Result>(reading: Promise<Result>): Promise<Result | undefined> => {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === ENDED_BY_SERVER) return undefined;
    throw error;
  }
};

/**
 * Reads it: a few short statements, one after another on one connection, each of which the server ends when it takes long. `now` is the instant that due times
 * are judged by; leads and webhooks are counted up to `most`.
 */
export const readDatabaseState = async (db: Db, now: Date, most = MOST_COUNTED): Promise<DatabaseState> => {
  const read = <Result>(reading: (trx: Db) => Promise<Result>) => readBounded(db, STATEMENT_LIMIT_MS, reading);
  const windows = await read(listWindows);
  const rest = await read((trx) => readRest(trx, now, windows));
  const ids = (list: typeof windows) => list.map(({ id }) => id);
  const open = windows.filter(({ window }) => isOpen(window, now));
  return {
    ...rest,
    webhooks: await unlessTooSlow(read((trx) => readWebhooks(trx, now, most))),
    leads: await unlessTooSlow(read((trx) => readLeads(trx, ids(windows), ids(open), now, most))),
  };
};
