// The time machine: the dialer as it is, on a clock that jumps from one event to the next, with the simulated carrier and a
// copy of a campaign in memory. Nobody is called and nothing is written.
import { pino } from 'pino';
import { createSimulatedCarrier } from '../carriers/simulated/simulated-carrier.ts';
import { startDialer } from '../dialer/dialer.ts';
import { createMemoryLedger, type MemoryCampaign, type MemoryContact, type MemoryState } from '../dialer/memory-ledger.ts';
import { runUntil } from '../dialer/virtual-run.ts';
import { createVirtualTime } from '../virtual-time.ts';
import { reportOn, type SimulationReport } from './report.ts';

/** A campaign to rehearse. */
export interface Rehearsal {
  readonly campaign: MemoryCampaign;
  readonly leads: readonly MemoryContact[];
  readonly blacklist: readonly string[];
}

/** When, and with which luck. */
export interface Course {
  readonly from: Date;
  readonly until: Date;
  /** The same seed, the same calls. */
  readonly seed: number | string;
}

// Nothing that is due waits for it: those are looked for at their instant. It bounds how late a call of which nothing is heard is asked about.
const IDLE = 15_000;

// In a copy nobody assigns a number or opens the window: what is refused for that will be refused to the end.
const isStuck = ({ lastRefusals, open }: MemoryState, campaignId: number): boolean => {
  const last = lastRefusals.get(campaignId)?.[0];
  if (last === undefined || open.size > 0) return false;
  return last.reason === 'no_number' || (last.reason === 'outside_window' && last.facts.opens_at === null);
};

/** Runs a campaign until nobody is left to call, or until the course ends. */
export const simulate = async ({ campaign, leads, blacklist }: Rehearsal, { from, until, seed }: Course): Promise<SimulationReport> => {
  const time = createVirtualTime(from);
  const ledger = createMemoryLedger({
    campaigns: [{ ...campaign, status: 'in-progress' }],
    leads,
    blacklist: blacklist.map((phoneNumber) => ({ accountId: campaign.accountId, phoneNumber })),
  });
  const dialer = await startDialer({
    ledger,
    carrier: createSimulatedCarrier({ scheduler: time, seed }),
    schedule: time,
    log: pino({ level: 'silent' }),
    settings: { idleMs: IDLE },
  });
  const isDone = () => ledger.isIdle(campaign.id);
  await runUntil(
    time,
    dialer,
    () => false,
    until,
    () => isDone() || isStuck(ledger.state, campaign.id),
  );
  // The dialer is left where it stands: without its clock it does nothing more.
  const before = new Map(leads.map(({ id, status }) => [id, status]));
  const finishedAt = isDone() ? time.now() : undefined;
  return reportOn(ledger.state, campaign.id, { seed, from, until, finishedAt, before });
};
