import { expect, test } from 'vitest';
import { type Tool, withToolDefaults } from './tools.ts';

test.each<[Tool, Record<string, unknown>]>([
  [{ type: 'end_call' }, { type: 'end_call' }],
  [
    { type: 'end_call', own_key: 1 },
    { type: 'end_call', own_key: 1 },
  ],
  [{ type: 'collect_keypad' }, { type: 'collect_keypad', timeout: 5, stop_key: '#' }],
  [
    { type: 'collect_keypad', stop_key: '*' },
    { type: 'collect_keypad', stop_key: '*', timeout: 5 },
  ],
  [
    { type: 'call_transfer', phone_number: '+1234567890' },
    { type: 'call_transfer', phone_number: '+1234567890', warm_transfer: false },
  ],
  [
    { type: 'calendar_integration', calcom_booking_fields: [{ slug: 'a', type: 'text', label: 'A' }] },
    {
      type: 'calendar_integration',
      calcom_booking_fields: [{ slug: 'a', type: 'text', label: 'A', required: false }],
      calcom_endpoint: 'us',
    },
  ],
])('%j', (given, filled) => {
  expect(withToolDefaults(given)).toEqual(filled);
});

test('a warm transfer has the documented defaults', () => {
  const filled = withToolDefaults({ type: 'warm_call_transfer', supervisor_phone: '+1234567890', outbound_phone_id: 1, description: 'x' });
  expect(filled).toMatchObject({
    custom_sip: false,
    caller_id_mode: 'outbound_number',
    hold_music: 'hold_music',
    hold_music_volume: 80,
    hold_message: 'Please hold while I connect you with a supervisor.',
    briefing_initial_message: 'Hello! I have a caller on the line who needs your assistance. May I brief you on the situation?',
    connected_message: "You are now connected with a supervisor. I'll leave you to it.",
  });
  expect(filled.summary_instructions).toMatch(/two or three sentences/);
});
