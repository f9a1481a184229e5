// Accounts and their keys.
import { sql } from 'kysely';
import type { Clock } from '../clock.ts';
import { askTogether } from '../db/ask-together.ts';
import { PREPARED } from '../db/prepared.ts';
import type { AccountRow, ApiKeyRow, Db } from '../db/schema.ts';
import { within } from '../db/transact.ts';
import { type Account, toAccount } from './account.ts';
import { hashSecret, isSecret, type KeyText, newSecret, parseBearer } from './api-key.ts';

/** What a new account may be given; the rest has defaults. */
export interface NewAccount {
  name: string;
  email: string;
  timezone?: string | null;
  maxCallsInParallel?: number;
  maxParallelCalls?: number;
}

/** A key that was just made. `token` is shown this once. */
export interface MintedKey {
  id: number;
  name: string;
  token: string;
  createdAt: Date;
}

/** The id or the secret that was asked for belongs to another key. */
export class KeyIdTakenError extends Error {
  constructor(id: number) {
    super(`There is already a key with the id ${id}, or with that secret: choose another.`);
  }
}

export const insertAccount = async (db: Db, account: NewAccount, now: Date): Promise<Account> => {
  const row = await db
    .insertInto('accounts')
    .values({
      name: account.name,
      email: account.email,
      timezone: account.timezone ?? null,
      ...(account.maxCallsInParallel === undefined ? {} : { max_calls_in_parallel: account.maxCallsInParallel }),
      ...(account.maxParallelCalls === undefined ? {} : { max_parallel_calls: account.maxParallelCalls }),
      created_at: now,
      updated_at: now,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  return toAccount(row);
};

export const listAccounts = async (db: Db): Promise<Account[]> =>
  (await db.selectFrom('accounts').selectAll().orderBy('id').execute()).map(toAccount);

export const findAccount = async (db: Db, id: number): Promise<Account | undefined> => {
  const row = await db.selectFrom('accounts').selectAll().where('id', '=', id).executeTakeFirst();
  return row === undefined ? undefined : toAccount(row);
};

/** Changes the given columns; undefined when there is no such account. */
export const updateAccount = async (
  db: Db,
  id: number,
  changes: Partial<Pick<AccountRow, 'name' | 'email' | 'timezone' | 'max_calls_in_parallel' | 'max_parallel_calls' | 'retention_months'>>,
  now: Date,
): Promise<Account | undefined> => {
  const row = await db
    .updateTable('accounts')
    .set({ ...changes, updated_at: now })
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirst();
  return row === undefined ? undefined : toAccount(row);
};

/**
 * Makes a key. One that was chosen by the operator gets exactly its id, and the sequence moves past it.
 * @throws KeyIdTakenError
 */
export const mintKey = (
  db: Db,
  accountId: number,
  name: string,
  now: Date,
  chosen?: { id: number; secret: string },
): Promise<MintedKey> => {
  const mint = async (trx: Db): Promise<MintedKey> => {
    const secret = chosen?.secret ?? newSecret();
    const { rows } = await sql<{ id: number }>`select nextval(pg_get_serial_sequence('api_keys', 'id')) as id`.execute(trx);
    const next = rows[0]?.id ?? 0;
    const id = chosen?.id ?? next;
    if (id > next) await sql`select setval(pg_get_serial_sequence('api_keys', 'id'), ${id}::bigint)`.execute(trx);
    const inserted = await trx
      .insertInto('api_keys')
      .values({ id, account_id: accountId, name, secret_hash: hashSecret(secret), last_used_at: null, created_at: now })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst();
    if (inserted.numInsertedOrUpdatedRows === 0n) throw new KeyIdTakenError(id);
    return { id, name, token: `${id}|${secret}`, createdAt: now };
  };
  return within(db, mint);
};

export const listKeys = (db: Db, accountId: number): Promise<ApiKeyRow[]> =>
  db.selectFrom('api_keys').selectAll().where('account_id', '=', accountId).orderBy('id').execute();

/** Revokes a key at once; false when the account has no such key. */
export const deleteKey = async (db: Db, accountId: number, id: number): Promise<boolean> => {
  const deleted = await db.deleteFrom('api_keys').where('account_id', '=', accountId).where('id', '=', id).executeTakeFirst();
  return deleted.numDeletedRows > 0n;
};

// `last_used_at` is exact to this many milliseconds: a write a minute and key, not one a request.
const LAST_USED_STEP = 60_000;

const touchKey = async (db: Db, keyId: number, lastUsedAt: Date | null, now: Date): Promise<void> => {
  if (lastUsedAt !== null && now.getTime() - lastUsedAt.getTime() < LAST_USED_STEP) return;
  await db.updateTable('api_keys').set({ last_used_at: now }).where('id', '=', keyId).execute();
};

interface KeyOwner extends AccountRow {
  key_id: number;
  secret_hash: string;
  last_used_at: Date | null;
}

const OWNERS = sql`
  select accounts.*, api_keys.id as key_id, api_keys.secret_hash, api_keys.last_used_at
  from api_keys join accounts on accounts.id = api_keys.account_id`;

const ownersById = async (db: Db, ids: readonly number[]): Promise<Map<number, KeyOwner>> => {
  const { rows } = await sql<KeyOwner>`${sql.raw(PREPARED)} ${OWNERS} where api_keys.id = any (${[...ids]}::bigint[])`.execute(db);
  return new Map(rows.map((row) => [row.key_id, row]));
};

const ownersBySecret = async (db: Db, hashes: readonly string[]): Promise<Map<string, KeyOwner>> => {
  const { rows } = await sql<KeyOwner>`${sql.raw(PREPARED)} ${OWNERS} where api_keys.secret_hash = any (${[...hashes]}::text[])`.execute(
    db,
  );
  return new Map(rows.map((row) => [row.secret_hash, row]));
};

/** Whose a key is. */
export interface KeyHolder {
  account: Account;
  keyId: number;
}

/**
 * Makes the look-up of an account by a key's id, or by its secret alone; undefined when the secret is not that key's. Every request
 * asks, and those that come at the same time ask together.
 */
export const createKeyFinder = (db: Db): ((key: KeyText, now: Date) => Promise<KeyHolder | undefined>) => {
  const byId = askTogether((ids: readonly number[]) => ownersById(db, ids));
  const bySecret = askTogether((hashes: readonly string[]) => ownersBySecret(db, hashes));
  return async ({ id, secret }, now) => {
    const owner = await (id === undefined ? bySecret(hashSecret(secret)) : byId(id));
    if (owner === undefined || !isSecret(secret, owner.secret_hash)) return undefined;
    await touchKey(db, owner.key_id, owner.last_used_at, now);
    return { account: toAccount(owner), keyId: owner.key_id };
  };
};

/** Tells whose a bearer token is: the application's way of authenticating. */
export const authenticateBy = (db: Db, clock: Clock): ((token: string) => Promise<KeyHolder | undefined>) => {
  const find = createKeyFinder(db);
  return async (token) => {
    const key = parseBearer(token);
    return key === undefined ? undefined : find(key, clock());
  };
};

// Any constant: all processes must name the same one.
const FIRST_ACCOUNT_LOCK = 7_246_002;

/**
 * Gives a new database its first account and key; two processes that start at once make one.
 * @returns the key, undefined when there was an account already.
 */
export const ensureFirstAccount = (db: Db, chosen: { id: number; secret: string } | undefined, now: Date): Promise<MintedKey | undefined> =>
  db.transaction().execute(async (trx) => {
    await sql`select pg_advisory_xact_lock(${FIRST_ACCOUNT_LOCK}::bigint)`.execute(trx);
    const existing = await trx.selectFrom('accounts').select('id').limit(1).executeTakeFirst();
    if (existing !== undefined) return undefined;
    const account = await insertAccount(trx, { name: 'Outdial', email: 'owner@outdial.example' }, now);
    return mintKey(trx, account.id, 'First key', now, chosen);
  });
