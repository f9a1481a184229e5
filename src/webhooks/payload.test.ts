import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { readContract } from '../../test/contract/operations.ts';
import type { Transcript } from '../calls/call.ts';
import {
  type CallingCampaign,
  type DialedContact,
  type EndedCall,
  isDue,
  type PostCallSettings,
  postCallPayload,
  postCallSettings,
} from './payload.ts';

const ajv = new Ajv2020({ allErrors: true, strict: false, logger: false });
ajv.addKeyword({
  keyword: 'x-key-order',
  type: 'object',
  schemaType: 'array',
  validate: (order: string[], data: object) => {
    const known = Object.keys(data);
    return order.filter((key) => known.includes(key)).join() === known.join();
  },
});
ajv.addSchema(readContract(), 'contract');
const conforms = ajv.compile({ $ref: 'contract#/components/schemas/PostCallPayload' });

const at = (time: string): Date => new Date(`2026-03-02T${time}Z`);

const CALL: EndedCall = {
  id: 7741,
  phone_number: '+12025550143',
  caller_number: '+12025550100',
  duration: 96,
  status: 'completed',
  extraction: { status: true, summary: 'Renewal agreed', booked: true },
  variables: { first_name: 'Mara', plan: 'Basic' },
  transcript: [
    { text: 'Good morning, is this Mara?', type: 'transcript', sender: 'bot', timestamp: 1772443865.412 },
    { text: 'Yes.', type: 'transcript', sender: 'human', timestamp: 1772443868.02 },
  ],
  recording_url: 'https://dialer.example.test/storage/recordings/7741.mp3',
  created_at: at('09:31:02'),
  updated_at: at('09:32:41'),
};
const CONTACT: DialedContact = {
  id: 901,
  phone_number: '+12025550143',
  variables: { first_name: 'Mara', plan: 'Basic' },
  status: 'completed',
  call_tries: 1,
  created_at: at('08:15:40'),
  updated_at: at('09:32:41'),
};
const CAMPAIGN: CallingCampaign = {
  id: 31,
  name: 'Spring renewals',
  status: 'in-progress',
  allowed_hours_start_time: '09:30:00',
  allowed_hours_end_time: '18:00:00',
  allowed_days: ['monday', 'wednesday', 'friday'],
  max_calls_in_parallel: 4,
  max_retries: 2,
  retry_interval: 90,
  created_at: new Date('2026-03-01T07:00:00Z'),
  updated_at: at('08:00:00'),
};

/** As a receiver reads it. */
const sent = (call: EndedCall, contact?: DialedContact, campaign?: CallingCampaign, withRecording = true) => {
  const text = JSON.stringify(postCallPayload(call, contact, campaign, { withRecording }));
  const payload = JSON.parse(text);
  expect(conforms(payload), JSON.stringify(conforms.errors)).toBe(true);
  return { text, payload };
};

test("is the contract's example, letter for letter", () => {
  const contract = readContract() as {
    webhooks: { postCall: { post: { requestBody: { content: Record<string, { example: object }> } } } };
  };
  const example = contract.webhooks.postCall.post.requestBody.content['application/json']?.example;
  expect(sent(CALL, CONTACT, CAMPAIGN).text).toBe(JSON.stringify(example));
});

describe('what may be missing', () => {
  test.each<[string, Partial<EndedCall>, object]>([
    ['no extraction', { extraction: null }, { extracted_variables: {} }],
    ['no transcript', { transcript: null }, { transcript: [], formatted_transcript: '' }],
    ['an empty transcript', { transcript: [] }, { transcript: [], formatted_transcript: '' }],
    ['no variables', { variables: {} }, { input_variables: {} }],
    ['no recording', { recording_url: null }, { recording_url: null }],
    ['a call nobody took', { status: 'no-answer', duration: 0, transcript: null }, { status: 'no-answer', duration: 0 }],
    ['a call that failed', { status: 'failed' }, { status: 'failed' }],
    ['milliseconds', { updated_at: new Date('2026-03-02T09:32:41.007Z') }, { finished_at: '2026-03-02T09:32:41.007000Z' }],
  ])('%s', (_, call, expected) => {
    expect(sent({ ...CALL, ...call }, CONTACT, CAMPAIGN).payload).toMatchObject(expected);
  });

  test('the recording, where the assistant does not want it', () => {
    expect(sent(CALL, CONTACT, CAMPAIGN, false).payload).not.toHaveProperty('recording_url');
  });

  test('the lead, outside a campaign and when it was deleted; transfers, always', () => {
    for (const { payload } of [sent(CALL), sent(CALL, undefined, CAMPAIGN)]) {
      expect(payload).not.toHaveProperty('lead');
      expect(payload).not.toHaveProperty('transfers');
      expect(payload).not.toHaveProperty('campaign');
    }
  });
});

