// The power fails in the middle of everything: what is on the disk at that instant, and not in memory, is what Outdial wakes up with. Every write
// that was acknowledged is there, and nobody rings twice or against a block or a stop. With fsync off the same test finds what is lost.
import { execFileSync } from 'node:child_process';
import { appendFileSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, inject, test, vi } from 'vitest';
import { openDatabase } from '../../src/db/open.ts';
import type { Db } from '../../src/db/schema.ts';
import { createPerson } from '../support/crash-api.ts';
import { ANSWERING, addCampaign, addOwner } from '../support/crash-leads.ts';
import { createWorld, type Outdial, type World } from '../support/crash-world.ts';
import { type Act, brokenPromises, readRows } from '../support/promise-checker.ts';
import { createDisks, type Disk } from './disk.ts';

const LOAD_MS = 4000;
const WRITERS = 4;
const LINES = 10;
const LEADS = 600;

/** All processes whose working folder is on the disk, and the server: halted, so that nothing is written while the disk is copied. */
const processesOn = (path: string): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readlinkSync(`/proc/${pid}/cwd`).startsWith(path);
      } catch {
        return false;
      }
    })
    .map(Number);

const serveOn = (world: World, dataDir: string): Outdial => world.serve('all', { DATABASE_URL: '', DATA_DIR: dataDir });

/** What was acknowledged before the cut. */
interface Acknowledged {
  leads: string[];
  blocks: Act[];
  stops: Act[];
}

const phone = (writer: number, n: number): string => `+1303${writer}${String(n).padStart(6, '0')}`;

/** Writes as fast as answers come, until it is told to end, or nobody answers any more. */
const write = async (
  writer: number,
  person: ReturnType<typeof createPerson>,
  campaign: number,
  said: Acknowledged,
  isOver: () => boolean,
) => {
  for (let n = 1; !isOver(); n += 1) {
    const number = phone(writer, n);
    const { status } = await person.ask('POST', 'lead', { campaign_id: campaign, phone_number: number });
    if (status === 201 || status === 200) said.leads.push(number);
    // Numbers that wait in the campaign that is dialing.
    if (n % 3 === 0)
      said.blocks.push(await person.block(`+1${200 + ((LEADS - n * WRITERS - writer) % 700)}000000${(LEADS - n * WRITERS - writer) % 5}`));
  }
};

interface Found {
  lostLeads: number;
  lostBlocks: number;
  lostStops: number;
  broken: readonly unknown[];
}

type Disks = ReturnType<typeof createDisks>;

interface Prepared {
  disk: Disk;
  dataDir: string;
  key: string;
  /** A campaign that new leads are put into, and one that is stopped. */
  quiet: number;
  stopped: number;
}

/** A disk with a database, safely on it, that has somebody to call. */
const prepare = async (disks: Disks, fsync: boolean): Promise<Prepared> => {
  const disk = disks.mount(disks.make());
  const dataDir = join(disk.path, 'data');
  const { db, close } = await openDatabase({ kind: 'folder', dataDir });
  const owner = await addOwner(db, LINES);
  await addCampaign(db, owner, { cap: LINES, digits: ANSWERING, leads: LEADS });
  const quiet = await addCampaign(db, owner, { name: 'Quiet', cap: 1, digits: ANSWERING, leads: 1, running: false });
  const stopped = await addCampaign(db, owner, { name: 'Stopped', cap: 1, digits: ANSWERING, leads: 50 });
  await close();
  if (!fsync) appendFileSync(join(dataDir, 'database', 'cluster', 'postgresql.conf'), 'fsync = off\n');
  execFileSync('sync', ['--file-system', disk.path]);
  return { disk, dataDir, key: owner.key, quiet, stopped };
};

