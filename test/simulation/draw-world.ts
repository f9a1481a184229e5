// From a seed to a small world: campaigns, people, what a person does in between, and what goes wrong.

import type { CallingWindow } from '../../src/campaigns/calling-window.ts';
import { WEEKDAYS, type Weekday } from '../../src/campaigns/campaign.ts';
import type { MemoryCampaign, MemoryContact, MemoryWorld } from '../../src/dialer/memory-ledger.ts';
import { type Chance, createChance } from './chance.ts';

/** An act before it is done. */
export type PlannedAct = { atMs: number } & (
  | { kind: 'stop'; campaignId: number }
  | { kind: 'start'; campaignId: number }
  | { kind: 'block'; number: string }
  | { kind: 'delete' | 'complete' | 'exhaust' | 'reset'; leadId: number }
);

/** A dialer's life. */
export interface ProcessPlan {
  /** After the one before it is gone, or after the start. */
  startsAfterMs: number;
  /**
   * How it ends: in the middle of its so-many-th act (before it has an effect, or after), or of its so-many-th request to call,
   * which has left; at an instant, orderly, or not at all.
   */
  end:
    | { kind: 'in-act'; act: number; after: boolean }
    | { kind: 'in-request'; request: number }
    | { kind: 'at' | 'orderly'; ms: number }
    | { kind: 'never' };
  /** Milliseconds that the ledger's answers may take. */
  latencyMs: number;
  /** Shares of acts of the ledger that fail, whether or not they had their effect, and of questions to the carrier. */
  ledgerFails: number;
  lookupFails: number;
}

