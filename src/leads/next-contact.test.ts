import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LEAD_STATUSES, type LeadStatus } from './lead.ts';
import { whoseTurn } from './next-contact.ts';

// Ids are positions: 0 is the primary.
const familyOf = (statuses: readonly LeadStatus[]) => statuses.map((status, id) => ({ id, status }));

test.each<[string, LeadStatus[], number[], number | undefined]>([
  ['a fresh lead', ['created', 'created'], [], 0],
  ['a lead without contacts', ['created'], [], 0],
  ['the primary between tries', ['rescheduled', 'created'], [], 0],
  ['the primary that is claimed', ['scheduled', 'created'], [], 0],
  ['the primary on a call', ['processing', 'created'], [], 0],
  ['the primary exhausted', ['reached-max-retries', 'created', 'created'], [], 1],
  ['the primary exhausted, no contacts', ['reached-max-retries'], [], undefined],
  ['the first contact between tries', ['reached-max-retries', 'rescheduled', 'created'], [], 1],
  ['the first contact on a call', ['reached-max-retries', 'processing', 'created'], [], 1],
  ['the first contact exhausted', ['reached-max-retries', 'reached-max-retries', 'created'], [], 2],
  ['all exhausted', ['reached-max-retries', 'reached-max-retries', 'reached-max-retries'], [], undefined],
  ['the primary reached', ['completed', 'created'], [], undefined],
  ['a contact reached', ['reached-max-retries', 'completed', 'created'], [], undefined],
  ['a later contact reached, an earlier one sent round again', ['reached-max-retries', 'created', 'completed'], [], undefined],
  ['a contact reached, the primary sent round again', ['created', 'completed', 'created'], [], 0],
  ['the primary blacklisted', ['blacklisted', 'created'], [], undefined],
  ['a contact blacklisted', ['reached-max-retries', 'blacklisted', 'created'], [], 2],
  ['all contacts blacklisted', ['reached-max-retries', 'blacklisted', 'blacklisted'], [], undefined],
  ['the primary lost', ['reached-max-retries', 'created'], [0], undefined],
  ['a contact lost', ['reached-max-retries', 'reached-max-retries', 'created'], [1], undefined],
  ['the primary lost, then sent round again by a person', ['created', 'created'], [0], 0],
  ['the primary lost once, and now between tries', ['rescheduled', 'created'], [0], 0],
  ['somebody else lost', ['reached-max-retries', 'created'], [7], 1],
  ['the primary sent round again while a contact is on a call', ['created', 'processing', 'created'], [], 1],
  ['the primary blacklisted while a contact is on a call', ['blacklisted', 'processing'], [], 1],
  ['the primary blacklisted while a contact is claimed', ['blacklisted', 'scheduled'], [], undefined],
  ['nobody at all', [], [], undefined],
])('%s', (_name, statuses, lost, turn) => {
  expect(whoseTurn(familyOf(statuses), new Set(lost))).toBe(turn);
});

test('the turn is of somebody who waits or is on a call, after those before are done with', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...LEAD_STATUSES), { minLength: 1, maxLength: 11 }),
      fc.uniqueArray(fc.integer({ min: 0, max: 10 })),
      (statuses, lost) => {
        const turn = whoseTurn(familyOf(statuses), new Set(lost));
        const status = turn === undefined ? undefined : statuses[turn];
        if (turn === undefined || status === undefined) return;
        expect(['created', 'scheduled', 'rescheduled', 'processing']).toContain(status);
        if (status === 'processing') return;
        expect(statuses).not.toContain('processing');
        if (turn === 0) return;
        expect(statuses).not.toContain('completed');
        expect(statuses[0]).toBe('reached-max-retries');
        for (const [before, done] of statuses.slice(0, turn).entries()) {
          expect(['reached-max-retries', 'blacklisted']).toContain(done);
          if (done === 'reached-max-retries') expect(lost).not.toContain(before);
        }
      },
    ),
    { numRuns: 2000 },
  );
});

test('played to the end, everybody who may be called is called in order, and nobody twice', () => {
  const ends = fc.array(fc.constantFrom<LeadStatus>('completed', 'reached-max-retries', 'blacklisted'), { minLength: 1, maxLength: 11 });
  fc.assert(
    fc.property(ends, (planned) => {
      const statuses: LeadStatus[] = planned.map((end) => (end === 'blacklisted' ? end : 'created'));
      const called: number[] = [];
      for (;;) {
        const turn = whoseTurn(familyOf(statuses), new Set());
        if (turn === undefined) break;
        called.push(turn);
        statuses[turn] = planned[turn] ?? 'created';
      }
      const first = planned.indexOf('completed');
      const until = first === -1 ? planned.length : first + 1;
      const callable = planned.flatMap((end, id) => (end === 'blacklisted' || id >= until ? [] : [id]));
      expect(called).toEqual(planned[0] === 'blacklisted' ? [] : callable);
    }),
    { numRuns: 500 },
  );
});
