// Does the simulation see what it is there to see? Each of these breaks one thing on purpose, and has to be found out.
import { expect, test } from 'vitest';
import { setCall } from '../../src/dialer/memory-ledger-state.ts';
import { brokenPromises } from '../support/promise-checker.ts';
import { drawWorld, type World } from './draw-world.ts';
import { runWorld, type Sabotage } from './run-world.ts';

const WORLDS = 300;

const CASES: [name: string, finds: string, sabotage: Sabotage][] = [
  [
    'a request that is repeated when its answer was lost',
    'rang_twice',
    {
      carrier: ({ place }) => ({
        place: async (request, signal) => {
          const first = await place(request, signal);
          return first.kind === 'unknown' ? place(request, signal) : first;
        },
      }),
    },
  ],
  [
    'a send that does not look whether the reservation still stands',
    'rang_after_given_back',
    { ledger: (ledger) => ({ send: async (ids, worker, now) => [...new Set([...(await ledger.send(ids, worker, now)), ...ids])] }) },
  ],
  [
    'an attempt in sending that lapses as if it had certainly not been sent',
    'rang_after_given_back',
    {
      ledger: (ledger) => ({
        lapse: async (now) => {
          const lapsed = [...ledger.state.open.values()].filter(
            ({ row }) => row.state === 'sending' && row.lease_until !== null && row.lease_until <= now,
          );
          await ledger.rejected(
            lapsed.map(({ row }) => ({ callId: row.id, code: 'lapsed' })),
            now,
          );
          await ledger.lapse(now);
        },
      }),
    },
  ],
  ['calls that are never given up', 'attempt_without_outcome', { ledger: () => ({ giveUp: async () => {} }) }],
  ['leases that never lapse', 'attempt_without_outcome', { ledger: () => ({ lapse: async () => {}, takeOver: async () => [] }) }],
  [
    'what a dead dialer was sending, taken for certainly not sent',
    'rang_after_given_back',
    {
      ledger: (ledger) => ({
        takeOver: async (self, now) => {
          const left = [...ledger.state.open.values()].filter(
            ({ row }) => row.state === 'sending' && row.worker !== self.worker && row.lease_until !== null && row.lease_until > now,
          );
          await ledger.rejected(
            left.map(({ row }) => ({ callId: row.id, code: 'died', ours: true })),
            now,
          );
          return ledger.takeOver(self, now);
        },
      }),
    },
  ],
  [
    'a blacklist that nobody looks at',
    'decided_blacklisted',
    {
      ledger: (ledger) => ({
        claim: (...args) => {
          ledger.state.blacklist.clear();
          return ledger.claim(...args);
        },
      }),
    },
  ],
  [
    'a claim that forgets which calls go on',
    'over_campaign_cap',
    {
      ledger: (ledger) => ({
        claim: async (...args) => {
          const open = [...ledger.state.open];
          ledger.state.open.clear();
          const result = await ledger.claim(...args);
          const added = [...ledger.state.open];
          ledger.state.open.clear();
          for (const [id, call] of [...open, ...added]) ledger.state.open.set(id, call);
          return result;
        },
      }),
    },
  ],
  [
    'tries that are not counted',
    'too_many_tries',
    {
      ledger: (ledger) => ({
        send: async (ids, worker, now) => {
          const sent = await ledger.send(ids, worker, now);
          for (const lead of ledger.state.leads.values()) lead.tries = Math.min(lead.tries, 1);
          return sent;
        },
      }),
    },
  ],
  [
    'lines that stay taken',
    'campaign_slots_differ',
    {
      ledger: (ledger) => ({
        running: async (now) => {
          // As a counter would that nobody took down after a crash.
          const [call] = [...ledger.state.calls.values()].filter(({ row }) => row.state === 'ended');
          if (call !== undefined && ledger.state.open.size === 0 && call.row.id === 1) {
            call.row.state = 'live';
            ledger.state.open.set(call.row.id, call);
          }
          return ledger.running(now);
        },
      }),
    },
  ],
  [
    'an unknown call that is dialed again by itself',
    'redialed_unknown',
    {
      ledger: (ledger) => ({
        giveUp: async (ids, now) => {
          await ledger.giveUp(ids, now);
          for (const id of ids) {
            const call = ledger.state.calls.get(id);
            if (call?.lead?.status !== 'reached-max-retries') continue;
            call.lead.status = 'rescheduled';
            call.lead.dueAt = now;
            ledger.state.queues.get(call.lead.campaignId)?.put(call.lead, now);
          }
        },
      }),
    },
  ],
  [
    'a stop that leaves reservations standing',
    'rang_after_stop',
    {
      ledger: (ledger) => ({
        send: async (ids, worker, now) => {
          // What was revoked stands again.
          for (const id of ids) {
            const call = ledger.state.calls.get(id);
            if (call?.row.reason !== 'campaign_stopped') continue;
            ledger.state.open.set(id, call);
            setCall(ledger.state, call, { state: 'reserved', outcome: null, lease_until: new Date(now.getTime() + 1000) }, now);
          }
          return ledger.send(ids, worker, now);
        },
      }),
    },
  ],
];

const findings = async (sabotage: Sabotage, wanted: string): Promise<number | undefined> => {
  for (let seed = 1; seed <= WORLDS; seed += 1) {
    const world: World = drawWorld(seed);
    if (brokenPromises(await runWorld(world, sabotage)).some(({ what }) => what === wanted)) return seed;
  }
  return undefined;
};

test.each(CASES)(
  '%s: %s',
  async (_name, finds, sabotage) => {
    expect(await findings(sabotage, finds), `none of ${WORLDS} worlds shows it`).toBeDefined();
  },
  60_000,
);
