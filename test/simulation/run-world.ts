// Runs a world on virtual time to its end, and then on without faults until everything must have come to an end.
import { pino } from 'pino';
import type { Carrier } from '../../src/carriers/carrier.ts';
import { createSimulatedCarrier, type SimulatedCarrier } from '../../src/carriers/simulated/simulated-carrier.ts';
import type { Ledger } from '../../src/dialer/ledger.ts';
import { createMemoryLedger, type MemoryLedger, type MemoryState } from '../../src/dialer/memory-ledger.ts';
import { createVirtualTime, type VirtualTime } from '../../src/virtual-time.ts';
import type { Act, Evidence, Rows } from '../support/promise-checker.ts';
import { doAct } from './acts.ts';
import { type Chance, createChance } from './chance.ts';
import type { PlannedAct, ProcessPlan, World } from './draw-world.ts';
import { type Machine, type Process, startProcess } from './process.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
/** As in calls/revoke.store.ts. */
const LOOK_EVERY = 20;
/** Shorter than theirs: whoever is answered earlier is promised no less. */
const LONGEST_WAIT = 15 * SECOND;
// An end that is never reported is asked for after 25 minutes; what stays unknown is given up after 15.
const SETTLING = 50 * MINUTE;

const PLAIN: ProcessPlan = { startsAfterMs: 0, end: { kind: 'never' }, latencyMs: 0, ledgerFails: 0, lookupFails: 0 };

// Whatever does not wait for time has happened after one round of the event loop: the ledger is in memory.
const quiet = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const advance = async (time: VirtualTime, until: Date): Promise<void> => {
  for (;;) {
    await quiet();
    const next = time.next();
    if (next === undefined || next > until) break;
    await time.advanceTo(next);
  }
  await time.advanceTo(until);
  await quiet();
};

/** The rows of a ledger in memory, as the checker reads them. */
export const rowsOf = (state: MemoryState): Rows => ({
  attempts: [...state.calls.values()].map(({ row }) => row),
  decisions: state.decisions,
  changes: state.changes,
  leads: [...state.leads.values()].map(({ id, campaignId, primaryId, family, phoneNumber, status, dueAt }) => ({
    id,
    campaign_id: campaignId,
    primary_id: primaryId,
    position: primaryId === null ? null : family.findIndex((one) => one.id === id),
    phone_number: phoneNumber,
    status,
    due_at: dueAt,
  })),
  campaigns: [...state.campaigns.values()].map(({ id, status }) => ({ id, status })),
});

/** What became of a world. */
export interface Outcome extends Evidence {
  state: MemoryState;
  acts: Act[];
  /** Dialers that were started. */
  processes: number;
}

/** Breaks something on purpose, to see it found. */
export interface Sabotage {
  ledger?: (ledger: MemoryLedger) => Partial<Ledger>;
  carrier?: (carrier: SimulatedCarrier) => Partial<Carrier>;
}

