// The dialer's ledger and carrier, measured: what they are asked is passed on as it is, and what it came to is counted.
import type { Carrier } from '../carriers/carrier.ts';
import type { ClaimResult, Ledger } from '../dialer/ledger.ts';
import type { Metrics } from './metrics.ts';

const SECOND = 1000;
const secondsSince = (began: number): number => (performance.now() - began) / SECOND;

/** Counts claims, refusals and how late calls are sent. */
export const measureLedger = (ledger: Ledger, { dialing }: Metrics): Ledger => {
  /** When the contacts of calls that are reserved, and not sent yet, were due. */
  const dueAt = new Map<number, Date>();

  const count = ({ reserved, refused, refusedLeads = [] }: ClaimResult): void => {
    dialing.reserved.inc(reserved.length);
    for (const reason of refused === undefined ? refusedLeads : [refused, ...refusedLeads]) dialing.refusals.inc({ reason });
    for (const { callId, dueAt: due } of reserved) if (due !== undefined) dueAt.set(callId, due);
  };

  return {
    ...ledger,
    claim: async (campaignId, terms, now) => {
      const began = performance.now();
      const result = await ledger.claim(campaignId, terms, now);
      dialing.claims.observe(secondsSince(began));
      count(result);
      return result;
    },
    send: async (callIds, worker, now) => {
      try {
        const sent = await ledger.send(callIds, worker, now);
        for (const id of sent) {
          const due = dueAt.get(id);
          if (due !== undefined) dialing.lag.observe(Math.max(0, now.getTime() - due.getTime()) / SECOND);
        }
        return sent;
      } finally {
        for (const id of callIds) dueAt.delete(id);
      }
    },
    release: (callIds, reason, now) => {
      for (const id of callIds) dueAt.delete(id);
      return ledger.release(callIds, reason, now);
    },
  };
};

/** Counts the carrier's answers, and how long they take. */
export const measureCarrier = (carrier: Carrier, { dialing }: Metrics): Carrier => ({
  ...carrier,
  place: async (request, signal) => {
    const began = performance.now();
    let result: 'accepted' | 'rejected' | 'unknown' = 'unknown';
    try {
      const answer = await carrier.place(request, signal);
      result = answer.kind;
      return answer;
    } finally {
      dialing.placed.inc({ result });
      dialing.placing.observe(secondsSince(began));
    }
  },
});
