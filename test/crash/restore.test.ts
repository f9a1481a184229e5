// A backup of a database whose dialer is in full run, restored while the carrier still knows all that rang: by the carrier's own log
// nobody rings whose call was under way, no call is asked for twice, and nobody at all before a person starts the campaign.
import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest';
import { backUp } from '../../src/backup/backup.ts';
import { restore } from '../../src/backup/restore.ts';
import { connectAlone, type SoleConnection } from '../../src/db/sole-connection.ts';
import { closeLater } from '../support/closing.ts';
import { ANSWERING, addCampaign, addOwner } from '../support/crash-leads.ts';
import { createWorld, type World } from '../support/crash-world.ts';
import { runOnServer, urlOf } from '../support/postgres-server.ts';

const LINES = 8;
const server = (): string => inject('prepared')?.serverUrl ?? '';

let world: World;
beforeAll(async () => {
  world = await createWorld({ serverUrl: server(), speed: 20 });
});
afterAll(() => world.close());

const connect = async (url: string): Promise<SoleConnection> => {
  const connection = await connectAlone(url, 'test');
  closeLater(connection.close);
  return connection;
};

const moreRings = async (count: number): Promise<void> => {
  const goal = world.rings().length + count;
  await vi.waitFor(() => expect(world.rings().length).toBeGreaterThanOrEqual(goal), { timeout: 30_000, interval: 10 });
};

test('nobody rings twice by itself after a restore', async () => {
  const owner = await addOwner(world.db, LINES);
  const campaign = await addCampaign(world.db, owner, { cap: LINES, digits: ANSWERING, leads: 64, maxRetries: 1 });
  // As the wire's rules have it; the campaigns of these tests may try again at once.
  await sql`update campaigns set retry_interval = 60`.execute(world.db);
  const dialer = world.serve('dialer');
  await dialer.ready;
  await moreRings(14);
  const parts: Buffer[] = [];
  const source = await connect(world.databaseUrl);
  await backUp(
    source,
    async (bytes) => void parts.push(Buffer.from(bytes)),
    'test',
    () => {},
  );
  // The old database goes on dialing, and then its machine is lost.
  await moreRings(14);
  await dialer.kill();
  const rangBefore = world.rings().length;

  const name = `outdial_crash_${randomUUID().slice(0, 8)}`;
  await runOnServer(server(), `create database ${name}`);
  closeLater(() => runOnServer(server(), `drop database if exists ${name} with (force)`));
  const url = urlOf(server(), name);
  const target = await connect(url);
  const { counts } = await restore(target, Readable.from(parts), new Date(), () => {});
  const underWay = counts.callsGivenUp;
  expect([counts.campaignsStopped, underWay > 0]).toEqual([1, true]);
  const open = await sql<{ phone_number: string }>`
    select phone_number from calls where lead_id in (select lead_id from decisions where reason = 'attempt_unknown')`.execute(target.db);
  const restored = world.serve('dialer', { DATABASE_URL: url });
  await restored.ready;
  await sleep(1000);
  expect(world.rings().length).toBe(rangBefore);

  await sql`update campaigns set status = 'in-progress' where id = ${campaign}`.execute(target.db);
  await vi.waitFor(
    async () => {
      const { rows } = await sql<{ n: number }>`
        select (select count(*) from leads where due_at is not null) + (select count(*) from calls where state <> 'ended') as n`.execute(
        target.db,
      );
      expect(rows[0]?.n).toBe(0);
    },
    { timeout: 60_000, interval: 100 },
  );
  await restored.kill();
  const rings = world.rings();
  const after = rings.slice(rangBefore);
  expect(after.length).toBeGreaterThan(0);
  const lost = new Set(open.rows.map(({ phone_number }) => phone_number));
  expect(lost.size).toBeGreaterThan(0);
  expect(after.filter(({ to }) => lost.has(to))).toEqual([]);
  // By their ids the carrier tells calls apart: those of the lost hours are not those of today.
  const ids = rings.map(({ callId }) => callId);
  expect(ids.length).toBe(new Set(ids).size);
});
