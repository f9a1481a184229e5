// How many webhooks a second are enqueued and delivered on PostgreSQL: claimed, signed, posted, recorded.
//
//   npm run bench:webhooks -- [--messages 3000] [--hosts 1] [--accounts 1]
//
// Each account has an assistant for each host. The receivers answer at once, on this machine.
// Uses the database in DATABASE_URL, which must be new and empty, else a PostgreSQL of its own, with fsync and
// synchronous_commit on.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import { sql } from 'kysely';
import { insertAccount } from '../src/accounts/accounts.store.ts';
import { openDatabase } from '../src/db/open.ts';
import type { Db } from '../src/db/schema.ts';
import { startDeliveries } from '../src/webhooks/delivery-loop.ts';
import { enqueuePostCalls } from '../src/webhooks/webhooks.store.ts';
import { insertAssistant } from '../test/support/insert-assistant.ts';
import { insertCall } from '../test/support/insert-calls.ts';
import { startPostgres } from '../test/support/postgres-server.ts';

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '3000' },
    hosts: { type: 'string', default: '1' },
    accounts: { type: 'string', default: '1' },
  },
});
const [messages, hosts, accounts] = [values.messages, values.hosts, values.accounts].map(Number) as [number, number, number];

const clock = () => new Date();
const BATCH = 100;

const startReceiver = async () => {
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(204).end());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook` };
};

const insertCalls = async (db: Db, urls: readonly string[]): Promise<number[]> => {
  const calls: number[] = [];
  for (let index = 0; index < accounts; index += 1) {
    const { id } = await insertAccount(db, { name: 'Bench', email: `bench-${index}@outdial.example` }, clock());
    for (const url of urls) {
      const assistant = await insertAssistant(db, id, clock(), { is_webhook_active: true, webhook_url: url });
      for (let i = 0; i < messages / accounts / urls.length; i += 1) calls.push(await insertCall(db, id, assistant.id));
    }
  }
  return calls;
};

const server = await startPostgres(process.env.DATABASE_URL, { durable: true });
const { db, close } = await openDatabase({ kind: 'server', url: server.url });
const receivers = await Promise.all(Array.from({ length: hosts }, startReceiver));
const calls = await insertCalls(
  db,
  receivers.map(({ url }) => url),
);
await sql`analyze`.execute(db);

const began = performance.now();
for (let i = 0; i < calls.length; i += BATCH) {
  await db.transaction().execute((trx) => enqueuePostCalls(trx, calls.slice(i, i + BATCH), clock()));
}
const enqueued = performance.now();
const deliveries = startDeliveries({ db, clock, allowPrivate: true, onError: console.error });
const pending = async () =>
  (await sql<{ n: number }>`select count(*)::int as n from webhook_messages where state = 'pending'`.execute(db)).rows[0]?.n ?? 0;
while ((await pending()) > 0) await new Promise((resolve) => setTimeout(resolve, 50));
const drained = performance.now();
await deliveries.stop();

const rate = (ms: number): string => `${Math.round((calls.length * 1000) / ms)}/s`;
console.log(`${calls.length} messages: enqueued ${rate(enqueued - began)}, delivered ${rate(drained - enqueued)}`);
for (const receiver of receivers) receiver.server.close();
await close();
await server.stop();
