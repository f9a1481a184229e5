// The checker itself: rows in which every promise is kept, and then each promise broken on purpose, one at a time.
import { expect, test } from 'vitest';
import type { ChangeRow, DecisionRow } from '../../src/db/schema.ts';
import { type Act, type Attempt, brokenPromises, type Evidence, type Person, type Terms } from '../support/promise-checker.ts';

const at = (second: number): Date => new Date(Date.UTC(2026, 2, 2, 9, 0, second));

const attempt = (id: number, fields: Partial<Attempt> = {}): Attempt => ({
  id,
  account_id: 1,
  campaign_id: 1,
  lead_id: id,
  attempt_no: 1,
  state: 'ended',
  outcome: 'reached',
  phone_number: `+1202555010${id}`,
  created_at: at(10 * id),
  sent_at: at(10 * id),
  ...fields,
});

const dial = (call: Attempt, attemptNo: number, facts: object = {}): DecisionRow => ({
  id: call.id,
  account_id: 1,
  campaign_id: 1,
  lead_id: call.lead_id,
  call_id: call.id,
  verdict: 'dial',
  reason: 'due',
  facts: {
    campaign: 'in-progress',
    blacklisted: false,
    attempt: attemptNo,
    of: 2,
    campaign_lines: [1, 1],
    account_lines: [1, 2],
    ...facts,
  },
  times: 1,
  decided_at: call.created_at,
  last_at: call.created_at,
});

let changeId = 0;
const change = (fields: Partial<ChangeRow> & Pick<ChangeRow, 'what' | 'from_status' | 'to_status' | 'at'>): ChangeRow => {
  changeId += 1;
  return { id: changeId, account_id: 1, campaign_id: 1, lead_id: null, call_id: null, ...fields };
};
const callEnds = (call_id: number, second: number): ChangeRow =>
  change({ what: 'call', call_id, lead_id: null, from_status: 'live', to_status: 'ended', at: at(second) });
const leadMoves = (lead_id: number, from_status: string, to_status: string, second: number): ChangeRow =>
  change({ what: 'lead', lead_id, from_status, to_status, at: at(second) });
const started = (): ChangeRow => change({ what: 'campaign', from_status: 'draft', to_status: 'in-progress', at: at(0) });

const person = (id: number, fields: Partial<Person> = {}): Person => ({
  id,
  campaign_id: 1,
  primary_id: null,
  position: null,
  phone_number: `+1202555010${id}`,
  status: 'completed',
  due_at: null,
  ...fields,
});

const TERMS: Terms = {
  campaignId: 1,
  window: { zone: 'UTC', days: ['monday'], start: '09:00', end: '09:01' },
  cap: 1,
  accountCap: 2,
  maxRetries: 2,
};

// Two leads, called one after the other by one line.
const kept = () => ({
  rings: [1, 2].map((id) => ({ callId: String(id), to: `+1202555010${id}`, at: at(10 * id).toISOString() })),
  rows: {
    attempts: [attempt(1), attempt(2)],
    decisions: [dial(attempt(1), 1), dial(attempt(2), 1)],
    changes: [
      started(),
      callEnds(1, 15),
      callEnds(2, 25),
      leadMoves(1, 'created', 'completed', 15),
      leadMoves(2, 'created', 'completed', 25),
    ],
    leads: [person(1), person(2)],
    campaigns: [{ id: 1, status: 'in-progress' as const }],
  },
  acts: [] as Act[],
  terms: [TERMS],
});
type Kept = ReturnType<typeof kept>;

const act = (fields: Pick<Act, 'kind'> & Record<string, unknown>, begun = 12, answered = 13): Act =>
  ({ begun: at(begun), answered: at(answered), ...fields }) as Act;

// A lead (1) whose contact (3) is called after it: 1 exhausted at 15, 3 called at 30.
const cascade = (evidence: Kept): void => {
  const call = attempt(3, { created_at: at(30), sent_at: at(30) });
  evidence.rings.push({ callId: '3', to: call.phone_number, at: at(30).toISOString() });
  evidence.rows.attempts.push(call);
  evidence.rows.decisions.push(dial(call, 1));
  evidence.rows.leads = [person(1, { status: 'reached-max-retries' }), person(2), person(3, { primary_id: 1, position: 1 })];
  evidence.rows.changes = [
    started(),
    callEnds(1, 15),
    callEnds(2, 25),
    callEnds(3, 35),
    leadMoves(1, 'created', 'reached-max-retries', 15),
    leadMoves(3, 'created', 'completed', 35),
  ];
};

// Lead 2 is lead 1's second attempt.
const again = (evidence: Kept, fields: Partial<Attempt> = {}): void => {
  evidence.rows.attempts[1] = attempt(2, { lead_id: 1, attempt_no: 2, phone_number: '+12025550101', ...fields });
  evidence.rows.decisions[1] = dial(evidence.rows.attempts[1], 2);
  evidence.rings[1] = { callId: '2', to: '+12025550101', at: at(20).toISOString() };
  evidence.rows.leads = [person(1)];
  evidence.rows.changes = [
    started(),
    callEnds(1, 15),
    leadMoves(1, 'created', 'scheduled', 10),
    leadMoves(1, 'processing', 'rescheduled', 15),
    leadMoves(1, 'rescheduled', 'scheduled', 20),
    callEnds(2, 25),
    leadMoves(1, 'processing', 'completed', 25),
  ];
};

