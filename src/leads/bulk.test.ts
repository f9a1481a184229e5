// What is saved together comes to what it would have come to one after the other.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { toE164 } from '../phone.ts';
import { type BulkItem, divideChanges, externalKey, type KnownLead, planRound, readLines, UnreadableLine } from './bulk.ts';

interface Stored {
  id: number;
  external_id: string | undefined;
  number: string;
  variables: Record<string, unknown>;
}

const CAMPAIGN = 1;

/** A campaign that saves one lead at a time, by the rules. */
const createCampaign = () => {
  const leads: Stored[] = [];
  const outcomes = new Map<number, string>();
  const save = ({ index, allowDuplicate, lead }: BulkItem): void => {
    const known = lead.external_id === undefined ? undefined : leads.find(({ external_id }) => external_id === lead.external_id);
    const taken = leads.some((one) => one !== known && one.number === lead.phone_number);
    if (known === undefined) {
      outcomes.set(index, taken && !allowDuplicate ? 'duplicate' : 'created');
      if (taken && !allowDuplicate) return;
      leads.push({ id: leads.length + 1, external_id: lead.external_id, number: lead.phone_number, variables: lead.variables });
    } else if (known.number !== lead.phone_number && taken) {
      outcomes.set(index, 'invalid');
    } else {
      outcomes.set(index, 'updated');
      known.number = lead.phone_number;
      known.variables = { ...known.variables, ...lead.variables };
    }
  };
  const known = (): Map<string, KnownLead> =>
    new Map(
      leads.flatMap(({ id, external_id, number }): [string, KnownLead][] => {
        const key = externalKey(CAMPAIGN, external_id);
        return key === undefined ? [] : [[key, { id, phone_number: number, scheduled: false, contacts: new Set() }]];
      }),
    );
  const state = () => leads.map(({ external_id, number, variables }) => JSON.stringify([external_id, number, variables])).sort();
  return { save, known, state, outcomes };
};

const item = fc.record({
  number: fc.integer({ min: 0, max: 4 }),
  external: fc.option(fc.integer({ min: 0, max: 4 }), { nil: undefined }),
  allowDuplicate: fc.boolean(),
});

test('in rounds as one by one', () => {
  fc.assert(
    fc.property(fc.array(item, { maxLength: 25 }), (sent) => {
      const items = sent.map(({ number, external, allowDuplicate }, index): BulkItem => {
        const phone_number = toE164(`+1202555010${number}`);
        if (phone_number === undefined) throw new Error('No number.');
        const external_id = external === undefined ? undefined : `x${external}`;
        return {
          index,
          campaignId: CAMPAIGN,
          allowDuplicate,
          lead: { phone_number, variables: { last: index }, contacts: [], external_id },
        };
      });
      const [alone, together] = [createCampaign(), createCampaign()];
      for (const one of items) alone.save(one);
      for (let pending: readonly BulkItem[] = items; pending.length > 0; ) {
        const round = planRound(pending, together.known());
        expect(round.later.length).toBeLessThan(pending.length);
        // As the store does it: by groups.
        const groups = Map.groupBy(round.inserts, ({ allowDuplicate }) => allowDuplicate);
        for (const group of groups.values()) for (const one of group) together.save(one);
        const { renumbered, extended, others } = divideChanges(round.changes);
        // Those that stand apart in any order.
        const apart = [...extended, ...renumbered].toReversed();
        for (const one of [...round.merges, ...apart, ...others]) together.save(one.item);
        pending = round.later;
      }
      expect(together.state()).toEqual(alone.state());
      expect([...together.outcomes].sort(([a], [b]) => a - b)).toEqual([...alone.outcomes].sort(([a], [b]) => a - b));
    }),
    { numRuns: 2000 },
  );
});

test('lines: as many as there are, one more than allowed at most', () => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  expect(readLines(bytes('1\n\n {"a":1}\r\n'))).toEqual([1, { a: 1 }]);
  expect(readLines(bytes(''))).toEqual([]);
  expect(readLines(bytes('}'))).toEqual([new UnreadableLine('Malformed JSON', bytes('}'))]);
  expect(readLines(bytes('1\n'.repeat(20_000)))).toHaveLength(10_001);
});