/** Works on the disk and cuts its power. @returns the image that is left, and what had been acknowledged. */
const workUntilCut = async (
  world: World,
  { disk, dataDir, key, quiet, stopped }: Prepared,
): Promise<{ image: string; said: Acknowledged }> => {
  const outdial = serveOn(world, dataDir);
  const person = createPerson(await outdial.ready, key);
  const said: Acknowledged = { leads: [], blocks: [], stops: [] };
  let isOver = false;
  const writing = Promise.allSettled(Array.from({ length: WRITERS }, (_, writer) => write(writer, person, quiet, said, () => isOver)));
  await sleep(LOAD_MS);
  said.stops.push(await person.move('stop', stopped));
  await vi.waitFor(() => expect(world.rings().length).toBeGreaterThan(20), { timeout: 20_000, interval: 20 });
  // Everybody is halted in the middle of whatever it does, and what was said until then was said.
  const halted = [outdial.child.pid ?? 0, ...processesOn(disk.path)];
  for (const pid of halted) process.kill(pid, 'SIGSTOP');
  const before: Acknowledged = { leads: [...said.leads], blocks: [...said.blocks], stops: [...said.stops] };
  const image = disk.copy();
  isOver = true;
  for (const pid of halted) process.kill(pid, 'SIGKILL');
  await outdial.kill();
  await writing;
  disk.unmount();
  return { image, said: before };
};

/** What of that a database has. */
const missingIn = async (db: Db, said: Acknowledged, stopped: number): Promise<Omit<Found, 'broken'>> => {
  const numbersIn = async (table: 'leads' | 'dnc_numbers'): Promise<Set<string>> =>
    new Set((await db.selectFrom(table).select('phone_number').execute()).map((row) => row.phone_number));
  const [leads, blocks] = [await numbersIn('leads'), await numbersIn('dnc_numbers')];
  const { status } = await db.selectFrom('campaigns').select('status').where('id', '=', stopped).executeTakeFirstOrThrow();
  return {
    lostLeads: said.leads.filter((number) => !leads.has(number)).length,
    lostBlocks: said.blocks.filter((act) => act.kind === 'block' && !blocks.has(act.number)).length,
    lostStops: status === 'stopped' ? 0 : 1,
  };
};

/** Goes on dialing where the cut has left it, and looks for broken promises in all that has rung before and since. */
const goOn = async (world: World, dataDir: string, said: Acknowledged): Promise<readonly unknown[]> => {
  const outdial = serveOn(world, dataDir);
  await outdial.ready;
  const before = world.rings().length;
  await vi.waitFor(() => expect(world.rings().length).toBeGreaterThan(before + 50), { timeout: 60_000, interval: 50 });
  await outdial.kill();
  const { db, close } = await openDatabase({ kind: 'folder', dataDir });
  const rows = await readRows(db);
  await close();
  return brokenPromises({ rings: world.rings(), rows, acts: [...said.blocks, ...said.stops], final: false, toleranceMs: 500 });
};

const cutPower = async ({ fsync }: { fsync: boolean }): Promise<{ acknowledged: number; found: Found | 'no database' }> => {
  const disks = createDisks();
  const world = await createWorld({ serverUrl: inject('prepared')?.serverUrl ?? '', speed: 25 });
  try {
    const prepared = await prepare(disks, fsync);
    const { image, said } = await workUntilCut(world, prepared);
    const acknowledged = said.leads.length + said.blocks.length;
    const woken = disks.mount(image);
    const dataDir = join(woken.path, 'data');
    const opened = await openDatabase({ kind: 'folder', dataDir }).catch(() => undefined);
    if (opened === undefined) return { acknowledged, found: 'no database' };
    const missing = await missingIn(opened.db, said, prepared.stopped);
    await opened.close();
    return { acknowledged, found: { ...missing, broken: fsync ? await goOn(world, dataDir, said) : [] } };
  } finally {
    await world.close();
    disks.remove();
  }
};

test('after a power cut every acknowledged lead, block and stop is there, and nobody rings twice', async () => {
  const { acknowledged, found } = await cutPower({ fsync: true });
  expect(acknowledged).toBeGreaterThan(100);
  expect(found).toEqual({ lostLeads: 0, lostBlocks: 0, lostStops: 0, broken: [] });
});

test('the same with fsync off finds that acknowledged writes are lost', async () => {
  const { acknowledged, found } = await cutPower({ fsync: false });
  const lost = found === 'no database' ? acknowledged : found.lostLeads + found.lostBlocks;
  expect(lost).toBeGreaterThan(0);
});
