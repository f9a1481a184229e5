// A disk that is full, or that cannot be written to: the server says so, stays, and goes on by itself when there is room again.
import { execFileSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, inject, test, vi } from 'vitest';
import { createPerson } from '../support/crash-api.ts';
import { createWorld, KEY, type World } from '../support/crash-world.ts';
import { createDisks, type Disk } from './disk.ts';

let disks: ReturnType<typeof createDisks>;
let disk: Disk;
let world: World;

beforeEach(async () => {
  disks = createDisks();
  disk = disks.mount(disks.make());
  world = await createWorld({ serverUrl: inject('prepared')?.serverUrl ?? '' });
});
afterEach(async () => {
  await world.close();
  disks.remove();
});

const filler = (): string => join(disk.path, 'filler');

// In two steps: a large file takes what there is in large pieces, and cat the rest.
const fillDisk = (): void => {
  execFileSync('sh', ['-c', `fallocate -l 1G "$0" || cat /dev/zero >"$0"; cat /dev/zero >"$0.2"; true`, filler()], { stdio: 'ignore' });
};
const freeDisk = (): void => {
  for (const name of [filler(), `${filler()}.2`]) rmSync(name, { force: true });
};

const serve = () => world.serve('all', { DATABASE_URL: '', DATA_DIR: join(disk.path, 'data') });

test('a disk that fills up: requests fail, the server stays, and with room it works again, with all that was acknowledged', async () => {
  const outdial = serve();
  const url = await outdial.ready;
  const person = createPerson(url, KEY);
  const numbers = Array.from({ length: 900 }, (_, n) => `+12025${String(n).padStart(6, '0')}`);
  const block = async (n: number): Promise<number> =>
    (await person.ask('POST', 'blacklist', { phone_numbers: numbers.map((number) => number.replace('+12025', `+1202${n}`)) })).status;
  expect(await block(5)).toBeLessThan(300);
  fillDisk();
  let acknowledged = 1;
  // PostgreSQL has some of its log written ahead.
  await vi.waitFor(
    async () => {
      const status = await block(6 + (acknowledged % 4)).catch(() => 503);
      if (status < 300) acknowledged += 1;
      expect(status).toBeGreaterThanOrEqual(500);
    },
    { timeout: 60_000, interval: 1 },
  );
  expect(outdial.child.exitCode).toBeNull();
  freeDisk();
  await vi.waitFor(async () => expect(await block(2)).toBeLessThan(300), { timeout: 60_000, interval: 200 });
  const { body } = await person.ask('GET', `blacklist?phone_number=${encodeURIComponent('+12025')}`);
  expect((body as { total: number }).total).toBeGreaterThanOrEqual(900);
}, 180_000);

test('a first start on a full disk is refused in one sentence, and leaves nothing half made', async () => {
  fillDisk();
  const outdial = serve();
  await expect(outdial.ready).rejects.toThrow(/No space left on device|could not|cannot be used/);
  expect(JSON.parse(outdial.log()).error.message.split('\n')).toHaveLength(1);
  freeDisk();
  await serve().ready;
});

test('a disk that is read-only is said in one sentence', async () => {
  execFileSync('mount', ['-o', 'remount,ro', disk.path]);
  const outdial = serve();
  await expect(outdial.ready).rejects.toThrow(/cannot be used \(.*read-only.*\): set DATA_DIR/i);
  execFileSync('mount', ['-o', 'remount,rw', disk.path]);
  await serve().ready;
  expect(existsSync(join(disk.path, 'data', 'database'))).toBe(true);
});