const mutate =
  <Key extends keyof Kept['rows']>(key: Key, index: number, fields: object) =>
  (evidence: Kept) => {
    Object.assign(evidence.rows[key][index] ?? {}, fields);
  };

const facts = (fields: object) => (evidence: Kept) => {
  const [first, second] = evidence.rows.attempts;
  if (first !== undefined && second !== undefined) evidence.rows.decisions = [dial(first, 1, fields), dial(second, 1)];
};

const CASES: [what: string, promise: string, breaking: (evidence: Kept) => void][] = [
  ['rang_twice', 'D1', ({ rings }) => rings.push({ callId: '1', to: '+12025550101', at: at(11).toISOString() })],
  ['rang_unsent', 'D1', mutate('attempts', 0, { sent_at: null })],
  ['rang_after_given_back', 'D1', mutate('attempts', 0, { sent_at: null, outcome: 'revoked' })],
  ['attempt_number_twice', 'D1', (evidence) => again(evidence, { attempt_no: 1 })],
  ['rang_without_attempt', 'D3', ({ rings }) => rings.push({ callId: '9', to: '+12025550109', at: at(40).toISOString() })],
  ['rang_another_number', 'D3', ({ rings }) => Object.assign(rings[0] ?? {}, { to: '+12025550199' })],
  ['rang_without_decision', 'D3', ({ rows }) => rows.decisions.shift()],
  ['attempt_without_decision', 'D3', ({ rows }) => rows.decisions.shift()],
  ['decided_twice', 'D3', ({ rows }) => rows.decisions.push(dial(attempt(1), 1))],
  ['facts_blacklisted', 'D3', facts({ blacklisted: true })],
  ['facts_not_running', 'D3', facts({ campaign: 'stopped' })],
  ['facts_attempts', 'D3', facts({ attempt: 3 })],
  ['facts_campaign_lines', 'D3', facts({ campaign_lines: [2, 1] })],
  ['facts_account_lines', 'D3', facts({ account_lines: [3, 2] })],
  ['facts_account_lines', 'D3', facts({ account_lines: undefined })],
  ['outside_window', 'D3', ({ terms }) => Object.assign(terms[0] ?? {}, { window: { ...TERMS.window, start: '08:00', end: '08:59' } })],
  ['outside_window', 'D3', ({ terms }) => Object.assign(terms[0] ?? {}, { window: { ...TERMS.window, zone: 'Asia/Kathmandu' } })],
  ['outside_window', 'D3', ({ terms }) => Object.assign(terms[0] ?? {}, { window: { ...TERMS.window, days: ['sunday'] } })],
  // Decided in time, and sent late.
  ['outside_window', 'D3', mutate('attempts', 0, { sent_at: at(130) })],
  [
    'campaign_not_running',
    'D3',
    ({ rows }) => rows.changes.push(change({ what: 'campaign', from_status: 'in-progress', to_status: 'stopped', at: at(5) })),
  ],
  ['decided_blacklisted', 'D3', ({ acts }) => acts.push(act({ kind: 'block', number: '+12025550101' }, 5, 6))],
  ['over_campaign_cap', 'D3', ({ rows }) => rows.changes.splice(1, 1, callEnds(1, 21))],
  [
    'over_account_cap',
    'D3',
    ({ rows, terms }) => {
      rows.changes.splice(1, 1, callEnds(1, 21));
      Object.assign(terms[0] ?? {}, { cap: 2, accountCap: 1 });
    },
  ],
  [
    'campaign_slots_differ',
    'D4',
    ({ rows }) => mutate('decisions', 1, { facts: { ...rows.decisions[1]?.facts, campaign_lines: [0, 1] } })({ rows } as Kept),
  ],
  [
    'account_slots_differ',
    'D4',
    ({ rows }) => mutate('decisions', 1, { facts: { ...rows.decisions[1]?.facts, account_lines: [2, 2] } })({ rows } as Kept),
  ],
  ['attempt_without_outcome', 'D2', mutate('attempts', 1, { state: 'unknown', outcome: null })],
  ['attempt_without_outcome', 'D2', mutate('attempts', 1, { outcome: null })],
  ['lead_stranded', 'D2', mutate('leads', 0, { status: 'processing' })],
  ['lead_stranded', 'D2', mutate('leads', 0, { status: 'scheduled' })],
  ['lead_forgotten', 'D2', mutate('leads', 0, { status: 'rescheduled' })],
  [
    'dialed_during_call',
    'D1',
    (evidence) => {
      again(evidence);
      // Written down last, whatever instant it bears.
      evidence.rows.changes.splice(1, 1, callEnds(1, 15));
    },
  ],
  [
    'dialed_during_call',
    'D1',
    (evidence) => {
      again(evidence);
      // A claim that is nowhere written down.
      evidence.rows.changes.splice(4, 1);
    },
  ],
  [
    'redialed_unknown',
    'D2',
    (evidence) => {
      again(evidence);
      mutate('attempts', 0, { outcome: 'lost' })(evidence);
    },
  ],
  [
    'too_many_tries',
    'D3',
    (evidence) => {
      again(evidence);
      Object.assign(evidence.terms[0] ?? {}, { maxRetries: 1 });
    },
  ],
  [
    'out_of_order',
    'D3',
    (evidence) => {
      cascade(evidence);
      evidence.rows.changes.splice(4, 1, leadMoves(1, 'created', 'reached-max-retries', 31));
    },
  ],
  [
    'out_of_order',
    'D3',
    (evidence) => {
      cascade(evidence);
      evidence.rows.leads[0] = person(1, { status: 'blacklisted' });
      evidence.rows.changes.splice(4, 1, leadMoves(1, 'created', 'blacklisted', 15));
    },
  ],
  [
    'dialed_after_success',
    'D3',
    (evidence) => {
      cascade(evidence);
      evidence.rows.leads.push(person(4, { primary_id: 1, position: 2 }));
    },
  ],
  [
    'two_phones_at_once',
    'D3',
    (evidence) => {
      cascade(evidence);
      evidence.rows.changes.splice(1, 1, callEnds(1, 33));
    },
  ],
  ['rang_after_stop', 'D6', ({ acts }) => acts.push(act({ kind: 'stop', campaignId: 1 }))],
  ['rang_after_stop', 'D6', ({ acts }) => acts.push(act({ kind: 'start', campaignId: 1 }, 3, 4), act({ kind: 'stop', campaignId: 1 }))],
  ['rang_after_stop', 'D6', ({ acts }) => acts.push(act({ kind: 'stop', campaignId: 1, ringsBefore: 1 }, 20, 20))],
  ['rang_after_block', 'D6', ({ acts }) => acts.push(act({ kind: 'block', number: '+12025550102' }))],
  [
    'rang_after_delete',
    'D6',
    ({ acts, rows }) => {
      acts.push(act({ kind: 'delete', leadIds: [2] }));
      // The attempt has lost its lead, the decision has not.
      Object.assign(rows.attempts[1] ?? {}, { lead_id: null });
      rows.leads.pop();
    },
  ],
  ['rang_after_complete', 'D6', ({ acts }) => acts.push(act({ kind: 'complete', leadId: 2, leadIds: [2] }))],
  ['rang_after_exhaust', 'D6', ({ acts }) => acts.push(act({ kind: 'exhaust', leadId: 2, leadIds: [2] }))],
];

