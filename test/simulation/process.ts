// A dialer as a process that may die: at an instant, or in the middle of an act. A dead one does nothing more: its timers do
// not go off, its requests do not leave, and what it waits for never comes.
import { pino } from 'pino';
import type { Carrier, CarrierContext, CarrierEvent } from '../../src/carriers/carrier.ts';
import type { SimulatedCarrier } from '../../src/carriers/simulated/simulated-carrier.ts';
import { type Dialer, type DialerSettings, startDialer } from '../../src/dialer/dialer.ts';
import type { Ledger } from '../../src/dialer/ledger.ts';
import type { VirtualTime } from '../../src/virtual-time.ts';
import type { Chance } from './chance.ts';
import type { ProcessPlan } from './draw-world.ts';

/** What processes share, and what outlives them. */
export interface Machine {
  time: VirtualTime;
  ledger: Ledger;
  carrier: SimulatedCarrier;
  settings: Partial<DialerSettings>;
}

export interface Process {
  alive(): boolean;
  kill(): void;
  wake(): void;
  stop(): void;
  /** Takes an event, or rejects: when it dies over it. */
  emit(event: CarrierEvent): Promise<void>;
}

const NEVER = new Promise<never>(() => {});
const log = pino({ level: process.env.TEST_LOG ?? 'silent' });

/** Starts a process; `gone` is told once when it is no more. */
export const startProcess = (machine: Machine, plan: ProcessPlan, chance: Chance, gone: () => void): Process => {
  const { time, carrier } = machine;
  let alive = true;
  let acts = 0;
  let dialer: Dialer | undefined;
  let context: CarrierContext | undefined;
  const deaths = new Set<(error: Error) => void>();

  const kill = (): void => {
    if (!alive) return;
    alive = false;
    for (const die of deaths) die(new Error('the process has died'));
    gone();
  };
  const pause = (): Promise<void> | undefined => {
    const ms = plan.latencyMs === 0 ? 0 : chance.whole(0, plan.latencyMs);
    return ms === 0 ? undefined : new Promise((resolve) => time.after(ms, resolve));
  };
  // Every act on the outside world goes through here.
  const act = async <Result>(work: () => Promise<Result>, fails: number, slow: boolean): Promise<Result> => {
    if (!alive) return NEVER;
    acts += 1;
    const dies = plan.end.kind === 'in-act' && plan.end.act === acts ? plan.end : undefined;
    const failsNow = fails > 0 && chance.hit(fails);
    if (dies !== undefined && !dies.after) {
      kill();
      return NEVER;
    }
    if (failsNow && chance.hit(0.5)) throw new Error('the connection was lost before it had an effect');
    const working = work();
    if (dies !== undefined) {
      kill();
      return NEVER;
    }
    const result = await working;
    if (slow) await pause();
    if (!alive) return NEVER;
    if (failsNow) throw new Error('the connection was lost after it had its effect');
    return result;
  };
  const ledgerAct =
    <Args extends unknown[], Result>(work: (...args: Args) => Promise<Result>) =>
    (...args: Args): Promise<Result> =>
      act(() => work(...args), plan.ledgerFails, true);

  const inner = machine.ledger;
  const ledger: Ledger = {
    running: ledgerAct(inner.running),
    claim: ledgerAct(inner.claim),
    adopt: ledgerAct(inner.adopt),
    send: ledgerAct(inner.send),
    release: ledgerAct(inner.release),
    accepted: ledgerAct(inner.accepted),
    rejected: ledgerAct(inner.rejected),
    unconfirmed: ledgerAct(inner.unconfirmed),
    record: ledgerAct(inner.record),
    lapse: ledgerAct(inner.lapse),
    beat: ledgerAct(inner.beat),
    leave: ledgerAct(inner.leave),
    takeOver: ledgerAct(inner.takeOver),
    questions: ledgerAct(inner.questions),
    gone: ledgerAct(inner.gone),
    giveUp: ledgerAct(inner.giveUp),
    held: ledgerAct(inner.held),
    completeIdle: ledgerAct(inner.completeIdle),
  };
  const line: Carrier = {
    ...carrier,
    start: async (given) => {
      context = given;
    },
    stop: async () => {
      context = undefined;
    },
    place: (request, signal) => act(() => carrier.place(request, signal), 0, false),
    lookup: (ref) => act(() => carrier.lookup(ref), plan.lookupFails, false),
  };
  const schedule = {
    now: time.now,
    after: (ms: number, then: () => void | Promise<void>) => time.after(ms, () => (alive ? then() : undefined)),
  };
  const stop = async (): Promise<void> => {
    await dialer?.stop();
    kill();
  };
  void startDialer({ ledger, carrier: line, schedule, log, settings: machine.settings }).then((started) => {
    dialer = started;
  });
  if (plan.end.kind === 'at') schedule.after(plan.end.ms, kill);
  if (plan.end.kind === 'orderly') {
    schedule.after(plan.end.ms, () => {
      void stop();
    });
  }
  return {
    alive: () => alive && context !== undefined,
    kill,
    wake: () => dialer?.wake(),
    stop: () => void stop(),
    emit: (event) =>
      new Promise((resolve, reject) => {
        deaths.add(reject);
        const settled = () => deaths.delete(reject);
        (context?.emit(event) ?? Promise.reject(new Error('nobody listens'))).finally(settled).then(resolve, reject);
      }),
  };
};
