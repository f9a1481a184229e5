// Every row of the table of last digits, on virtual time.
import { describe, expect, test } from 'vitest';
import { callOf, START } from '../../../test/carrier-conformance-rig.ts';
import { DIGITS } from './script.ts';

const TALK = ['ringing', 'answered', 'amd', 'ended', 'report'];

// What each row of the table comes to, in the order of the table.
const EXPECTED: Record<string, (call: Awaited<ReturnType<typeof callOf>>) => void> = {
  'a human answers, goal met': ({ result, types, bodyOf, rings }) => {
    expect(result).toEqual({ kind: 'accepted', carrierCallId: 'sim-7-1' });
    expect(types).toEqual(TALK);
    expect(bodyOf('amd')).toMatchObject({ result: 'human' });
    expect(bodyOf('ended')).toMatchObject({ outcome: 'completed', by: 'callee' });
    expect(bodyOf('report')).toMatchObject({ extraction: { interested: true, budget: expect.any(Number), summary: expect.any(String) } });
    expect(rings).toHaveLength(1);
  },
  'a human answers, goal missed': ({ types, bodyOf }) => {
    expect(types).toEqual(TALK);
    expect(bodyOf('report')).toMatchObject({ extraction: { interested: false } });
  },
  'voicemail answers': ({ types, bodyOf }) => {
    expect(types).toEqual(TALK);
    expect(bodyOf('amd')).toMatchObject({ result: 'machine' });
    expect(bodyOf('report')).toMatchObject({ extraction: { interested: false } });
  },
  'a fax answers': ({ types, bodyOf }) => {
    expect(types).toEqual(TALK);
    expect(bodyOf('amd')).toMatchObject({ result: 'fax' });
    expect(bodyOf('report')).toMatchObject({ transcript: [] });
  },
  'answered, by whom is not known, goal met': ({ bodyOf }) => {
    expect(bodyOf('amd')).toMatchObject({ result: 'unknown' });
    expect(bodyOf('report')).toMatchObject({ extraction: { interested: true } });
  },
  busy: ({ types, bodyOf, rings }) => {
    expect(types).toEqual(['ended']);
    expect(bodyOf('ended')).toMatchObject({ outcome: 'busy', sipCode: 486, talkMs: 0 });
    expect(rings).toHaveLength(1);
  },
  declined: ({ types, bodyOf }) => {
    expect(types).toEqual(['ringing', 'ended']);
    expect(bodyOf('ended')).toMatchObject({ outcome: 'declined', by: 'callee' });
  },
  'no answer': ({ types, bodyOf }) => {
    expect(types).toEqual(['ringing', 'ended']);
    expect(bodyOf('ended')).toMatchObject({ outcome: 'no-answer', by: 'network' });
  },
  'no answer: rings until the time for ringing is over': ({ types, bodyOf, tookMs }) => {
    expect(types).toEqual(['ringing', 'ended']);
    expect(bodyOf('ended')).toMatchObject({ outcome: 'no-answer', by: 'us', reason: 'ring-timeout' });
    expect(tookMs).toBe(30_000);
  },
  'the call fails': ({ types, bodyOf }) => {
    expect(types).toEqual(['ended']);
    expect(bodyOf('ended')).toMatchObject({ outcome: 'failed' });
  },
  'the number does not exist': ({ bodyOf }) => expect(bodyOf('ended')).toMatchObject({ outcome: 'invalid-number', sipCode: 404 }),
  'canceled by the network while it rings': ({ types, bodyOf }) => {
    expect(types).toEqual(['ringing', 'ended']);
    expect(bodyOf('ended')).toMatchObject({ outcome: 'canceled', by: 'network' });
  },
  'a human talks until the longest duration is over, goal met': ({ bodyOf }) =>
    expect(bodyOf('ended')).toMatchObject({ outcome: 'completed', by: 'us', reason: 'max-duration', talkMs: 60_000 }),
  'certainly refused every time (429): nothing rings': ({ result, types, found, rings }) => {
    expect(result).toEqual({ kind: 'rejected', scope: 'carrier', code: '429', message: expect.any(String), retryAfterMs: 1000 });
    expect({ types, found, rings }).toEqual({ types: [], found: 'gone', rings: [] });
  },
  'the request hangs, and the number rings: human, goal met': ({ answeredAtOnce, result, types, rings }) => {
    expect(answeredAtOnce).toBe(false);
    expect(result).toMatchObject({ kind: 'unknown' });
    expect(types).toEqual(TALK);
    expect(rings).toHaveLength(1);
  },
  'the request hangs, and nothing rings': ({ answeredAtOnce, result, types, found, rings }) => {
    expect(answeredAtOnce).toBe(false);
    expect(result).toMatchObject({ kind: 'unknown' });
    expect({ types, found, rings }).toEqual({ types: [], found: 'gone', rings: [] });
  },
  'the answer to the request is lost, and the number rings: human, goal met': ({ answeredAtOnce, result, types, rings }) => {
    expect(answeredAtOnce).toBe(true);
    expect(result).toMatchObject({ kind: 'unknown' });
    expect(types).toEqual(TALK);
    expect(rings).toHaveLength(1);
  },
  'the request is lost, and nothing rings': ({ answeredAtOnce, result, types, found, rings }) => {
    expect(answeredAtOnce).toBe(true);
    expect(result).toMatchObject({ kind: 'unknown' });
    expect({ types, found, rings }).toEqual({ types: [], found: 'gone', rings: [] });
  },
  'events come late: human, goal met': ({ types, told }) => {
    expect(types).toEqual(TALK);
    for (const { at, event } of told) expect(at - (event.at.getTime() - START.getTime())).toBe(5000);
  },
  'events come twice: human, goal met': ({ types, told }) => {
    expect(types.toSorted()).toEqual([...TALK, ...TALK].toSorted());
    expect(new Set(told.map(({ event }) => event.dedupeKey)).size).toBe(5);
  },
  'events come in the reverse order: human, goal met': ({ types, told }) => {
    expect(types).toEqual(TALK.toReversed());
    const times = told.map(({ event }) => event.at.getTime());
    expect(times).toEqual(times.toSorted((a, b) => b - a));
  },
  'events come late, twice and in the reverse order: human, goal met': ({ types }) =>
    expect(types).toEqual([...TALK.toReversed(), ...TALK.toReversed()]),
  'the end is never reported, only a lookup tells it: human, goal met': ({ types }) =>
    expect(types).toEqual(['ringing', 'answered', 'amd', 'report']),
  'a human answers, and no report follows': ({ types }) => expect(types).toEqual(['ringing', 'answered', 'amd', 'ended']),
  'a human answers, and the extraction fails': ({ bodyOf }) => expect(bodyOf('report')).toMatchObject({ extraction: null }),
  'a human answers, and the extraction lacks the goal': ({ bodyOf }) =>
    expect(bodyOf('report')).toMatchObject({ extraction: { budget: expect.any(Number), summary: expect.any(String) } }),
  'no answer, and the end is never reported': ({ types, found }) => {
    expect(types).toEqual(['ringing']);
    expect(found).toMatchObject({ body: { outcome: 'no-answer' } });
  },
  'the answer to the request is lost, and so is the end: human, goal met': ({ result, types }) => {
    expect(result).toMatchObject({ kind: 'unknown' });
    expect(types).toEqual(['ringing', 'answered', 'amd', 'report']);
  },
};

describe('the last two digits', () => {
  const rows = DIGITS.flatMap(({ from, to, meaning }) =>
    from === to
      ? [{ digits: from, meaning }]
      : [
          { digits: from, meaning },
          { digits: to, meaning },
        ],
  );
  test.each(rows)('$digits: $meaning', async ({ digits, meaning }) => {
    const call = await callOf(digits);
    expect(EXPECTED[meaning]).toBeDefined();
    EXPECTED[meaning]?.(call);
    // Whatever was told or not: a call that rang has an end in the carrier's own record, the one that it tells.
    if (call.rings.length === 0) return;
    expect(call.found).toMatchObject({ callId: '7', body: { type: 'ended' } });
    for (const { event } of call.told.filter(({ event }) => event.body.type === 'ended')) expect(event).toEqual(call.found);
  });

  test('the goal is missing where the script says so, and elsewhere only without a goal', async () => {
    const report = (await callOf(92)).bodyOf('report');
    expect(report?.type === 'report' && Object.keys(report.extraction ?? {})).toEqual(['budget', 'summary']);
  });
});
