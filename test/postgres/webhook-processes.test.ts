// Several processes that deliver from one database; one of them is killed or frozen, or the database fails over.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { openDatabase } from '../../src/db/open.ts';
import { closeLater } from '../support/closing.ts';
import { freshDatabase } from '../support/db.ts';
import { now, setUp, start, states } from '../support/delivering.ts';
import { runOnServer } from '../support/postgres-server.ts';
import { startReceiver } from '../support/receiver.ts';

const at = (file: string) => JSON.stringify(new URL(`../../src/${file}`, import.meta.url).href);

const PROGRAM = `
  import { openDatabase } from ${at('db/open.ts')};
  import { startDeliveries } from ${at('webhooks/delivery-loop.ts')};
  const { db } = await openDatabase({ kind: 'server', url: process.env.DATABASE, onIdleError: () => {} });
  startDeliveries({ db, clock: () => new Date(), allowPrivate: true, onError: console.error });`;

/** A worker in a process of its own. */
const spawnWorker = (url: string | undefined): ChildProcess => {
  const child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM], {
    env: { ...process.env, DATABASE: url },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  closeLater(() => child.kill('SIGKILL'));
  return child;
};

test('processes that start at once all start, and deliver each message once', async () => {
  const { db, source } = await freshDatabase();
  const enqueue = await setUp(db);
  const receiver = await startReceiver((response) => setTimeout(() => response.end(), 20));
  await enqueue(receiver.url, 200);
  const connections = await Promise.all(Array.from({ length: 4 }, () => openDatabase(source)));
  for (const { close } of connections) closeLater(close);
  const all = connections.map((one) => start(one.db));
  await expect.poll(() => states(db), { timeout: 20_000 }).toEqual({ delivered: 200 });
  expect(receiver.seen).toHaveLength(200);
  expect(new Set(receiver.seen.map(({ headers }) => headers['webhook-id'])).size).toBe(200);
  expect(all.flatMap(({ errors }) => errors)).toEqual([]);
});

test('one process is killed with all places of a host in use: another delivers the rest within seconds, under the same ids', async () => {
  const { db, url } = await freshDatabase();
  const enqueue = await setUp(db);
  let alive = false;
  // Nothing is answered before the kill.
  const receiver = await startReceiver((response) => {
    if (alive) response.end();
  });
  await enqueue(receiver.url, 100);
  const child = spawnWorker(url);
  await receiver.until(20);
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(await states(db)).toEqual({ pending: 100 });
  alive = true;
  const killed = performance.now();
  const { errors } = start(db);
  await expect.poll(() => states(db), { timeout: 30_000 }).toEqual({ delivered: 100 });
  // A lease of six seconds, and what 100 take; it was a minute and more.
  expect(performance.now() - killed).toBeLessThan(20_000);
  expect(errors).toEqual([]);
  const ids = receiver.seen.map(({ headers }) => headers['webhook-id']);
  expect([ids.length, new Set(ids).size]).toEqual([120, 100]);
  expect(new Set(receiver.seen.map(({ body }) => body)).size).toBe(100);
}, 60_000);

test('a process that was frozen within a delivery and wakes late changes nothing of what another has delivered', async () => {
  const { db, url } = await freshDatabase();
  const enqueue = await setUp(db);
  const held: (() => void)[] = [];
  const receiver = await startReceiver((response, count) => {
    // The frozen one is answered with a refusal for good, when it has woken.
    if (count === 1) held.push(() => response.writeHead(410).end());
    else response.end();
  });
  await enqueue(receiver.url);
  const child = spawnWorker(url);
  await receiver.until(1);
  child.kill('SIGSTOP');
  start(db);
  await expect.poll(() => states(db), { timeout: 20_000 }).toEqual({ delivered: 1 });
  held[0]?.();
  child.kill('SIGCONT');
  const log = () => db.selectFrom('webhook_deliveries').select(['attempt', 'status']).orderBy('attempt').execute();
  await expect.poll(async () => (await log()).length, { timeout: 10_000 }).toBe(2);
  expect(await states(db)).toEqual({ delivered: 1 });
  expect((await log()).map(({ attempt }) => attempt)).toEqual([1, 2]);
}, 60_000);

test('the database fails over under load: the worker goes on within seconds, and nothing is lost', async () => {
  const { db, url = '' } = await freshDatabase();
  const enqueue = await setUp(db);
  const receiver = await startReceiver((response) => setTimeout(() => response.end(), 50));
  await enqueue(receiver.url, 200);
  const { errors } = start(db, { clock: now });
  await receiver.until(40);
  const name = new URL(url).pathname.slice(1);
  const elsewhere = url.replace(/\/[^/]*$/, '/postgres');
  const cut = `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`;
  // For a second and a half nobody gets in, as while another server takes over.
  await runOnServer(elsewhere, `alter database ${name} allow_connections false`, cut);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  await runOnServer(elsewhere, `alter database ${name} allow_connections true`);
  const back = performance.now();
  await expect.poll(() => states(db).catch(() => undefined), { timeout: 40_000 }).toEqual({ delivered: 200 });
  expect(performance.now() - back).toBeLessThan(20_000);
  expect(errors.length).toBeGreaterThan(0);
  expect(new Set(receiver.seen.map(({ headers }) => headers['webhook-id'])).size).toBe(200);
}, 60_000);
