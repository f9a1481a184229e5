// Proof 1: kill -9 around every statement of the dial path, and around every request to the carrier, while leads are under way
// that do everything a carrier may do to a dialer. Each chain is a series of lives on one database: a life begins with new
// leads and with what the one before has left behind, and ends at its crash point. The last one lives until all is done.
//
//   CRASH_POINTS=3   each point also at its second and third occurrence
//
// At the end the worst instants of all, each by itself: there it is certain, not likely, that a program which does the wrong
// thing is seen to do it. The mutations are tried on these.
import { sql } from 'kysely';
import { describe, expect, inject, test } from 'vitest';
import { reserveCall } from '../../src/calls/make-call.store.ts';
import { databaseClock } from '../../src/dialer/lease.store.ts';
import { lapseLeases } from '../../src/dialer/recover.store.ts';
import { toE164 } from '../../src/phone.ts';
import { judge, ringsWrongly } from '../support/crash-judge.ts';
import {
  ANSWERING,
  addCampaign,
  addOwner,
  type CampaignOptions,
  cutLeases,
  describeOpen,
  MIXED,
  type Owner,
  skipLongWaits,
  untilDone,
} from '../support/crash-leads.ts';
import { prepareLife } from '../support/crash-lives.ts';
import { type CrashPoint, createNamer, describePoint } from '../support/crash-statements.ts';
import { startPostgresWire } from '../support/crash-wires.ts';
import { createWorld, type World } from '../support/crash-world.ts';

const around = (...names: string[]): CrashPoint[] =>
  names.flatMap((at) => (['before', 'answered'] as const).map((when): CrashPoint => ({ at, when, nth: 1 })));

// Within a transaction, before a statement is after the one before it.
const within = (first: string, ...rest: string[]): CrashPoint[] => [
  { at: first, when: 'before', nth: 1 },
  ...[first, ...rest].map((at): CrashPoint => ({ at, when: 'answered', nth: 1 })),
];

/** Leads of one kind, and the points at which lives with such leads end. */
interface Stretch {
  campaign: Partial<CampaignOptions>;
  points: CrashPoint[];
}

interface Chain {
  name: string;
  stretches: Stretch[];
}

// Late is later than a lease.
const EVERYTHING = { digits: MIXED, leads: MIXED.length, contactsEvery: 7, blocked: true, simulation: { late_seconds: 100 } };

const CHAINS: Chain[] = [
  {
    name: 'from the claim to the carrier',
    stretches: [
      {
        campaign: EVERYTHING,
        // What one life leaves behind is what the next one's lapse is about.
        points: [
          ...within('decision', 'claim: retire', 'claim', 'claim: commit'),
          ...within('lapse: reserved', 'lapse: commit'),
          ...around('adopt', 'send', 'lapse: sending', 'POST /place', 'accepted', 'accepted: carrier works', 'unconfirmed'),
        ],
      },
      {
        campaign: { leads: 8, simulation: { mix: { rejected: 2, number_refused: 1, human: 1, busy: 1 } } },
        points: within('rejected', 'rejected: leads', 'rejected: decision', 'rejected: commit'),
      },
      {
        campaign: { leads: 6, simulation: { mix: { rejected: 2, human: 1 } } },
        points: within('rejected: pause'),
      },
    ],
  },
  {
    name: 'from the carrier to the end',
    stretches: [
      {
        campaign: { ...EVERYTHING, goal: true },
        points: [
          ...around('GET /events'),
          ...within('record: events', 'record: call', 'record: lead', 'record: turn', 'record: webhook', 'record: commit'),
          ...around('beat', 'take over', 'questions', 'POST /lookup'),
          ...within('give up: call', 'give up: decision', 'give up: lead', 'give up: commit'),
        ],
      },
      { campaign: { digits: ['74'], leads: 1 }, points: within('complete', 'complete: commit') },
    ],
  },
];

const DEPTH = Math.max(1, Number(process.env.CRASH_POINTS ?? 1));
const deepen = (points: readonly CrashPoint[]): CrashPoint[] =>
  Array.from({ length: DEPTH }, (_, index) => points.map((point) => ({ ...point, nth: index + 1 }))).flat();

const LINES = 300;

// Whoever asks for a single call is in the same boat.
const makeCall = (world: World, { accountId, assistantId }: { accountId: number; assistantId: number }, digits: string): Promise<unknown> =>
  world.db.transaction().execute((trx) =>
    reserveCall(
      trx,
      {
        accountId,
        assistant: { id: assistantId },
        phoneNumber: toE164(`+120255501${digits}`) ?? fail(digits),
        variables: {},
        carrier: { kind: 'simulated', simulated: true },
        rates: { number: 0, carrier: 0 },
        databaseLeases: true,
      },
      new Date(),
    ),
  );

const fail = (what: string): never => {
  throw new Error(`${what} is none`);
};

const inWorld = async (act: (world: World, owner: Owner) => Promise<void>): Promise<void> => {
  const world = await createWorld({ serverUrl: inject('prepared')?.serverUrl ?? '' });
  try {
    await act(world, await addOwner(world.db, LINES));
  } finally {
    await world.close();
  }
};

// All that there is to say, whichever of it comes first. `isEnough`: when more need not be waited for.
const verdict = async (world: World, isEnough?: () => Promise<boolean>): Promise<{ broken: unknown[]; stranded: string[] }> => {
  const stranded = await untilDone(world.db, 45_000, isEnough).then(
    () => [],
    (error: Error) => [error.message],
  );
  return { broken: await judge(world), stranded };
};

const verdictOnRings = (world: World) => verdict(world, () => ringsWrongly(world));

const WELL = { broken: [], stranded: [] };