const FINE: [name: string, change: (evidence: Kept) => void][] = [
  ['nothing out of the ordinary', () => {}],
  ['a contact after its lead', cascade],
  ['a second attempt', (evidence) => again(evidence)],
  [
    'an attempt that was taken back and did not ring',
    (evidence) => {
      evidence.rings.pop();
      mutate('attempts', 1, { sent_at: null, outcome: 'revoked' })(evidence);
    },
  ],
  [
    'a stop that a start has lifted',
    ({ acts }) => acts.push(act({ kind: 'stop', campaignId: 1 }), act({ kind: 'start', campaignId: 1 }, 15, 15)),
  ],
  ['a stop that was not answered yet', ({ acts }) => acts.push(act({ kind: 'stop', campaignId: 1 }, 12, 30))],
  ['another campaign’s stop', ({ acts }) => acts.push(act({ kind: 'stop', campaignId: 2 }))],
  [
    'a completed lead that was put back',
    ({ acts }) => acts.push(act({ kind: 'complete', leadId: 2, leadIds: [2] }), act({ kind: 'reset', leadId: 2, leadIds: [2] }, 15, 15)),
  ],
  [
    'an attempt still under way, where the end is not yet',
    (evidence) => {
      mutate('attempts', 1, { state: 'live', outcome: null })(evidence);
      Object.assign(evidence, { final: false });
    },
  ],
  [
    'a second call, claimed with an instant from before the end of the first was written down',
    (evidence) => {
      again(evidence, { created_at: at(14) });
      evidence.rows.decisions[1] = dial(evidence.rows.attempts[1] as Attempt, 2);
      Object.assign(evidence, { terms: [], toleranceMs: 1000 });
    },
  ],
  [
    'a line freed within the tolerance',
    (evidence) => {
      evidence.rows.changes.splice(1, 1, callEnds(1, 21));
      Object.assign(evidence, { toleranceMs: 2000 });
    },
  ],
];

test.each(FINE)('kept: %s', (_name, alter) => {
  const evidence: Evidence & Kept = kept();
  alter(evidence);
  expect(brokenPromises(evidence)).toEqual([]);
});

test.each(CASES)('%s (%s) is found', (what, promise, breaking) => {
  const evidence = kept();
  breaking(evidence);
  expect(brokenPromises(evidence)).toContainEqual(expect.objectContaining({ what, promise }));
});
