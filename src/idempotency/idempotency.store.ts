// Carries a request out once, whatever its sender repeats and whatever dies meanwhile. `actOnce` makes key and effect one
// transaction, so that nothing is ever in doubt. `createKeyStore` is for effects of any kind: the key is committed before
// them, and what dies in between is in doubt and never run again.
import { type Insertable, sql } from 'kysely';
import type { Db, IdempotencyKeysTable } from '../db/schema.ts';
import { type BeginResult, KEY_LIFE_MS, type KeyedRequest, type KeyStore } from './idempotency.ts';

/** An answer that will be given again. */
export interface KeptAnswer {
  status: number;
  /** The body, byte for byte. */
  response: string;
  simulated: boolean;
}

/** What an act has come to. A refusal has changed nothing that the key would have to protect, and leaves it free. */
export type ActResult<Refusal> = { answer: KeptAnswer } | { refusal: Refusal };

export type OnceResult<Refusal> =
  | { kind: 'answered'; answer: KeptAnswer; replayed: boolean }
  | { kind: 'refused'; refusal: Refusal }
  /** Another request with the key is being carried out. */
  | { kind: 'busy' }
  /** The key belongs to another request. */
  | { kind: 'reused' };

// Held until the transaction ends, however it ends. In 64 bits two keys meet once in an age, and then a sender tries again.
const tryLockKey = async (trx: Db, { accountId, key }: KeyedRequest): Promise<boolean> => {
  const name = `idempotency ${accountId} ${key}`;
  const { rows } = await sql<{ taken: boolean }>`select pg_try_advisory_xact_lock(hashtextextended(${name}, 0)) as taken`.execute(trx);
  return rows[0]?.taken === true;
};

const fingerprint = (text: string) => sql<string>`encode(sha256(convert_to(${text}, 'UTF8')), 'hex')`;

const expiredBy = (now: Date): Date => new Date(now.getTime() - KEY_LIFE_MS);

const findKept = (trx: Db, { accountId, key, text }: KeyedRequest, now: Date) =>
  trx
    .selectFrom('idempotency_keys')
    .select(['state', 'status', 'response', 'headers', 'simulated', sql<boolean>`fingerprint = ${fingerprint(text)}`.as('same')])
    .where('account_id', '=', accountId)
    .where('key', '=', key)
    .where('created_at', '>', expiredBy(now))
    .executeTakeFirst();

/** Removes up to 100 keys that have expired, of whatever account, but those that somebody else is removing. @returns how many. */
export const forgetExpired = async (db: Db, now: Date): Promise<number> => {
  const { numAffectedRows = 0n } = await sql`
    delete from idempotency_keys where (account_id, key) in (
      select account_id, key from idempotency_keys where created_at <= ${expiredBy(now)} order by created_at limit 100 for update skip locked
    )`.execute(db);
  return Number(numAffectedRows);
};

// In this order: who removes what has expired waits for nobody any more, so that nobody waits in a ring.
const insertKey = async (
  trx: Db,
  { accountId, key, text }: KeyedRequest,
  now: Date,
  values: Pick<Insertable<IdempotencyKeysTable>, 'state' | 'status' | 'response' | 'simulated'>,
): Promise<void> => {
  await trx
    .deleteFrom('idempotency_keys')
    .where('account_id', '=', accountId)
    .where('key', '=', key)
    .where('created_at', '<=', expiredBy(now))
    .execute();
  await trx
    .insertInto('idempotency_keys')
    .values({ ...values, account_id: accountId, key, fingerprint: fingerprint(text), created_at: now })
    .execute();
  await forgetExpired(trx, now);
};

/**
 * Carries out `act`, unless its request was carried out before: then the first answer is given again for a day.
 * `act` runs in the transaction and must do nothing outside of it.
 */
export const actOnce = <Refusal>(
  db: Db,
  request: KeyedRequest,
  now: Date,
  act: (trx: Db) => Promise<ActResult<Refusal>>,
): Promise<OnceResult<Refusal>> =>
  db.transaction().execute(async (trx): Promise<OnceResult<Refusal>> => {
    if (!(await tryLockKey(trx, request))) return { kind: 'busy' };
    const kept = await findKept(trx, request, now);
    if (kept !== undefined) {
      const { same, status, response, simulated } = kept;
      // What is written here has both; a key without belongs to a request of another kind.
      if (!same || status === null || response === null) return { kind: 'reused' };
      return { kind: 'answered', answer: { status, response, simulated }, replayed: true };
    }
    const result = await act(trx);
    if ('refusal' in result) return { kind: 'refused', refusal: result.refusal };
    await insertKey(trx, request, now, result.answer);
    return { kind: 'answered', answer: result.answer, replayed: false };
  });

const begin = async (trx: Db, request: KeyedRequest, now: Date): Promise<BeginResult> => {
  if (!(await tryLockKey(trx, request))) return { kind: 'busy' };
  const kept = await findKept(trx, request, now);
  if (kept !== undefined) {
    const { same, state, status, response, headers } = kept;
    if (!same) return { kind: 'reused' };
    if (state !== 'finished' || status === null) return { kind: state === 'unknown' ? 'unknown' : 'running' };
    return { kind: 'finished', answer: { status, response: response ?? undefined, headers } };
  }
  await insertKey(trx, request, now, { state: 'running' });
  return { kind: 'begun' };
};

/** Keys that are committed before their requests run, and settled when those have ended. */
export const createKeyStore = (db: Db): KeyStore => ({
  begin(request, now) {
    return db.transaction().execute((trx) => begin(trx, request, now));
  },

  async settle({ accountId, key, text }, begunAt, end) {
    const own = sql<boolean>`account_id = ${accountId}::bigint and key = ${key} and fingerprint = ${fingerprint(text)}
      and created_at = ${begunAt} and state = 'running'`;
    if (end.kind === 'refused') {
      await db.deleteFrom('idempotency_keys').where(own).execute();
      return;
    }
    const answer = end.kind === 'finished' ? { ...end.answer, headers: JSON.stringify(end.answer.headers) } : {};
    await db
      .updateTable('idempotency_keys')
      .set({ state: end.kind, ...answer })
      .where(own)
      .execute();
  },
});
