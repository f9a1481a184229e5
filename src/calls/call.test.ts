import { expect, test } from 'vitest';
import { CALL_STATUSES, type FoundCall, formatTranscript, presentCall, toCallStatus } from './call.ts';

const AT = new Date('2026-03-02T09:31:02.999Z');

const call: FoundCall = {
  id: 7741,
  state: 'ended',
  status: 'completed',
  sent_at: AT,
  phone_number: '+12025550143',
  caller_number: '+12025550100',
  simulated: true,
  duration: 96,
  variables: { first_name: 'Mara' },
  transcript: [
    { text: 'Good morning, is this Mara?', type: 'transcript', sender: 'bot', timestamp: 1 },
    { text: 'Yes.', type: 'transcript', sender: 'human', timestamp: 2 },
  ],
  extraction: { status: true, summary: 'Renewal agreed' },
  recording_url: null,
  carrier_cost: 0.031,
  answered_by: 'human',
  created_at: AT,
  updated_at: AT,
  assistant_name: 'Renewal desk',
  campaign_name: 'Spring renewals',
};

test('a call has the documented keys in their order', () => {
  expect(JSON.stringify(presentCall(call))).toBe(
    JSON.stringify({
      id: 7741,
      assistant_name: 'Renewal desk',
      campaign_name: 'Spring renewals',
      type: 'outbound',
      duration: 96,
      assistant_phone_number: '+12025550100',
      client_phone_number: '+12025550143',
      status: 'completed',
      transcript: 'AI: Good morning, is this Mara?\nCustomer: Yes.',
      variables: { first_name: 'Mara' },
      evaluation: { status: true, summary: 'Renewal agreed' },
      webhook_response: null,
      carrier_cost: 0.031,
      total_cost: 0.031,
      answered_by: 'human',
      recording_url: null,
      created_at: '2026-03-02 09:31:02',
      updated_at: '2026-03-02 09:31:02',
    }),
  );
});

test.each<[string, Partial<FoundCall>, object]>([
  [
    'nothing was said of it',
    { transcript: null, extraction: null, carrier_cost: null },
    { transcript: null, evaluation: null, total_cost: null },
  ],
  ['nobody said anything', { transcript: [] }, { transcript: '' }],
  ['it waits to be sent', { state: 'reserved', status: 'initiated', sent_at: null }, { status: 'initiated' }],
  ['it expired before it was sent', { state: 'ended', status: 'initiated', sent_at: null }, { status: 'failed' }],
  ['its campaign has no name any more', { campaign_name: null }, { campaign_name: null }],
])('%s', (_name, fields, shown) => {
  expect(presentCall({ ...call, ...fields })).toMatchObject(shown);
});

test.each([
  [[], ''],
  [[['bot', 'Hi']], 'AI: Hi'],
  [
    [
      ['human', 'One\ntwo'],
      ['human', ''],
      ['bot', 'Bye'],
    ],
    'Customer: One\ntwo\nCustomer: \nAI: Bye',
  ],
] as [['bot' | 'human', string][], string][])('a transcript reads as lines (%#)', (turns, expected) => {
  expect(formatTranscript(turns.map(([sender, text]) => ({ text, type: 'transcript', sender, timestamp: 0 })))).toBe(expected);
});

test('unanswered is no-answer; every other status is itself', () => {
  expect(toCallStatus('unanswered')).toBe('no-answer');
  for (const status of CALL_STATUSES) expect(toCallStatus(status)).toBe(status);
});
