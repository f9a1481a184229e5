// Carries a request out once, whatever its sender repeats and whatever dies meanwhile: its key and its effect are one
// transaction, so either both are there or neither. Nothing is ever left in doubt that the database does not know.
import { sql } from 'kysely';
import type { Db } from '../db/schema.ts';
import { KEY_LIFE_MS } from './idempotency.ts';

/** A request with the key that its sender gave it. */
export interface KeyedRequest {
  accountId: number;
  key: string;
  /** What it asks: the same text for the same request. */
  text: string;
}

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

const findKept = (trx: Db, { accountId, key, text }: KeyedRequest, now: Date) =>
  trx
    .selectFrom('idempotency_keys')
    .select(['status', 'response', 'simulated', sql<boolean>`fingerprint = ${fingerprint(text)}`.as('same')])
    .where('account_id', '=', accountId)
    .where('key', '=', key)
    .where('created_at', '>', new Date(now.getTime() - KEY_LIFE_MS))
    .executeTakeFirst();

// Of those that somebody else is removing at the same time: left to them.
const forgetExpired = async (trx: Db, { accountId, key }: KeyedRequest, now: Date): Promise<void> => {
  const before = new Date(now.getTime() - KEY_LIFE_MS);
  await sql`
    delete from idempotency_keys where account_id = ${accountId}::bigint and key in (
      select key from idempotency_keys
      where account_id = ${accountId}::bigint and created_at <= ${before} and key <> ${key}
      order by created_at limit 100 for update skip locked
    )`.execute(trx);
  await trx
    .deleteFrom('idempotency_keys')
    .where('account_id', '=', accountId)
    .where('key', '=', key)
    .where('created_at', '<=', before)
    .execute();
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
      const { same, ...answer } = kept;
      return same ? { kind: 'answered', answer, replayed: true } : { kind: 'reused' };
    }
    const result = await act(trx);
    if ('refusal' in result) return { kind: 'refused', refusal: result.refusal };
    await forgetExpired(trx, request, now);
    const { accountId, key, text } = request;
    await trx
      .insertInto('idempotency_keys')
      .values({ ...result.answer, account_id: accountId, key, fingerprint: fingerprint(text), created_at: now })
      .execute();
    return { kind: 'answered', answer: result.answer, replayed: false };
  });