test.each<[string, DialedContact['status'], number]>([
  ['rescheduled', 'rescheduled', 1],
  ['exhausted', 'reached-max-retries', 5],
  ['blacklisted meanwhile', 'blacklisted', 0],
])('a contact that is %s says so', (_, status, call_tries) => {
  expect(sent(CALL, { ...CONTACT, status, call_tries }, CAMPAIGN).payload.lead).toMatchObject({ status, call_tries });
});

test('what a carrier adds to a transcript stays here, and keys keep their order', () => {
  const odd = { timestamp: 1, extra: 'secret', sender: 'bot', type: 'transcript', text: 'Hi' } as unknown as Transcript[number];
  const { text } = sent({ ...CALL, transcript: [odd], variables: { zebra: 1, apple: { y: 1, x: 2 } } });
  expect(text).toContain('[{"text":"Hi","type":"transcript","sender":"bot","timestamp":1}]');
  expect(text).toContain('"input_variables":{"zebra":1,"apple":{"y":1,"x":2}}');
});

describe('whether a call is reported', () => {
  const settings: PostCallSettings = { url: 'https://example.test/hook', onlyCompleted: true, withRecording: true };
  test.each<[string, Partial<PostCallSettings>, Omit<Parameters<typeof isDue>[0], 'attempt_no'> & { attempt_no?: null }, boolean]>([
    ['completed', {}, { state: 'ended', status: 'completed', outcome: 'reached' }, true],
    ['not yet ended', {}, { state: 'wrapping', status: 'completed', outcome: 'reached' }, false],
    ['no webhook', { url: undefined }, { state: 'ended', status: 'completed', outcome: 'reached' }, false],
    ['busy', {}, { state: 'ended', status: 'busy', outcome: 'busy' }, false],
    ['busy, all wanted', { onlyCompleted: false }, { state: 'ended', status: 'busy', outcome: 'busy' }, true],
    ['lost, all wanted', { onlyCompleted: false }, { state: 'ended', status: 'failed', outcome: 'lost' }, true],
    ['never left: revoked', { onlyCompleted: false }, { state: 'ended', status: 'failed', outcome: 'revoked' }, false],
    ['never left: expired', { onlyCompleted: false }, { state: 'ended', status: 'failed', outcome: 'expired' }, false],
    ['refused by the carrier', { onlyCompleted: false }, { state: 'ended', status: 'failed', outcome: 'rejected' }, false],
    ['make_call, never sent', { onlyCompleted: false }, { state: 'ended', status: 'failed', outcome: 'expired', attempt_no: null }, true],
    ['make_call, never sent, completed wanted', {}, { state: 'ended', status: 'failed', outcome: 'expired', attempt_no: null }, false],
  ])('%s', (_, change, call, expected) => {
    expect(isDue({ attempt_no: 1, ...call }, { ...settings, ...change })).toBe(expected);
  });

  const url = 'https://example.test/hook';
  test.each([
    [
      { is_webhook_active: true, webhook_url: url, settings: {} },
      { url, onlyCompleted: true, withRecording: true },
    ],
    [
      { is_webhook_active: false, webhook_url: url, settings: {} },
      { url: undefined, onlyCompleted: true, withRecording: true },
    ],
    [
      { is_webhook_active: true, webhook_url: null, settings: {} },
      { url: undefined, onlyCompleted: true, withRecording: true },
    ],
    [
      {
        is_webhook_active: true,
        webhook_url: url,
        settings: { send_webhook_only_on_completed: false, include_recording_in_webhook: false },
      },
      { url, onlyCompleted: false, withRecording: false },
    ],
  ])('by the settings (%#)', (row, expected) => {
    expect(postCallSettings(row)).toEqual(expected);
  });
});
