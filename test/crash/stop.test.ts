// Stop means stop: once a stop, an opt-out or a deletion has been answered, nothing of it rings any more, by the carrier's own
// log. Two dialers in full run; and a dialer that is held up at the worst instant.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest';
import { closeLater } from '../support/closing.ts';
import { createPerson } from '../support/crash-api.ts';
import { judge } from '../support/crash-judge.ts';
import { ANSWERING, addCampaign, addOwner, type Owner } from '../support/crash-leads.ts';
import { createNamer } from '../support/crash-statements.ts';
import { startPostgresWire } from '../support/crash-wires.ts';
import { createWorld, type Outdial, type World } from '../support/crash-world.ts';
import { type Act, brokenPromises, readRows } from '../support/promise-checker.ts';

const LINES = 40;
// What is unknown is not given up before the dialer that was held up goes on.
const PATIENT = { UNKNOWN_MINUTES: '1' };

let world: World;
let owner: Owner;
let person: ReturnType<typeof createPerson>;

beforeAll(async () => {
  world = await createWorld({ serverUrl: inject('prepared')?.serverUrl ?? '' });
  owner = await addOwner(world.db, LINES);
  person = createPerson(await world.serve('api').ready, owner.key);
});
afterAll(() => world.close());

const rings = () => world.rings().length;

/** So many more rings than now. */
const moreRings = async (count: number): Promise<void> => {
  const goal = rings() + count;
  await vi.waitFor(() => expect(rings()).toBeGreaterThanOrEqual(goal), { timeout: 20_000, interval: 10 });
};

// Both clocks are the machine's, so not a millisecond is given.
const rungAfter = async (acts: readonly Act[]) =>
  brokenPromises({ rings: world.rings(), rows: await readRows(world.db), acts, final: false }).filter(({ promise }) => promise === 'D6');

const dueNext = async (campaignId: number, count: number) =>
  world.db
    .selectFrom('leads')
    .select(['id', 'phone_number'])
    .where('campaign_id', '=', campaignId)
    .where('due_at', 'is not', null)
    .orderBy('due_at')
    .limit(count)
    .execute();

describe('two dialers in full run', () => {
  let dialers: Outdial[];
  beforeAll(async () => {
    dialers = [world.serve('dialer'), world.serve('dialer')];
    await Promise.all(dialers.map(({ ready }) => ready));
  });
  afterAll(() => Promise.all(dialers.map((dialer) => dialer.kill())));

  const start = async (leads = 4000): Promise<number> => {
    const id = await addCampaign(world.db, owner, { cap: LINES, digits: ANSWERING, leads });
    await moreRings(40);
    return id;
  };

  test('stop, edit, start, again and again', async () => {
    const id = await start();
    const acts: Act[] = [];
    for (let round = 0; round < 8; round += 1) {
      acts.push(await person.move('stop', id));
      if (round % 2 === 0) await sleep(30);
      await person.edit(id, { name: `Round ${round}`, max_calls_in_parallel: LINES - (round % 3) });
      acts.push(await person.move('start', id));
      await moreRings(15);
    }
    acts.push(await person.move('stop', id));
    const then = rings();
    await sleep(1000);
    expect(rings()).toBe(then);
    expect(await rungAfter(acts)).toEqual([]);
  });

  test('numbers that opt out, leads that are deleted or set to completed, one after the other and at once', async () => {
    const id = await start();
    const acts: Act[] = [];
    for (let round = 0; round < 6; round += 1) {
      // The very next ones: some of them are being reserved or sent at this instant.
      const [a, b, c, ...more] = await dueNext(id, 12);
      if (a === undefined || b === undefined || c === undefined) throw new Error('nobody is due');
      acts.push(...(await Promise.all([person.block(a.phone_number), person.deleteLead(b.id), person.complete(c.id)])));
      acts.push(
        ...(await Promise.all(
          more.map(({ id: leadId, phone_number }, index) => {
            if (index % 3 === 0) return person.block(phone_number);
            return index % 3 === 1 ? person.deleteLead(leadId) : person.complete(leadId);
          }),
        )),
      );
    }
    await moreRings(100);
    expect(await rungAfter(acts)).toEqual([]);
    const stopped = await person.move('stop', id);
    await sleep(500);
    expect(await rungAfter([...acts, stopped])).toEqual([]);
  });

  test('a campaign that is deleted', async () => {
    const id = await start();
    const { answered } = await person.deleteCampaign(id);
    await sleep(1000);
    // It was the only one; its purge may have taken its name from its calls.
    expect(world.rings().filter(({ at }) => answered === null || new Date(at) > answered)).toEqual([]);
  });
});

describe('a dialer that is held up', () => {
  // Held where it asks whether it may send, or where it has been told so; late is longer than a sending may last.
  test.each([
    ['before it asks', 'before', false],
    ['when it has been told so', 'after', false],
    ['frozen, when it has been told so', 'after', true],
  ] as const)('%s', async (_, where, frozen) => {
    const namer = createNamer();
    let release = () => {};
    let arrived = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const arrival = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const hold = async (): Promise<boolean> => {
      arrived();
      if (!frozen) await held;
      return true;
    };
    let dialer: Outdial | undefined;
    const wire = await startPostgresWire(world.databaseUrl, (message, connection) => {
      if (namer.nameOf(message, connection) !== 'send') return undefined;
      if (frozen) {
        return {
          after: () => {
            dialer?.child.kill('SIGSTOP');
            return hold();
          },
        };
      }
      return { [where]: hold };
    });
    const campaign = await addCampaign(world.db, owner, { cap: 10, digits: ANSWERING, leads: 30 });
    dialer = world.serve('dialer', { DATABASE_URL: wire.url, ...PATIENT });
    closeLater(async () => {
      release();
      await dialer?.kill();
      await wire.close();
    });
    await arrival;
    // Another one does the tidying.
    const other = world.serve('dialer', PATIENT);
    closeLater(() => other.kill());
    const acts = [await person.move('stop', campaign)];
    // However late it is told.
    await sleep(300);
    release();
    dialer.child.kill('SIGCONT');
    await sleep(1500);
    expect(await rungAfter(acts)).toEqual([]);
    await vi.waitFor(async () => expect((await judge(world)).filter(({ promise }) => promise === 'D2')).toEqual([]), {
      timeout: 20_000,
      interval: 200,
    });
    const statuses = await world.db.selectFrom('leads').select('status').where('campaign_id', '=', campaign).distinct().execute();
    // Nothing had rung, so nothing counts: they wait as before.
    expect(statuses).toEqual([{ status: 'created' }]);
  });
});
