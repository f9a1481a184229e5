// The embedded database through its thread: the same as without one, and never a question without an answer.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PGlite } from '@electric-sql/pglite';
import fastify from 'fastify';
import { Kysely, PGliteDialect, sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { healthRoutes } from '../http/health.routes.ts';
import type { App } from '../http/types.ts';
import { type EmbeddedDatabase, EmbeddedDatabaseLostError, openEmbedded, startWorker } from './embedded.ts';
import { openPglite } from './pglite.ts';
import type { Database } from './schema.ts';

const root = mkdtempSync(join(tmpdir(), 'outdial-embedded-'));
const folder = join(root, 'kept');
let embedded: EmbeddedDatabase;
let direct: PGlite;

const kyselyOn = (pglite: EmbeddedDatabase) => new Kysely<Database>({ dialect: new PGliteDialect({ pglite }) });

beforeAll(async () => {
  [embedded, direct] = await Promise.all([openEmbedded(folder), openPglite({})]);
  const tables = 'create table things (id bigint primary key, name text constraint named check (name <> $$$$)); create table t (n int)';
  await embedded.runScript(tables);
  await direct.exec(tables);
});

afterAll(async () => {
  await embedded.close();
  await direct.close();
  rmSync(root, { recursive: true, force: true });
});

const VALUES: [string, string, unknown[]][] = [
  ['bigint', 'select $1::bigint as v, count(*) as n, 9007199254740991::bigint as big', [42]],
  ['bigint given as one', 'select $1::bigint as v', [123n]],
  ['instants', 'select $1::timestamptz as v, now() > $1 as later', [new Date('2026-03-29T01:30:00.123Z')]],
  ['days', 'select $1::date as v', [new Date('2026-03-29T00:00:00Z')]],
  ['bytes', 'select $1::bytea as v', [new Uint8Array([0, 1, 255])]],
  ['a buffer', 'select $1::bytea as v', [Buffer.from('Zürich')]],
  ['json', 'select $1::json as v, $2::jsonb as b', [{ z: 1, a: [null, 'x', { '1': true }] }, [1, 2]]],
  ['json given as text', 'select $1::json as v', ['{"z": 1, "__proto__": {"a": 1}, "b": "\\u0001 \\ud83d\\ude00"}']],
  [
    'lists',
    'select $1::bigint[] as v, $2::text[] as w',
    [
      [1, 2, 3],
      ['a', null, 'b,"c"'],
    ],
  ],
  ['nothing', 'select $1::text as v, $2::integer as w', [null, undefined]],
  ['numerics', 'select $1::numeric as v, 0.1::float8 as f, true as b', ['12345678901234567890.5']],
  ['no row', 'select 1 as v where false', []],
];

test.each(VALUES)('%s cross unchanged', async (_, text, values) => {
  const [there, here] = [await embedded.query<object>(text, values), await direct.query<object>(text, values)];
  expect(there.rows).toEqual(here.rows);
  expect(there.rows.map((row) => Object.entries(row).map(([name, value]) => [name, value?.constructor?.name]))).toEqual(
    here.rows.map((row) => Object.entries(row).map(([name, value]) => [name, value?.constructor?.name])),
  );
  expect(JSON.stringify(there.rows)).toBe(JSON.stringify(here.rows));
  expect(there.fields).toEqual(here.fields);
});

const failureOf = (asked: Promise<unknown>): Promise<unknown> =>
  asked.then(
    () => undefined,
    (error: unknown) => error,
  );

const FAILURES: [string, string, unknown[]][] = [
  ['a duplicate', 'insert into things (id, name) values (1, $1), (1, $1)', ['x']],
  ['a broken check', "insert into things (id, name) values (2, '')", []],
  ['nonsense', 'selekt 1', []],
  ['an unknown table', 'select 1 from nowhere', []],
  ['a number that is none', 'select $1::bigint', ['x']],
  ['a date that is none', 'select $1::timestamptz', [new Date(Number.NaN)]],
  ['too few values', 'select $1::int, $2::int', [1]],
];

test.each(FAILURES)('%s fails as it does without a thread', async (_, text, values) => {
  const [there, here] = [await failureOf(embedded.query(text, values)), await failureOf(direct.query(text, values))];
  if (!(there instanceof Error) || !(here instanceof Error)) throw new Error('Nothing failed.');
  // What the statement was, and for whom, is nobody's business but the caller's.
  const { query: _query, params, queryOptions, ...particulars } = { query: '', params: '', queryOptions: '', ...here };
  const said = Object.fromEntries(Object.entries(particulars).filter(([, value]) => value !== undefined));
  expect({ ...there }).toMatchObject(said);
  expect(there.message).toBe(here.message);
  expect(there instanceof RangeError).toBe(here instanceof RangeError);
  expect(Object.keys(there)).not.toContain('params');
  // And the next one is answered.
  expect((await embedded.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
});

test('the particulars that the code asks for are there', async () => {
  const [duplicate, check] = FAILURES.map(([, text, values]) => failureOf(embedded.query(text, values)));
  expect(await duplicate).toMatchObject({ code: '23505', constraint: 'things_pkey', table: 'things', detail: expect.any(String) });
  expect(await check).toMatchObject({ code: '23514', constraint: 'named' });
});

test('a value that cannot cross is refused, and only that', async () => {
  await expect(embedded.query('select $1::json', [{ act: () => {} }])).rejects.toThrow('could not be cloned');
  expect((await embedded.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
});

test('a transaction is whole or nothing, and nobody comes between', async () => {
  await embedded.query('delete from t');
  const db = kyselyOn(embedded);
  const count = async () => (await sql<{ n: number }>`select count(*) as n from t`.execute(db)).rows[0]?.n;
  let outside: Promise<number | undefined> | undefined;
  await db.transaction().execute(async (trx) => {
    await sql`insert into t values (1)`.execute(trx);
    outside = count();
    await new Promise((resolve) => setTimeout(resolve, 50));
    await sql`insert into t values (2)`.execute(trx);
  });
  expect(await outside).toBe(2);
  const undone = db.transaction().execute(async (trx) => {
    await sql`insert into t values (3)`.execute(trx);
    throw new Error('no');
  });
  await expect(undone).rejects.toThrow('no');
  expect(await count()).toBe(2);
});

test('without Kysely, too: others wait for a transaction, which is over when it is', async () => {
  await embedded.query('delete from t');
  let kept: { query(text: string): Promise<unknown> } | undefined;
  const transaction = embedded.transaction(async (trx) => {
    kept = trx;
    await trx.query('insert into t values (1)');
    await new Promise((resolve) => setTimeout(resolve, 50));
    await trx.query('insert into t values (2)');
  });
  const seen = await embedded.query<{ n: number }>('select count(*) as n from t');
  await transaction;
  expect(seen.rows).toEqual([{ n: 2 }]);
  await expect(kept?.query('select 1')).rejects.toThrow('over');
  await embedded.transaction(async (trx) => {
    await trx.query('insert into t values (3)');
    await trx.rollback();
  });
  expect((await embedded.query<{ n: number }>('select count(*) as n from t')).rows).toEqual([{ n: 2 }]);
});

test('what failed within cannot be committed', async () => {
  const db = kyselyOn(embedded);
  const broken = db.transaction().execute(async (trx) => {
    await sql`insert into t values (9)`.execute(trx);
    await failureOf(sql`select 1 / 0`.execute(trx));
  });
  await expect(broken).rejects.toMatchObject({ cause: { code: '25P02' } });
  const deferred = embedded.transaction((trx) => failureOf(trx.query('select 1 / 0')));
  await expect(deferred).rejects.toMatchObject({ code: '25P02' });
  expect((await sql<{ n: number }>`select count(*) as n from t where n = 9`.execute(db)).rows).toEqual([{ n: 0 }]);
});

test('who asks while transactions follow each other waits for one of them, not for all', async () => {
  const db = kyselyOn(embedded);
  const waits: number[] = [];
  let [begun, importing] = [0, true];
  const importer = (async () => {
    for (; begun < 60; begun += 1) {
      await db.transaction().execute(async (trx) => {
        for (let i = 0; i < 5; i += 1) await sql`insert into t values (${i}::integer)`.execute(trx);
      });
    }
    importing = false;
  })();
  const reader = async (): Promise<void> => {
    while (importing) {
      const before = begun;
      await sql`select count(*) from t`.execute(db);
      waits.push(begun - before);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  };
  await Promise.all([importer, reader(), reader(), reader()]);
  expect(waits.length).toBeGreaterThan(30);
  // The one at hand, and at most the one that had asked before.
  expect(Math.max(...waits)).toBeLessThanOrEqual(2);
});

test('many at once are answered in the order of their asking', async () => {
  const answered: number[] = [];
  await Promise.all(
    Array.from({ length: 200 }, async (_, n) => {
      const { rows } = await embedded.query<{ n: number }>('select $1::integer as n', [n]);
      answered.push(rows[0]?.n ?? -1);
    }),
  );
  expect(answered).toEqual(Array.from({ length: 200 }, (_, n) => n));
});

test('the process is not deaf while a statement runs', async () => {
  let ticks = 0;
  const timer = setInterval(() => {
    ticks += 1;
  }, 10);
  await embedded.query('select count(*) from generate_series(1, 3000000) a');
  clearInterval(timer);
  expect(ticks).toBeGreaterThan(5);
});

test('closing waits for what was asked before, can be said twice, and leaves a folder that opens again', async () => {
  const at = join(root, 'closed');
  const first = await openEmbedded(at);
  await first.runScript('create table kept (n int); insert into kept values (1)');
  const inserted = first.query('insert into kept values (2)');
  const closing = first.close();
  await expect(first.query('select 1')).rejects.toThrow('closed');
  await Promise.all([closing, first.close(), inserted]);
  expect(first.closed).toBe(true);
  const second = await openEmbedded(at);
  expect((await second.query('select n from kept order by n')).rows).toEqual([{ n: 1 }, { n: 2 }]);
  await second.close();
});

test('a folder that cannot be opened fails, and ends', async () => {
  await expect(openEmbedded('/dev/null/nowhere')).rejects.toThrow();
});

test('a thread that ends fails who waits and who comes, and readyz says so', async () => {
  const at = join(root, 'lost');
  const worker = startWorker();
  const lost = await openEmbedded(at, worker);
  await lost.runScript('create table kept (n int); insert into kept values (1)');
  const db = kyselyOn(lost);
  const app = fastify();
  healthRoutes(app as unknown as App, { db });
  expect((await app.inject('/readyz')).statusCode).toBe(200);
  let within: Promise<unknown> | undefined;
  const transaction = failureOf(
    db.transaction().execute(async (trx) => {
      await sql`insert into kept values (2)`.execute(trx);
      within = failureOf(sql`select count(*) from generate_series(1, 100000000) a`.execute(trx));
      setTimeout(() => void worker.terminate(), 100);
      throw await within;
    }),
  );
  const behind = failureOf(sql`select 1`.execute(db));
  const failures = [await transaction, await within, await behind];
  failures.push(await failureOf(sql`select 1`.execute(db)));
  failures.push(await failureOf(db.transaction().execute((trx) => sql`select 1`.execute(trx))));
  failures.push(await failureOf(db.transaction().execute(async () => 1)));
  failures.push(await failureOf(lost.transaction(async () => 1)));
  for (const failure of failures) expect(failure).toBeInstanceOf(EmbeddedDatabaseLostError);
  expect((await app.inject('/readyz')).statusCode).toBe(503);
  expect(await lost.lost).toBe(failures[0]);
  await Promise.all([lost.close(), lost.close(), db.destroy(), app.close()]);
  const again = await openEmbedded(at);
  expect((await again.query('select n from kept')).rows).toEqual([{ n: 1 }]);
  await again.close();
});
