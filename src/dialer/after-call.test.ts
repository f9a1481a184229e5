import { describe, expect, test } from 'vitest';
import { DISPOSITIONS, type Disposition } from '../calls/disposition.ts';
import { WEEKDAYS } from '../campaigns/campaign.ts';
import { LEAD_STATUSES } from '../leads/lead.ts';
import { nextLeadStatus } from '../leads/lead-status.ts';
import { afterCall, type CallFacts, type Decision, nextContactDueAt } from './after-call.ts';

const endedAt = new Date('2026-03-02T12:00:00Z');
const facts: CallFacts = {
  disposition: 'reached',
  tries: 1,
  endedAt,
  leadStatus: 'processing',
  policy: { maxRetries: 2, retryIntervalMinutes: 60, retryOnVoicemail: false, goal: null },
  window: { zone: 'America/New_York', days: WEEKDAYS, start: '09:00', end: '17:59' },
};
// Noon in UTC is seven in New York; an hour later nobody may be called yet.
const retry: Decision = { kind: 'retry', at: new Date('2026-03-02T14:00:00Z') };
const used: Decision = { kind: 'exhaust', reason: 'attempts_used' };
const dead: Decision = { kind: 'exhaust', reason: 'invalid_number' };
const lost: Decision = { kind: 'exhaust', reason: 'lost' };
const complete: Decision = { kind: 'complete' };

test.each<[Disposition, number, Decision]>([
  ['reached', 1, complete],
  ['reached', 2, complete],
  ['voicemail', 1, complete],
  ['no-answer', 1, retry],
  ['no-answer', 2, used],
  ['busy', 1, retry],
  ['busy', 2, used],
  ['declined', 1, retry],
  ['canceled', 1, retry],
  ['failed', 1, retry],
  ['failed', 3, used],
  ['invalid-number', 1, dead],
  ['invalid-number', 2, dead],
  ['lost', 1, lost],
  ['lost', 2, lost],
])('%s at try %i of 2: %j', (disposition, tries, decision) => {
  expect(afterCall({ ...facts, disposition, tries })).toEqual(decision);
});

test.each<[Disposition, Partial<CallFacts['policy']>, number, Decision]>([
  ['goal-missed', { goal: 'booked' }, 1, retry],
  ['goal-missed', { goal: 'booked' }, 2, used],
  ['reached', { goal: 'booked' }, 1, complete],
  ['voicemail', { goal: 'booked' }, 1, retry],
  ['voicemail', { retryOnVoicemail: true }, 1, retry],
  ['voicemail', { retryOnVoicemail: true }, 2, used],
])('%s with %j at try %i of 2: %j', (disposition, policy, tries, decision) => {
  expect(afterCall({ ...facts, disposition, tries, policy: { ...facts.policy, ...policy } })).toEqual(decision);
});

describe.each(LEAD_STATUSES)('a contact that is %s', (leadStatus) => {
  test.each(DISPOSITIONS)('after %s', (disposition) => {
    const decision = afterCall({ ...facts, disposition, leadStatus });
    if (decision.kind === 'none') expect(leadStatus).not.toBe('processing');
    else expect(nextLeadStatus(leadStatus, decision.kind)).toBeDefined();
    if (leadStatus !== 'processing') expect(decision).toEqual({ kind: 'none' });
  });
});

test.each([
  ['2026-03-02T12:00:00Z', '2026-03-02T14:00:00Z'],
  ['2026-03-02T15:00:30Z', '2026-03-02T16:00:30Z'],
  ['2026-03-02T22:30:00Z', '2026-03-03T14:00:00Z'],
])('exhausted at %s, the next contact waits until %s', (ended, due) => {
  expect(nextContactDueAt({ ...facts, endedAt: new Date(ended) })).toEqual(new Date(due));
});
