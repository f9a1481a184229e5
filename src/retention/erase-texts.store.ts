// Where a number may stand in any spelling: rows of files that were not imported, what was said of them, and answers that are kept for
// repeated requests. SQL finds the texts with the digits in it, and mentions.ts judges each.
import { sql } from 'kysely';
import type { Db } from '../db/schema.ts';
import type { ErasedCounts, Erasure } from './erasure.ts';
import { type Digits, mentions } from './mentions.ts';

/** Rows that are looked at or removed at once. */
const STEP_ROWS = 1000;

// In every spelling these digits follow each other, whatever stands between them; a wide digit (as in ２) counts as well. A regular
// expression of PostgreSQL's: one pass over the text, and it may find more than is meant.
const patternOf = ({ national }: Digits): string =>
  [...national].map((digit) => `[${digit}${String.fromCharCode(0xff10 + Number(digit))}]`).join('[^0-9]*');

interface Place {
  import_id: number;
  /** Of the row in the file, or the ordinal of what was said. */
  at: number;
}

const START: Place = { import_id: 0, at: -1 };

interface Reject extends Place {
  cells: unknown;
  error: string;
}

interface Issue extends Place {
  message: string;
}

const cellsOf = (cells: unknown): string[] => (Array.isArray(cells) ? cells.map(String) : []);

const findRejects = async (db: Db, { accountId }: Erasure, digits: Digits, after: Place): Promise<Reject[]> => {
  const { rows } = await sql<Reject>`
    select r.import_id, r.line as at, r.cells, r.error
    from import_rejects r join imports i on i.id = r.import_id
    where i.account_id = ${accountId}::bigint and (r.import_id, r.line) > (${after.import_id}::bigint, ${after.at}::integer)
      and (r.error ~ ${patternOf(digits)} or r.cells::text ~ ${patternOf(digits)})
    order by r.import_id, r.line limit ${STEP_ROWS}`.execute(db);
  return rows;
};

const findIssues = async (db: Db, { accountId }: Erasure, digits: Digits, after: Place): Promise<Issue[]> => {
  const { rows } = await sql<Issue>`
    select s.import_id, s.ordinal as at, s.message
    from import_issues s join imports i on i.id = s.import_id
    where i.account_id = ${accountId}::bigint and (s.import_id, s.ordinal) > (${after.import_id}::bigint, ${after.at}::integer)
      and s.message ~ ${patternOf(digits)}
    order by s.import_id, s.ordinal limit ${STEP_ROWS}`.execute(db);
  return rows;
};

const placesIn = (places: readonly Place[]) =>
  sql`(select * from unnest(${places.map(({ import_id }) => import_id)}::bigint[], ${places.map(({ at }) => at)}::integer[]))`;

const removePlaces = async (
  db: Db,
  dryRun: boolean,
  table: 'import_rejects' | 'import_issues',
  column: 'line' | 'ordinal',
  places: readonly Place[],
): Promise<number> => {
  if (places.length === 0) return 0;
  const which = sql`${sql.table(table)} where (import_id, ${sql.ref(column)}) in ${placesIn(places)}`;
  if (dryRun) return Number((await sql<{ n: number }>`select count(*) as n from ${which}`.execute(db)).rows[0]?.n ?? 0);
  return Number((await sql`delete from ${which}`.execute(db)).numAffectedRows ?? 0n);
};

/** Walks all candidates, a step at a time, and removes those that `holds` says. */
const removeWhere = async <Row extends Place>(
  find: (after: Place) => Promise<Row[]>,
  holds: (row: Row) => boolean,
  remove: (places: Place[]) => Promise<number>,
): Promise<number> => {
  let removed = 0;
  let after: Place = START;
  for (;;) {
    const rows = await find(after);
    removed += await remove(rows.filter(holds));
    const last = rows.at(-1);
    if (last === undefined || rows.length < STEP_ROWS) return removed;
    after = { import_id: last.import_id, at: last.at };
  }
};

interface KeptAnswer {
  key: string;
  response: string | null;
  headers: string;
}

const findAnswers = async (db: Db, { accountId }: Erasure, digits: Digits, after: string): Promise<KeptAnswer[]> => {
  const pattern = patternOf(digits);
  const { rows } = await sql<KeptAnswer>`
    select key, response, headers::text as headers from idempotency_keys
    where account_id = ${accountId}::bigint and key > ${after} and state <> 'running'
      and (response ~ ${pattern} or key ~ ${pattern} or headers::text ~ ${pattern})
    order by key limit 50`.execute(db);
  return rows;
};

// An answer is emptied and its key kept: were it gone, a client that repeats its request would bring the person back. Where the key
// itself is made of the number, it goes.
const eraseAnswer = async (db: Db, { accountId }: Erasure, { key }: KeptAnswer, digits: Digits): Promise<void> => {
  const own = sql`account_id = ${accountId}::bigint and key = ${key} and state <> 'running'`;
  if (mentions(key, digits)) await sql`delete from idempotency_keys where ${own}`.execute(db);
  else await sql`update idempotency_keys set response = null, headers = '{}' where ${own}`.execute(db);
};

const eraseAnswers = async (db: Db, erasure: Erasure, digits: Digits): Promise<number> => {
  let erased = 0;
  let after = '';
  for (;;) {
    const rows = await findAnswers(db, erasure, digits, after);
    const found = rows.filter(({ key, response, headers }) => [key, response ?? '', headers].some((text) => mentions(text, digits)));
    if (!erasure.dryRun) for (const answer of found) await eraseAnswer(db, erasure, answer, digits);
    erased += found.length;
    const last = rows.at(-1);
    if (last === undefined) return erased;
    after = last.key;
  }
};

/** Erases a number where it stands in texts, and adds to the counts. */
export const eraseTexts = async (db: Db, erasure: Erasure, digits: Digits, counts: ErasedCounts): Promise<void> => {
  const { dryRun } = erasure;
  counts.import_rejects += await removeWhere(
    (after) => findRejects(db, erasure, digits, after),
    ({ cells, error }) => [...cellsOf(cells), error].some((text) => mentions(text, digits)),
    (places) => removePlaces(db, dryRun, 'import_rejects', 'line', places),
  );
  counts.import_issues += await removeWhere(
    (after) => findIssues(db, erasure, digits, after),
    ({ message }) => mentions(message, digits),
    (places) => removePlaces(db, dryRun, 'import_issues', 'ordinal', places),
  );
  counts.idempotency_keys += await eraseAnswers(db, erasure, digits);
};
