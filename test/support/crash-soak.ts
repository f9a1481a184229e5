// The soak: dialers that are killed at random, several at once now and then, while leads of every behaviour are called; then
// everything has to come to its end, and the checker judges.
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { judge } from './crash-judge.ts';
import { addCampaign, addOwner, countOpen, MIXED, skipLongWaits, untilDone } from './crash-leads.ts';
import { createWorld, type Outdial, type World } from './crash-world.ts';
import type { Broken } from './promise-checker.ts';

export interface SoakOptions {
  serverUrl: string;
  seconds: number;
  /** At least so many; more when all are through before the time is over. */
  leads: number;
  dialers?: number;
  seed?: number;
  say?: (line: string) => void;
}

/** What the soak came to. */
export interface SoakResult {
  seed: number;
  seconds: number;
  dialers: number;
  kills: number;
  /** Of those, the ones that fell together with another. */
  together: number;
  leads: number;
  attempts: number;
  rings: number;
  /** Attempts whose fate the killing left open for a time. */
  unknown: number;
  /** Reservations that lapsed and were decided anew. */
  expired: number;
  /** Given up, never dialed again: those of which no record was to be had. */
  lost: number;
  doubles: number;
  stranded: number;
  broken: Broken[];
  versions: { node: string; postgres: string; fsync: string; synchronousCommit: string };
}

/** Lines of the account: so that calls are many at once, and a kill hits some of them in every state. */
const LINES = 120;
const CAMPAIGNS = 4;

// mulberry32: small, even, repeatable.
const createDice = (seed: number) => {
  let state = seed >>> 0;
  return (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

// Some of everything, and mostly calls that go as they should.
const DIGITS = [...MIXED, ...Array.from({ length: 40 }, (_, index) => ['00', '50', '60', '30'][index % 4] ?? '00')];

const killAtRandom = async (world: World, { seconds, leads, dialers = 3, seed = 1, say = () => {} }: SoakOptions) => {
  const roll = createDice(seed);
  const owner = await addOwner(world.db, LINES);
  const fill = async (): Promise<number> => {
    for (let index = 0; index < CAMPAIGNS; index += 1) {
      const each = Math.ceil(leads / CAMPAIGNS);
      await addCampaign(world.db, owner, {
        cap: LINES / 3,
        digits: DIGITS,
        leads: each,
        maxRetries: 3,
        contactsEvery: 9,
        goal: index === 0,
      });
    }
    return Math.ceil(leads / CAMPAIGNS) * CAMPAIGNS;
  };
  let filled = await fill();
  const alive: Outdial[] = Array.from({ length: dialers }, () => world.serve('dialer'));
  await Promise.all(alive.map(({ ready }) => ready));
  let kills = 0;
  let together = 0;
  const start = Date.now();
  for (let told = start; Date.now() - start < seconds * 1000; ) {
    await sleep(300 + roll() * 2500);
    const victims = alive.map((_, index) => index).filter((index) => index === kills % dialers || roll() < 0.2);
    await Promise.all(victims.map((index) => alive[index]?.kill()));
    kills += victims.length;
    if (victims.length > 1) together += victims.length;
    for (const index of victims) alive[index] = world.serve('dialer');
    await skipLongWaits(world.db);
    if ((await countOpen(world.db)) < CAMPAIGNS) filled += await fill();
    if (Date.now() - told > 15_000) {
      told = Date.now();
      say(`${Math.round((told - start) / 1000)} s: ${kills} kills, ${world.rings().length} rings`);
    }
  }
  // Who was started last may not have begun.
  await Promise.all(alive.map(({ ready }) => ready));
  return { kills, together, filled };
};

const count = async (world: World, condition: ReturnType<typeof sql<boolean>>): Promise<number> => {
  const { rows } = await sql<{ n: number }>`select count(*) as n from calls where ${condition}`.execute(world.db);
  return rows[0]?.n ?? 0;
};

const setting = async (world: World, name: string): Promise<string> => {
  const { rows } = await sql<{ value: string }>`select current_setting(${name}) as value`.execute(world.db);
  return rows[0]?.value ?? '';
};

/** Runs a soak to its end. @throws Error when something never comes to an end. */
export const runSoak = async (options: SoakOptions): Promise<SoakResult> => {
  const { seconds, seed = 1, dialers = 3, serverUrl } = options;
  const world = await createWorld({ serverUrl, seed, speed: 20 });
  try {
    const { kills, together, filled } = await killAtRandom(world, options);
    // As long as everything that is left takes, with room: what is stranded would be so for ever.
    await untilDone(world.db, Math.max(120_000, options.leads * 60));
    const broken = await judge(world);
    const { rows: unknowns } = await sql<{
      n: number;
    }>`select count(*) as n from changes where what = 'call' and to_status = 'unknown'`.execute(world.db);
    return {
      seed,
      seconds,
      dialers,
      kills,
      together,
      leads: filled,
      attempts: await count(world, sql<boolean>`sent_at is not null`),
      rings: world.rings().length,
      unknown: unknowns[0]?.n ?? 0,
      expired: await count(world, sql<boolean>`outcome = 'expired'`),
      lost: await count(world, sql<boolean>`outcome = 'lost'`),
      doubles: broken.filter(({ promise }) => promise === 'D1').length,
      stranded: broken.filter(({ promise }) => promise === 'D2').length,
      broken,
      versions: {
        node: process.versions.node,
        postgres: await setting(world, 'server_version'),
        fsync: await setting(world, 'fsync'),
        synchronousCommit: await setting(world, 'synchronous_commit'),
      },
    };
  } finally {
    await world.close();
  }
};

/** The result as rows of a Markdown table. */
export const toTable = (result: SoakResult): string =>
  [
    '| figure | value |',
    '| --- | --- |',
    `| dialer processes | ${result.dialers} |`,
    `| kill -9 of a dialer | ${result.kills}, ${result.together} of them together with another |`,
    `| leads | ${result.leads}, every ninth with two more contacts |`,
    `| attempts that were sent | ${result.attempts} |`,
    `| rings in the carrier's log | ${result.rings} |`,
    `| attempts that were unknown for a time | ${result.unknown} |`,
    `| reservations that lapsed and were decided anew | ${result.expired} |`,
    `| given up for lost, and not dialed again | ${result.lost} |`,
    `| **attempts that rang twice** | **${result.doubles}** |`,
    `| **leads or attempts stranded** | **${result.stranded}** |`,
    `| other broken promises | ${result.broken.length - result.doubles - result.stranded} |`,
  ].join('\n');