/** A world to run. */
export interface World {
  seed: number;
  start: Date;
  lastsMs: number;
  ledger: MemoryWorld;
  acts: PlannedAct[];
  /** The share of claims into which a person's act comes at once. */
  races: number;
  /** Side by side; each a row of lives. */
  processes: ProcessPlan[][];
  rates: { campaign: number; number: number; carrier: number };
  idleMs: number;
  leaseMs: number;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;

// An ordinary monday, evenings before nights on which clocks change, and a leap day.
const STARTS: readonly [string, ...string[]] = [
  '2026-03-02T08:15:40Z',
  '2026-03-29T00:20:00Z',
  '2026-10-25T00:20:00Z',
  '2026-11-01T05:20:00Z',
  '2028-02-29T22:50:00Z',
];
const ZONES: readonly [string, ...string[]] = ['UTC', 'Europe/Vienna', 'America/New_York', 'Asia/Kathmandu', 'Australia/Lord_Howe'];

const minutesIn = (zone: string, at: Date): number => {
  const parts = new Intl.DateTimeFormat('en-US', { timeZone: zone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).formatToParts(
    at,
  );
  const part = (type: string) => Number(parts.find((one) => one.type === type)?.value);
  return part('hour') * 60 + part('minute');
};

const clock = (minutes: number): string => {
  const inDay = ((minutes % 1440) + 1440) % 1440;
  return `${String(Math.floor(inDay / 60)).padStart(2, '0')}:${String(inDay % 60).padStart(2, '0')}:00`;
};

// Most are open; some open or close while the world lasts, some cross midnight, few are a minute long.
const drawWindow = (chance: Chance, start: Date): CallingWindow => {
  const zone = chance.pick(ZONES);
  if (chance.hit(0.6)) return { zone, days: WEEKDAYS, start: '00:00:00', end: '23:59:00' };
  const now = minutesIn(zone, start);
  const opens = now + chance.whole(-90, 20);
  const closes = opens + (chance.hit(0.1) ? 0 : chance.whole(5, 120));
  const days: Weekday[] = chance.hit(0.8) ? [...WEEKDAYS] : WEEKDAYS.filter(() => chance.hit(0.7));
  return { zone, days, start: clock(opens), end: clock(closes) };
};

const drawSimulation = (chance: Chance): Record<string, unknown> | null => {
  if (chance.hit(0.5)) return null;
  const rate = () => (chance.hit(0.5) ? 0 : chance.draw() * 0.3);
  return {
    mix: {
      human: chance.whole(0, 5),
      machine: chance.whole(0, 3),
      unknown: chance.whole(0, 1),
      busy: chance.whole(0, 3),
      no_answer: chance.whole(1, 5),
      declined: chance.whole(0, 1),
      failed: chance.whole(0, 1),
      invalid_number: chance.whole(0, 1),
      canceled: chance.whole(0, 1),
      rejected: chance.hit(0.2) ? chance.whole(1, 3) : 0,
      number_refused: chance.hit(0.2) ? chance.whole(1, 3) : 0,
    },
    goal_rate: chance.draw(),
    report_rate: chance.pick([1, 0.5, 0.9]),
    faults: {
      late: rate(),
      twice: rate(),
      disordered: rate(),
      end_lost: rate(),
      reply_lost: rate(),
      request_lost: rate(),
      hangs: rate(),
    },
    ring_seconds: [1, chance.whole(1, 10)],
    talk_seconds: [1, chance.whole(1, 60)],
    late_seconds: chance.whole(1, 90),
  };
};

const drawCampaign = (chance: Chance, id: number, start: Date, accountCap: number): MemoryCampaign => {
  const goal = chance.hit(0.3) ? 'met' : null;
  return {
    id,
    accountId: 1,
    assistantId: 1,
    name: `Campaign ${id}`,
    status: 'draft',
    window: drawWindow(chance, start),
    policy: {
      maxRetries: chance.whole(1, 4),
      retryIntervalMinutes: chance.whole(1, 12),
      retryOnVoicemail: chance.hit(0.4),
      goal,
    },
    cap: chance.whole(1, 4),
    accountCap,
    completesWhenDone: chance.hit(0.8),
    numbers: Array.from({ length: chance.whole(1, 3) }, (_, index) => ({
      id: index + 1,
      phoneNumber: `+1202555019${index}`,
      uses: 0,
      lastUsedAt: null,
    })),
    settings: {
      assistant_settings: {
        ringing_time: chance.whole(5, 30),
        max_duration: chance.whole(30, 300),
        ...(chance.hit(0.2) ? { post_call_evaluation: false } : {}),
      },
      post_call_schema: goal === null ? [] : [{ name: goal, type: 'bool', description: '' }],
      goal_completion_variable: goal,
      simulation: drawSimulation(chance),
    },
    variables: {},
  };
};

// What the last digits stand for is drawn with them. 80 refuses for ever, and pauses the carrier for everybody: seldom.
const drawNumber = (chance: Chance, index: number): string => {
  const digits = chance.whole(0, 99);
  const kept = digits === 80 && chance.hit(0.8) ? 60 : digits;
  return `+1${200 + index}55501${String(kept).padStart(2, '0')}`;
};

const drawLeads = (
  chance: Chance,
  campaigns: number,
  start: Date,
  blacklist: ReadonlySet<string>,
  numbers: readonly string[],
): MemoryContact[] => {
  const leads: MemoryContact[] = [];
  let next = 0;
  const add = (campaignId: number, primaryId: number | null): number => {
    const phoneNumber = numbers[next] ?? '';
    next += 1;
    const blocked = blacklist.has(phoneNumber) && chance.hit(0.5);
    const dueAt = primaryId === null && !blocked ? start : null;
    const fresh = { variables: {}, tries: 0, lastAttemptNo: 0, lastCallerId: null, lost: false };
    leads.push({ id: next, campaignId, primaryId, phoneNumber, status: blocked ? 'blacklisted' : 'created', dueAt, ...fresh });
    return next;
  };
  const count = chance.whole(3, 10);
  while (next < count) {
    const campaignId = chance.whole(1, campaigns);
    const primaryId = add(campaignId, null);
    for (let contacts = chance.hit(0.5) ? chance.whole(1, 3) : 0; contacts > 0 && next < count; contacts -= 1) add(campaignId, primaryId);
  }
  return leads;
};

const drawActs = (chance: Chance, lastsMs: number, campaigns: number, leads: readonly MemoryContact[]): PlannedAct[] => {
  const acts: PlannedAct[] = [];
  for (let campaignId = 1; campaignId <= campaigns; campaignId += 1)
    acts.push({ atMs: chance.whole(0, 2) * SECOND, kind: 'start', campaignId });
  for (let left = chance.hit(0.7) ? chance.whole(1, 8) : 0; left > 0; left -= 1) {
    // Most while much goes on.
    const atMs = Math.floor(chance.draw() * chance.pick([5 * SECOND, 60 * SECOND, lastsMs]));
    const lead = leads[chance.whole(0, leads.length - 1)];
    if (lead === undefined) continue;
    const { id: leadId, campaignId } = lead;
    switch (chance.whole(0, 6)) {
      case 0:
        acts.push({ atMs, kind: 'stop', campaignId });
        // Or it is over for this campaign.
        if (chance.hit(0.9)) acts.push({ atMs: atMs + chance.whole(0, 60) * SECOND, kind: 'start', campaignId });
        break;
      case 1:
        acts.push({ atMs, kind: 'start', campaignId });
        break;
      case 2:
        acts.push({ atMs, kind: 'block', number: lead.phoneNumber });
        break;
      case 3:
        acts.push({ atMs, kind: 'delete', leadId });
        break;
      case 4:
        acts.push({ atMs, kind: 'complete', leadId });
        break;
      case 5:
        acts.push({ atMs, kind: 'exhaust', leadId });
        break;
      default:
        acts.push({ atMs, kind: 'reset', leadId });
    }
  }
  return acts.sort((a, b) => a.atMs - b.atMs);
};

const drawEnd = (chance: Chance): ProcessPlan['end'] => {
  const kind = chance.draw();
  if (kind < 0.3) return { kind: 'in-act', act: chance.whole(1, 60), after: chance.hit(0.5) };
  // Few of its acts are requests, and nothing else is as hard to judge afterwards.
  if (kind < 0.6) return { kind: 'in-request', request: chance.whole(1, 2) };
  if (kind < 0.8) return { kind: 'at', ms: chance.whole(0, 300 * SECOND) };
  return { kind: 'orderly', ms: chance.whole(0, 300 * SECOND) };
};

const drawProcesses = (chance: Chance): ProcessPlan[][] =>
  Array.from({ length: chance.pick([1, 1, 2, 3]) }, () => {
    const crashes = chance.hit(0.3) ? 0 : chance.whole(1, 4);
    const plain = { latencyMs: chance.hit(0.5) ? 0 : chance.whole(1, 3000), ledgerFails: chance.hit(0.7) ? 0 : chance.draw() * 0.1 };
    const lookupFails = chance.hit(0.7) ? 0 : chance.draw() * 0.5;
    const lives = Array.from({ length: crashes }, () => ({
      // Or when whatever the one before it held has lapsed.
      startsAfterMs: chance.whole(0, chance.pick([1, 40, 120])) * SECOND,
      end: drawEnd(chance),
      ...plain,
      lookupFails,
    }));
    return [...lives, { startsAfterMs: chance.whole(0, 2) * SECOND, end: { kind: 'never' as const }, ...plain, lookupFails }];
  });

/** The world of a seed. */
export const drawWorld = (seed: number): World => {
  const chance = createChance(seed);
  const start = new Date(chance.pick(STARTS));
  const lastsMs = chance.whole(20, 70) * MINUTE;
  const campaigns = chance.hit(0.7) ? 1 : 2;
  const accountCap = chance.whole(1, 6);
  const numbers = Array.from({ length: 10 }, (_, index) => drawNumber(chance, index));
  const blacklist = new Set(numbers.filter(() => chance.hit(0.1)));
  const leads = drawLeads(chance, campaigns, start, blacklist, numbers);
  const rate = () => (chance.hit(0.8) ? 0 : chance.whole(1, 2));
  return {
    seed,
    start,
    lastsMs,
    ledger: {
      campaigns: Array.from({ length: campaigns }, (_, index) => drawCampaign(chance, index + 1, start, accountCap)),
      leads,
      blacklist: [...blacklist].map((phoneNumber) => ({ accountId: 1, phoneNumber })),
    },
    acts: drawActs(chance, lastsMs, campaigns, leads),
    races: chance.hit(0.4) ? 0 : chance.draw() * 0.6,
    processes: drawProcesses(chance),
    rates: { campaign: rate(), number: rate(), carrier: rate() },
    idleMs: chance.pick([10, 20, 30, 60]) * SECOND,
    leaseMs: chance.pick([5, 30]) * SECOND,
  };
};