const runChain = async (world: World, owner: Owner, stretches: readonly Stretch[]): Promise<{ missed: string[]; strangers: string[] }> => {
  const missed: string[] = [];
  const strangers = new Set<string>();
  const lives = stretches.flatMap(({ campaign, points }) => deepen(points).map((point) => ({ campaign, point })));
  const prepare = (index: number) => {
    const life = lives[index];
    return life === undefined ? undefined : prepareLife(world, life.point);
  };
  // The next one starts up while this one lives.
  let next = prepare(0);
  for (const [index, { campaign, point }] of lives.entries()) {
    await addCampaign(world.db, owner, { name: describePoint(point), cap: 60, digits: MIXED, leads: 1, ...campaign });
    await makeCall(world, owner, MIXED[index % MIXED.length] ?? '00');
    let unborn = await next;
    if (unborn?.waits() !== true) {
      await unborn?.discard();
      unborn = await prepareLife(world, point);
    }
    next = prepare(index + 1);
    const started = performance.now();
    const skipping = setInterval(() => void skipLongWaits(world.db), 1000);
    const life = await unborn.live().finally(() => clearInterval(skipping));
    if (process.env.CRASH_LOG === '1') process.stderr.write(`${Math.round(performance.now() - started)} ms  ${describePoint(point)}\n`);
    if (!life.reached) missed.push(`${describePoint(point)}: ${life.log} ${await describeOpen(world.db)}`);
    for (const stranger of life.strangers) strangers.add(stranger);
  }
  await world.serve('dialer').ready;
  return { missed, strangers: [...strangers] };
};

describe.concurrent('killed around every statement', () => {
  test.each(CHAINS)('$name', { timeout: 240_000 * DEPTH }, ({ stretches }) =>
    inWorld(async (world, owner) => {
      const { missed, strangers } = await runChain(world, owner, stretches);
      expect({ ...(await verdict(world)), missed, strangers }).toEqual({ ...WELL, missed: [], strangers: [] });
      // Retries, refusals and cascades were among it.
      expect(world.rings().length).toBeGreaterThan(500);
    }),
  );
});

// Nothing runs out because the machine is busy: what has to lapse is made to.
const PATIENT = { RESERVATION_SECONDS: '60', CARRIER_TIMEOUT: '20' };

describe.concurrent('at the worst instant', () => {
  // Of these calls nothing is ever reported, however long it takes until somebody looks: only the carrier's record tells.
  test('killed while it calls, before it has been told that it does', () =>
    inWorld(async (world, owner) => {
      await addCampaign(world.db, owner, { cap: LINES, digits: ['85'], leads: 5, simulation: { late_seconds: 7200 } });
      const unborn = await prepareLife(world, { at: 'POST /place', when: 'answered', nth: 1 }, PATIENT);
      expect(await unborn.live()).toMatchObject({ reached: true, strangers: [] });
      expect(world.rings().length).toBeGreaterThan(0);
      await cutLeases(world.db, 'sending');
      await world.serve('dialer', PATIENT).ready;
      expect(await verdictOnRings(world)).toEqual(WELL);
    }));

  test('held up until its reservations have lapsed and others may have them', () =>
    inWorld(async (world, owner) => {
      const leads = 5;
      const namer = createNamer();
      let held = false;
      let tell = () => {};
      const told = new Promise<void>((resolve) => {
        tell = resolve;
      });
      const lapse = async (): Promise<boolean> => {
        await cutLeases(world.db, 'reserved');
        await lapseLeases(world.db, databaseClock, new Date());
        return true;
      };
      const wire = await startPostgresWire(world.databaseUrl, (message, connection) => {
        if (held || namer.nameOf(message, connection) !== 'send') return undefined;
        held = true;
        return {
          before: lapse,
          after: () => {
            tell();
            return true;
          },
        };
      });
      await addCampaign(world.db, owner, { cap: LINES, digits: ANSWERING, leads });
      const dialer = world.serve('dialer', { DATABASE_URL: wire.url, ...PATIENT });
      try {
        await told;
        expect(await verdictOnRings(world)).toEqual(WELL);
        // Everybody once, by a reservation that stood.
        expect(world.rings()).toHaveLength(leads);
        const expired = await world.db.selectFrom('calls').select('id').where('outcome', '=', 'expired').execute();
        expect(expired).toHaveLength(leads);
      } finally {
        await dialer.kill();
        await wire.close();
      }
    }));

  test('an answer is lost, and somebody has to be called again', () =>
    inWorld(async (world, owner) => {
      await addCampaign(world.db, owner, { cap: LINES, digits: ['83', '60'], leads: 4 });
      await world.serve('dialer', PATIENT).ready;
      expect(await verdictOnRings(world)).toEqual(WELL);
      // Whoever does not answer, twice.
      expect(world.rings()).toHaveLength(6);
    }));

  test('the database refuses a second attempt of the same number, whoever writes it', () =>
    inWorld(async (world, owner) => {
      const campaign_id = await addCampaign(world.db, owner, { cap: 1, digits: ['00'], leads: 1, running: false });
      const attempt = () =>
        sql`
        insert into calls (account_id, assistant_id, campaign_id, lead_id, attempt_no, state, status, phone_number, caller_number, carrier,
          simulated, worker, variables, created_at, updated_at)
        select account_id, ${owner.assistantId}::bigint, ${campaign_id}::bigint, id, 1, 'ended', 'failed', phone_number, '+12025550100',
          'simulated', true, 'test', '{}', now(), now() from leads where campaign_id = ${campaign_id}::bigint`.execute(world.db);
      await attempt();
      await expect(attempt()).rejects.toMatchObject({ code: '23505', constraint: 'calls_attempt_once' });
    }));
});
