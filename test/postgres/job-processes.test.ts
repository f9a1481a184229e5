// Several processes that deliver from one database.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { openDatabase } from '../../src/db/open.ts';
import { webhookWorker } from '../../src/webhooks/deliver.ts';
import { closeLater } from '../support/closing.ts';
import { freshDatabase } from '../support/db.ts';
import { now, setUp, start, states } from '../support/delivering.ts';
import { startReceiver } from '../support/receiver.ts';

test('processes that start at once all start, and deliver each message once', async () => {
  const { db, source } = await freshDatabase();
  const enqueue = await setUp(db);
  const receiver = await startReceiver((response) => setTimeout(() => response.end(), 20));
  await enqueue(receiver.url, 200);
  const connections = await Promise.all(Array.from({ length: 4 }, () => openDatabase(source)));
  for (const { close } of connections) closeLater(close);
  const all = await Promise.all(connections.map((one) => start(one.db, webhookWorker({ db: one.db, clock: now, allowPrivate: true }))));
  await expect.poll(() => states(db), { timeout: 20_000 }).toEqual({ delivered: 200 });
  expect(receiver.seen).toHaveLength(200);
  expect(new Set(receiver.seen.map(({ headers }) => headers['webhook-id'])).size).toBe(200);
  expect(all.flatMap(({ errors }) => errors)).toEqual([]);
});

test('one process is killed between the post and the record: another sends it again, under the same id', async () => {
  const { db, url } = await freshDatabase();
  const enqueue = await setUp(db);
  const receiver = await startReceiver((response, count) => {
    // The first is never answered: its sender is killed while it waits.
    if (count > 1) response.end();
  });
  await enqueue(receiver.url);
  const at = (file: string) => JSON.stringify(new URL(`../../src/${file}`, import.meta.url).href);
  const program = `
    import { openDatabase } from ${at('db/open.ts')};
    import { startJobs } from ${at('jobs.ts')};
    import { webhookWorker } from ${at('webhooks/deliver.ts')};
    const { db } = await openDatabase({ kind: 'server', url: process.env.DATABASE });
    await startJobs(db, [webhookWorker({ db, clock: () => new Date(), allowPrivate: true })], { onError: console.error });`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    env: { ...process.env, DATABASE: url },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  closeLater(() => child.kill('SIGKILL'));
  await receiver.until(1);
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(await states(db)).toEqual({ pending: 1 });
  // A minute goes by.
  await sql`update pgboss.job set started_on = started_on - interval '61 seconds' where state = 'active'`.execute(db);
  const minuteLater = () => new Date(Date.now() + 61_000);
  await start(db, webhookWorker({ db, clock: minuteLater, allowPrivate: true }), { superviseSeconds: 1 });
  await receiver.until(2);
  await expect.poll(() => states(db)).toEqual({ delivered: 1 });
  expect(receiver.seen[1]).toMatchObject({ body: receiver.seen[0]?.body });
  expect(receiver.seen[1]?.headers['webhook-id']).toBe(receiver.seen[0]?.headers['webhook-id']);
}, 60_000);