/** Runs a world. */
export const runWorld = async (world: World, sabotage: Sabotage = {}): Promise<Outcome> => {
  const time = createVirtualTime(world.start);
  // The carrier does not wait for anybody to take an event: time would stand still where the taker waits for it.
  const scheduler = { now: time.now, after: (ms: number, act: () => void | Promise<void>) => time.after(ms, () => void act()) };
  const carrier = createSimulatedCarrier({ scheduler, seed: world.seed });
  const end = new Date(world.start.getTime() + world.lastsMs);
  const ledger = createMemoryLedger(world.ledger);
  const { rates, idleMs, leaseMs } = world;
  const machine: Machine = {
    time,
    ledger: {
      ...ledger,
      ...sabotage.ledger?.(ledger),
      claim: async (...args) => {
        const result = await (sabotage.ledger?.(ledger).claim ?? ledger.claim)(...args);
        for (const { callId } of result.reserved) race(callId);
        return result;
      },
    },
    // It outlives the processes that use it.
    carrier: { ...carrier, capabilities: { ...carrier.capabilities, sharedRecord: true }, ...sabotage.carrier?.(carrier) },
    settings: { rates, idleMs, leaseMs },
  };
  const processes = new Set<Process>();
  const acts: Act[] = [];
  let started = 0;

  const emitting = createChance(world.seed ^ 0x5eed);
  const log = pino({ level: 'silent' });
  await carrier.start({
    now: time.now,
    log,
    emit: (event) => {
      const alive = [...processes].filter((one) => one.alive());
      const taker = alive[emitting.whole(0, alive.length - 1)];
      return taker === undefined ? Promise.reject(new Error('nobody is there')) : taker.emit(event);
    },
  });

  const live = (plan: ProcessPlan, chance: Chance, gone: () => void): void => {
    started += 1;
    let requests = 0;
    const place: Carrier['place'] = (request, signal) => {
      const placing = machine.carrier.place(request, signal);
      requests += 1;
      if (plan.end.kind === 'in-request' && plan.end.request === requests) one.kill();
      return placing;
    };
    const one: Process = startProcess({ ...machine, carrier: { ...machine.carrier, place } }, plan, chance, () => {
      processes.delete(one);
      gone();
    });
    processes.add(one);
  };
  const lives = ([first, ...rest]: readonly ProcessPlan[], chance: Chance): void => {
    if (first === undefined) return;
    time.after(first.startsAfterMs, () => live(first, chance, () => time.now() < end && lives(rest, chance)));
  };
  const answer = (act: Act, mayLeave: () => boolean, waited: number): void => {
    if (mayLeave() && waited < LONGEST_WAIT) {
      time.after(LOOK_EVERY, () => answer(act, mayLeave, waited + LOOK_EVERY));
      return;
    }
    act.answered = time.now();
    act.ringsBefore = carrier.rings().length;
  };
  let over = false;
  const perform = (planned: PlannedAct): void => {
    // A start among them would begin anew.
    if (over) return;
    const done = doAct(ledger.state, planned, time.now());
    if (done === undefined) return;
    acts.push(done.act);
    answer(done.act, () => [...ledger.state.open.values()].some((call) => call.row.state === 'sending' && done.mayStillLeave(call)), 0);
    for (const one of processes) if (emitting.hit(0.7)) one.wake();
  };

  const racing = createChance(world.seed ^ 0xace);
  // Between the reservation and the ring, if the dialer is slow enough.
  const race = (callId: number): void => {
    const row = ledger.state.calls.get(callId)?.row;
    if (row?.campaign_id == null || row.lead_id === null || time.now() >= end || !racing.hit(world.races)) return;
    const { campaign_id: campaignId, lead_id: leadId, phone_number: number } = row;
    // A stop is the one that is answered only when nothing may leave any more.
    const kinds = ['stop', 'stop', 'stop', 'block', 'complete', 'exhaust', 'reset', 'delete'] as const;
    const kind = racing.pick(kinds);
    const planned: PlannedAct =
      kind === 'stop' ? { atMs: 0, kind, campaignId } : kind === 'block' ? { atMs: 0, kind, number } : { atMs: 0, kind, leadId };
    time.after(racing.whole(0, 300), () => perform(planned));
    if (kind === 'stop') time.after(racing.whole(300, 5000), () => perform({ atMs: 0, kind: 'start', campaignId }));
  };

  const chance = createChance(world.seed ^ 0xdea1);
  for (const [index, plans] of world.processes.entries()) lives(plans, chance.fork(index));
  for (const planned of world.acts) time.after(planned.atMs, () => perform(planned));
  await advance(time, end);

  for (const one of [...processes]) one.kill();
  live(PLAIN, chance, () => {});
  for (const { id } of world.ledger.campaigns) perform({ atMs: 0, kind: 'stop', campaignId: id });
  over = true;
  await advance(time, new Date(end.getTime() + SETTLING));
  for (const one of [...processes]) one.kill();

  const terms = world.ledger.campaigns.map(({ id, window, cap, accountCap, policy }) => ({
    campaignId: id,
    window,
    cap,
    accountCap,
    maxRetries: policy.maxRetries,
  }));
  const before: Act[] = world.ledger.blacklist.map(({ phoneNumber }) => ({
    kind: 'block',
    number: phoneNumber,
    begun: new Date(0),
    answered: new Date(0),
    ringsBefore: 0,
  }));
  return { rings: carrier.rings(), rows: rowsOf(ledger.state), acts: [...before, ...acts], terms, state: ledger.state, processes: started };
};
