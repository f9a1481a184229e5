// The signing secrets of an account. There is always a current one; a rotation lets the one before sign along for a day.
import type { Db, WebhookSecretRow } from '../db/schema.ts';
import { newSecret } from './signature.ts';

/** How long a replaced secret still signs. */
export const OVERLAP_MS = 24 * 60 * 60 * 1000;

// Each makes every header longer, and a receiver compares with all of them.
const MAX_SIGNING = 4;

const readSecrets = (db: Db, accountId: number, now: Date): Promise<WebhookSecretRow[]> =>
  db
    .selectFrom('webhook_secrets')
    .selectAll()
    .where('account_id', '=', accountId)
    .where((eb) => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', now)]))
    .orderBy('id', 'desc')
    .limit(MAX_SIGNING)
    .execute();

/** The secrets that sign now, the current one first. An account's first one is made when it is first asked for. */
export const signingSecrets = async (db: Db, accountId: number, now: Date): Promise<WebhookSecretRow[]> => {
  const found = await readSecrets(db, accountId, now);
  if (found[0]?.expires_at === null) return found;
  await db
    .insertInto('webhook_secrets')
    .values({ account_id: accountId, secret: newSecret(), created_at: now, expires_at: null })
    // Of two that come at once one makes it.
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  return readSecrets(db, accountId, now);
};

/** Makes a new current secret; the old one expires a day later. */
export const rotateSecret = (db: Db, accountId: number, now: Date): Promise<WebhookSecretRow[]> =>
  db.transaction().execute(async (trx) => {
    // One rotation of an account at a time.
    await trx.selectFrom('accounts').select('id').where('id', '=', accountId).forNoKeyUpdate().execute();
    await trx
      .updateTable('webhook_secrets')
      .set({ expires_at: new Date(now.getTime() + OVERLAP_MS) })
      .where('account_id', '=', accountId)
      .where('expires_at', 'is', null)
      .execute();
    await trx.deleteFrom('webhook_secrets').where('account_id', '=', accountId).where('expires_at', '<=', now).execute();
    await trx
      .insertInto('webhook_secrets')
      .values({ account_id: accountId, secret: newSecret(), created_at: now, expires_at: null })
      .execute();
    return readSecrets(trx, accountId, now);
  });
