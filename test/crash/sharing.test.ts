// Two and three dialers on one database share the work without a leader: everybody is called as often as one dialer would, and
// the caps hold by the carrier's own log. One of them may be killed at any time.
import { expect, inject, test, vi } from 'vitest';
import { judge } from '../support/crash-judge.ts';
import { addCampaign, addOwner, untilDone } from '../support/crash-leads.ts';
import { mostAtOnce } from '../support/crash-lines.ts';
import { createWorld } from '../support/crash-world.ts';

const DIGITS = ['00', '01', '50', '60', '78', '86', '87'];
const CAP = 7;
const LINES = 11;

test.concurrent.each([
  [2, false],
  [3, true],
])('%i dialers; one of them killed: %s', async (count, killed) => {
  const world = await createWorld({ serverUrl: inject('prepared')?.serverUrl ?? '', speed: 20 });
  try {
    // Together the campaigns want more than the account has.
    const owner = await addOwner(world.db, LINES);
    const options = { cap: CAP, digits: DIGITS, leads: 45 };
    const campaigns = [await addCampaign(world.db, owner, options), await addCampaign(world.db, owner, options)];
    const workers = async (): Promise<number> => (await world.db.selectFrom('calls').select('worker').distinct().execute()).length;
    const dialers = Array.from({ length: count }, () => world.serve('dialer'));
    await Promise.all(dialers.map(({ ready }) => ready));
    if (killed) {
      await vi.waitFor(async () => expect(await workers()).toBe(count), 20_000);
      await dialers[0]?.kill();
    }
    await untilDone(world.db, 60_000);
    expect(await judge(world)).toEqual([]);
    const { all, byCampaign } = await mostAtOnce(world);
    const most = campaigns.map((id) => byCampaign.get(id) ?? 0);
    expect(Math.max(...most)).toBeLessThanOrEqual(CAP);
    expect(all).toBeLessThanOrEqual(LINES);
    // They were used, too.
    expect(all).toBeGreaterThan(CAP);
    expect(await workers()).toBe(count);
    const statuses = await world.db.selectFrom('leads').select('status').distinct().orderBy('status').execute();
    expect(statuses.map(({ status }) => status)).toEqual(['completed', 'reached-max-retries']);
  } finally {
    await world.close();
  }
});
