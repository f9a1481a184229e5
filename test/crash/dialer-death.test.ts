// A default installation: the simulated carrier lives in the dialer's process, and its calls die with it. Leases are long, so that only
// what is known of dead dialers helps; calls are long, so that only their end frees a line.
import { sql } from 'kysely';
import { expect, inject, test, vi } from 'vitest';
import { addCampaign, addOwner, type Owner } from '../support/crash-leads.ts';
import { createWorld, type World } from '../support/crash-world.ts';

/** Without a carrier of its own, and at the speed of life. */
const DEFAULT = { SIMULATED_CARRIER_URL: '', RESERVATION_SECONDS: '60', CARRIER_TIMEOUT: '20', UNKNOWN_MINUTES: '15', REPORT_WAIT: '600' };
const LINES = 4;
/** Who answers talks as long as a call may last. */
const TALKS_ON = '79';

const inWorld = async (act: (world: World, owner: Owner) => Promise<void>): Promise<void> => {
  const world = await createWorld({ serverUrl: inject('prepared')?.serverUrl ?? '' });
  try {
    const owner = await addOwner(world.db, 3 * LINES);
    await sql`update assistants set settings = '{"ringing_time":10,"max_duration":1200}'`.execute(world.db);
    await addCampaign(world.db, owner, { cap: LINES, digits: [TALKS_ON], leads: 4 * LINES, maxRetries: 3 });
    await act(world, owner);
  } finally {
    await world.close();
  }
};

const callsIn = ({ db }: World, ...states: ('live' | 'ended')[]) =>
  db.selectFrom('calls').selectAll().where('state', 'in', states).orderBy('id').execute();

test.concurrent('kill -9 with all lines in use: the next dialer calls on within seconds, and calls none of them again', () =>
  inWorld(async (world) => {
    const first = world.serve('all', DEFAULT);
    await first.ready;
    await vi.waitFor(async () => expect(await callsIn(world, 'live')).toHaveLength(LINES), 40_000);
    const before = await callsIn(world, 'live');
    await first.kill();
    const second = world.serve('all', DEFAULT);
    await second.ready;
    await vi.waitFor(async () => {
      const live = await callsIn(world, 'live');
      expect(live).toHaveLength(LINES);
      expect(live.some(({ worker }) => worker === before[0]?.worker)).toBe(false);
    }, 45_000);
    const leads = before.map(({ lead_id }) => lead_id ?? 0);
    const ended = await world.db.selectFrom('calls').selectAll().where('lead_id', 'in', leads).execute();
    expect(ended.map(({ state, outcome }) => [state, outcome])).toEqual(leads.map(() => ['ended', 'lost']));
    const statuses = await world.db.selectFrom('leads').select(['status', 'due_at']).where('id', 'in', leads).execute();
    expect(statuses).toEqual(leads.map(() => ({ status: 'reached-max-retries', due_at: null })));
  }));

test.concurrent('a dialer leaves the long calls of another one alone, whatever its own carrier knows of them', () =>
  inWorld(async (world) => {
    const hasty = { ...DEFAULT, UNKNOWN_MINUTES: '0.02' };
    await world.serve('dialer', hasty).ready;
    await vi.waitFor(async () => expect(await callsIn(world, 'live')).toHaveLength(LINES), 40_000);
    const before = await callsIn(world, 'live');
    await world.serve('dialer', hasty).ready;
    const dialers = () => world.db.selectFrom('dialers').selectAll().execute();
    await vi.waitFor(async () => expect(await dialers()).toHaveLength(2), 20_000);
    let mostSilentMs = 0;
    // Longer than the carrier's grace and a dialer's death would take, with every lease over all along.
    for (let second = 0; second < 14; second += 1) {
      await sql`update calls set lease_until = clock_timestamp() where state = 'live'`.execute(world.db);
      await new Promise((resolve) => setTimeout(resolve, 1000));
      const { rows } = await sql<{ ms: number }>`
        select max(extract(epoch from clock_timestamp() - beat_at))::double precision * 1000 as ms from dialers`.execute(world.db);
      mostSilentMs = Math.max(mostSilentMs, rows[0]?.ms ?? 0);
    }
    // On a machine that lets a dialer stand still for so long, it rightly counts as dead.
    if (mostSilentMs > 7000) return;
    const about = ({ id, state, worker }: (typeof before)[number]) => ({ id, state, worker });
    expect((await callsIn(world, 'live', 'ended')).map(about)).toEqual(before.map(about));
  }));

test.concurrent('where only the API runs, a call of make_call that nobody sends fails, and is listed', () =>
  inWorld(async (world, owner) => {
    const url = await world.serve('api', DEFAULT).ready;
    const ask = async (path: string, body?: object) => {
      const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
      const headers = { authorization: `Bearer ${owner.key}`, 'content-type': 'application/json' };
      const response = await fetch(`${url}/api/user/${path}`, { ...init, headers });
      return (await response.json()) as { id?: number; call_id?: number; total?: number; data?: { id: number; status: string }[] };
    };
    const made = await ask('make_call', { phone_number: '+12025550101', assistant_id: owner.assistantId });
    expect(made.call_id).toEqual(expect.any(Number));
    expect((await ask('calls')).total).toBe(0);
    await sql`update calls set lease_until = clock_timestamp() where id = ${made.call_id ?? 0}`.execute(world.db);
    await vi.waitFor(async () => expect((await ask('calls')).data).toMatchObject([{ id: made.call_id, status: 'failed' }]), 20_000);
  }));
