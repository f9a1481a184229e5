// SIGTERM to a server in full run: nothing rings after it, and whatever is in the way, the process ends within its ten seconds.
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest';
import { openDatabase } from '../../src/db/open.ts';
import { closeLater } from '../support/closing.ts';
import { createPerson } from '../support/crash-api.ts';
import { judge } from '../support/crash-judge.ts';
import { ANSWERING, addCampaign, addOwner, type Owner } from '../support/crash-leads.ts';
import { createWorld, type Outdial, type World } from '../support/crash-world.ts';
import { startReceiver } from '../support/receiver.ts';

const LINES = 40;
/** A request to the carrier that was on its way; and a busy machine, which hands the signal over late. */
const TOLERANCE_MS = 500;
const LATEST_MS = 15_000;

let world: World;
let owner: Owner;
let person: ReturnType<typeof createPerson>;

beforeAll(async () => {
  world = await createWorld({ serverUrl: inject('prepared')?.serverUrl ?? '' });
  owner = await addOwner(world.db, LINES);
  person = createPerson(await world.serve('api').ready, owner.key);
});
afterAll(() => world.close());

/** A server that dials as fast as it can. */
const startDialing = async (): Promise<Outdial & { url: string; campaign: number }> => {
  const campaign = await addCampaign(world.db, owner, { cap: LINES, digits: ANSWERING, leads: 5000 });
  const before = world.rings().length;
  const server = world.serve('all', { LOG_LEVEL: 'info', WEBHOOK_ALLOW_PRIVATE: '1' });
  closeLater(() => server.kill());
  const url = await server.ready;
  await vi.waitFor(() => expect(world.rings().length).toBeGreaterThan(before + LINES), { timeout: 30_000, interval: 20 });
  return { ...server, url, campaign };
};

/** When the server heard of the signal, by its own log. */
const heardAt = (log: string): number => {
  const line = log.split('\n').find((one) => one.includes('"msg":"stopping"'));
  if (line === undefined) throw new Error(`it did not say that it stops: ${log.slice(-2000)}`);
  return (JSON.parse(line) as { time: number }).time;
};

const terminate = async ({ child, log }: Outdial): Promise<{ code: number | null; tookMs: number; late: number }> => {
  const began = performance.now();
  child.kill('SIGTERM');
  const [code] = (await once(child, 'exit')) as [number | null];
  const tookMs = performance.now() - began;
  const heard = heardAt(log());
  const late = world.rings().filter(({ at }) => new Date(at).getTime() > heard + TOLERANCE_MS).length;
  return { code, tookMs, late };
};

const halfARequest = async (url: string): Promise<void> => {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => {});
  closeLater(() => socket.destroy());
  const head = `POST /api/user/blacklist HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${owner.key}\r\nContent-Type: application/json\r\n`;
  await new Promise((resolve) => socket.write(`${head}Content-Length: 100\r\n\r\n{`, resolve));
};

test('with half a request, and webhooks that nobody answers: orderly, and nothing rings meanwhile', async () => {
  const receiver = await startReceiver(() => {});
  await world.db.updateTable('assistants').set({ webhook_url: receiver.url }).execute();
  const server = await startDialing();
  await receiver.until(3);
  await halfARequest(server.url);
  await sleep(100);
  const { code, tookMs, late } = await terminate(server);
  expect([code, late]).toEqual([0, 0]);
  expect(tookMs).toBeLessThan(LATEST_MS);
  // What was reserved and did not leave was given back, and what was under way was broken off: due again at once.
  const held = await world.db.selectFrom('webhook_messages').select('id').where('lease_until', 'is not', null).execute();
  expect(held).toEqual([]);
  await person.move('stop', server.campaign);
});

test('with a lead, its campaign and a message locked for good: it ends all the same, says what it waited for, and no promise is broken', async () => {
  const receiver = await startReceiver();
  await world.db.updateTable('assistants').set({ webhook_url: receiver.url }).execute();
  const other = await openDatabase({ kind: 'server', url: world.databaseUrl, onIdleError: () => {}, longestPauseMs: 120_000 });
  closeLater(other.close);
  let unlock = () => {};
  let locked: Promise<void> = Promise.resolve();
  const server = await startDialing();
  await new Promise<void>((resolve, reject) => {
    locked = other.db.transaction().execute(async (trx) => {
      await sql`select from campaigns where id = ${server.campaign} for update`.execute(trx);
      await sql`select from leads where campaign_id = ${server.campaign} for update`.execute(trx);
      await sql`select from webhook_messages where state = 'pending' limit 5 for update`.execute(trx);
      resolve();
      await new Promise<void>((done) => {
        unlock = done;
      });
    });
    locked.catch(reject);
  });
  await sleep(300);
  const { code, tookMs, late } = await terminate(server);
  const log = server.log();
  unlock();
  await locked;
  expect(late).toBe(0);
  expect(tookMs).toBeLessThan(LATEST_MS);
  // Orderly, if whatever waited for the lock gave up by itself.
  if (code !== 0) expect([code, /"parts":\["[a-z ]+"/.test(log)]).toEqual([1, true]);
  // The next one takes up what was left.
  const next = world.serve('dialer');
  closeLater(() => next.kill());
  await next.ready;
  await person.move('stop', server.campaign);
  await vi.waitFor(async () => expect(await judge(world)).toEqual([]), { timeout: 30_000, interval: 500 });
});
