// The same on the embedded database, whose only process does everything: killed, started again, and at the end all is as promised.
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, inject, test, vi } from 'vitest';
import { openDatabase } from '../../src/db/open.ts';
import { createPerson } from '../support/crash-api.ts';
import { addCampaign, addOwner } from '../support/crash-leads.ts';
import { createWorld } from '../support/crash-world.ts';
import { brokenPromises, readRows } from '../support/promise-checker.ts';

// Without those that only a long wait settles.
const DIGITS = ['00', '01', '30', '40', '50', '60', '74', '81', '83', '85', '86', '87', '88'];

test('killed twice in full run', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'outdial-embedded-'));
  const world = await createWorld({ serverUrl: inject('prepared')?.serverUrl ?? '', speed: 25 });
  // What died before it had left is given up when it is asked about first; a second time comes only after fifteen seconds.
  const serve = () => world.serve('all', { DATABASE_URL: '', DATA_DIR: folder, UNKNOWN_MINUTES: '0.01' });
  try {
    const filled = await openDatabase({ kind: 'folder', dataDir: folder });
    const owner = await addOwner(filled.db, 20);
    const campaign = await addCampaign(filled.db, owner, { cap: 20, digits: DIGITS, leads: 70 });
    await filled.close();
    for (const rung of [15, 40]) {
      const outdial = serve();
      await outdial.ready;
      await vi.waitFor(() => expect(world.rings().length).toBeGreaterThan(rung), { timeout: 30_000, interval: 5 });
      await outdial.kill();
    }
    const last = serve();
    const person = createPerson(await last.ready, owner.key);
    const status = async () => (await person.ask('GET', `campaign/${campaign}`)).body;
    await vi.waitFor(async () => expect(await status()).toMatchObject({ status: 'completed' }), { timeout: 60_000, interval: 300 });
    last.child.kill('SIGTERM');
    await once(last.child, 'exit');
    const { db, close } = await openDatabase({ kind: 'folder', dataDir: folder });
    const rows = await readRows(db);
    await close();
    expect(brokenPromises({ rings: world.rings(), rows, toleranceMs: 500 })).toEqual([]);
    expect(rows.leads.every((lead) => ['completed', 'reached-max-retries'].includes(lead.status))).toBe(true);
  } finally {
    await world.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
