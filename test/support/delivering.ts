// Webhooks for a worker to deliver, and a worker at work on a test's database.
import { insertAccount } from '../../src/accounts/accounts.store.ts';
import type { Db } from '../../src/db/schema.ts';
import { type LoopOptions, startDeliveries } from '../../src/webhooks/delivery-loop.ts';
import { enqueuePostCalls } from '../../src/webhooks/webhooks.store.ts';
import { closeLater } from './closing.ts';
import { insertAssistant } from './insert-assistant.ts';
import { insertCall } from './insert-calls.ts';

/** The time, as a server has it. */
export const now = (): Date => new Date(Date.now());

/** Starts a worker; it is stopped by itself. */
export const start = (db: Db, options: Partial<LoopOptions> = {}) => {
  const errors: unknown[] = [];
  const deliveries = startDeliveries({
    db,
    clock: now,
    allowPrivate: true,
    onError: (error) => errors.push(error),
    graceMs: 100,
    ...options,
  });
  closeLater(() => deliveries.stop());
  return { ...deliveries, errors };
};

/** Makes an account, for whose webhooks the function that it gives back enqueues so many calls. */
export const setUp = async (db: Db, email = 'mine@example.test') => {
  const { id } = await insertAccount(db, { name: 'Mine', email }, now());
  return async (url: string, count = 1): Promise<void> => {
    const assistant = await insertAssistant(db, id, now(), { is_webhook_active: true, webhook_url: url });
    const calls: number[] = [];
    for (let i = 0; i < count; i++) calls.push(await insertCall(db, id, assistant.id));
    await enqueuePostCalls(db, calls, now());
  };
};

/** How many messages there are of each state. */
export const states = async (db: Db) => {
  const rows = await db
    .selectFrom('webhook_messages')
    .select(['state', (eb) => eb.fn.countAll<number>().as('count')])
    .groupBy('state')
    .execute();
  return Object.fromEntries(rows.map(({ state, count }) => [state, count]));
};
