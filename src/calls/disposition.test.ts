import { expect, test } from 'vitest';
import {
  type AnsweredBy,
  type Disposition,
  endedStatus,
  type FinalStatus,
  type GoalVerdict,
  judgeGoal,
  OUTCOMES,
  type Outcome,
  toAnsweredBy,
  toDisposition,
  toFinalStatus,
} from './disposition.ts';

test.each<[Outcome, FinalStatus, Disposition]>([
  ['busy', 'busy', 'busy'],
  ['no-answer', 'no-answer', 'no-answer'],
  ['declined', 'busy', 'declined'],
  ['canceled', 'no-answer', 'canceled'],
  ['failed', 'failed', 'failed'],
  ['invalid-number', 'failed', 'invalid-number'],
])('nobody picked up, %s: the wire says %s, to the campaign it is %s', (outcome, status, disposition) => {
  const call = { outcome, answered: false, answeredBy: null, goal: 'none' } as const;
  expect(toFinalStatus(call)).toBe(status);
  expect(toDisposition(call)).toBe(disposition);
  // Without an answer there was no conversation to reach a goal in.
  expect(toDisposition({ ...call, answeredBy: 'human', goal: 'met' })).toBe(disposition);
});

test.each<[AnsweredBy | null, GoalVerdict, Disposition]>([
  ['human', 'none', 'reached'],
  ['human', 'met', 'reached'],
  ['human', 'missed', 'goal-missed'],
  ['unknown', 'none', 'reached'],
  ['unknown', 'met', 'reached'],
  ['unknown', 'missed', 'goal-missed'],
  [null, 'none', 'reached'],
  [null, 'met', 'reached'],
  [null, 'missed', 'goal-missed'],
  ['machine', 'none', 'voicemail'],
  ['machine', 'met', 'voicemail'],
  ['machine', 'missed', 'voicemail'],
])('answered by %s, goal %s: %s', (answeredBy, goal, disposition) => {
  // An answer is an answer, however the line went down afterwards and whichever of the two reports was lost.
  const calls = [...OUTCOMES.map((outcome) => ({ outcome, answered: true })), { outcome: 'completed', answered: false } as const];
  for (const call of calls) {
    expect(toDisposition({ ...call, answeredBy, goal })).toBe(disposition);
    expect(toFinalStatus(call)).toBe('completed');
  }
});

test.each([
  ['human', 'human'],
  ['machine', 'machine'],
  ['fax', 'machine'],
  ['unknown', 'unknown'],
] as const)('a carrier says %s: answered by %s', (result, answeredBy) => {
  expect(toAnsweredBy(result)).toBe(answeredBy);
});

test.each([
  ['callee', 'ended_by_customer'],
  ['us', 'ended_by_assistant'],
  ['network', 'ended'],
] as const)('hung up by %s: %s', (by, status) => {
  expect(endedStatus(by)).toBe(status);
});

test.each<[string | null, Record<string, unknown> | null, GoalVerdict]>([
  [null, { booked: true }, 'none'],
  [null, null, 'none'],
  ['booked', { booked: true }, 'met'],
  ['booked', { booked: false }, 'missed'],
  ['booked', { booked: null }, 'missed'],
  ['booked', { booked: 'true' }, 'missed'],
  ['booked', { booked: 1 }, 'missed'],
  ['booked', { Booked: true }, 'missed'],
  ['booked', {}, 'missed'],
  ['booked', null, 'missed'],
  ['toString', {}, 'missed'],
])('goal %j in %j is %s', (goal, extraction, verdict) => {
  expect(judgeGoal(goal, extraction)).toBe(verdict);
});

test('what a prototype says is not what was extracted', () => {
  expect(judgeGoal('booked', Object.create({ booked: true }))).toBe('missed');
});
