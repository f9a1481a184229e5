import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { WAITING_STATUSES } from '../blacklist/blacklist.ts';
import { LEAD_STATUSES, type LeadStatus } from './lead.ts';
import { LEAD_EVENTS, type LeadEvent, nextLeadStatus, PERSON_EVENTS } from './lead-status.ts';

const SET = { 'set-created': 'created', 'set-completed': 'completed', 'set-exhausted': 'reached-max-retries' } as const;

// Source: lifecycle 1.2. What is not named here cannot happen.
describe.each<[LeadStatus, Partial<Record<LeadEvent, LeadStatus>>]>([
  ['created', { claim: 'scheduled', send: 'processing', block: 'blacklisted', ...SET }],
  [
    'scheduled',
    {
      send: 'processing',
      'give-back-fresh': 'created',
      'give-back-retry': 'rescheduled',
      exhaust: 'reached-max-retries',
      block: 'blacklisted',
      ...SET,
    },
  ],
  [
    'processing',
    {
      'give-back-fresh': 'created',
      'give-back-retry': 'rescheduled',
      complete: 'completed',
      retry: 'rescheduled',
      exhaust: 'reached-max-retries',
      ...SET,
    },
  ],
  ['rescheduled', { claim: 'scheduled', exhaust: 'reached-max-retries', block: 'blacklisted', ...SET }],
  ['completed', SET],
  ['reached-max-retries', SET],
  ['blacklisted', SET],
])('%s', (from, moves) => {
  test.each(LEAD_EVENTS)('%s', (event) => {
    expect(nextLeadStatus(from, event)).toBe(moves[event]);
  });
});

test('a blocked number takes out exactly those that wait', () => {
  const taken = LEAD_STATUSES.filter((status) => nextLeadStatus(status, 'block') === 'blacklisted');
  expect(taken.sort()).toEqual([...WAITING_STATUSES].sort());
});

test('whatever happens, only a person leads out of completed, reached-max-retries and blacklisted', () => {
  const over = new Set<LeadStatus>(['completed', 'reached-max-retries', 'blacklisted']);
  const person = new Set<LeadEvent>(PERSON_EVENTS);
  fc.assert(
    fc.property(fc.constantFrom(...LEAD_STATUSES), fc.array(fc.constantFrom(...LEAD_EVENTS), { maxLength: 60 }), (start, walk) => {
      let status = start;
      for (const event of walk) {
        const next = nextLeadStatus(status, event) ?? status;
        if (next !== status && over.has(status)) expect(person).toContain(event);
        // Nobody is dialed who was not waiting, and a call can only end as an answer to a dial.
        if (next !== status && next === 'processing') expect(['created', 'scheduled']).toContain(status);
        if (next !== status && next === 'completed' && event !== 'set-completed') expect(status).toBe('processing');
        status = next;
      }
    }),
    { numRuns: 500 },
  );
});

test('no walk ends in a dead end: from everywhere a person can send round again', () => {
  for (const status of LEAD_STATUSES) expect(nextLeadStatus(status, 'set-created')).toBe('created');
});
