import { describe, expect, test } from 'vitest';
import {
  CAMPAIGN_EVENTS,
  CAMPAIGN_STATUSES,
  campaignZone,
  checkGoalField,
  checkGoalNamed,
  checkSettings,
  nextCampaignStatus,
  toMove,
  toTimeOfDay,
  withDefaults,
} from './campaign.ts';

describe('moves', () => {
  const legal = [
    ['draft', 'start', 'in-progress'],
    ['stopped', 'start', 'in-progress'],
    ['completed', 'start', 'in-progress'],
    ['in-progress', 'stop', 'stopped'],
    ['in-progress', 'complete', 'completed'],
  ] as const;
  const cells = CAMPAIGN_STATUSES.flatMap((from) =>
    CAMPAIGN_EVENTS.map((event) => [from, event, legal.find(([f, e]) => f === from && e === event)?.[2]] as const),
  );

  test.each(cells)('%s + %s -> %s', (from, event, to) => {
    expect(nextCampaignStatus(from, event)).toBe(to);
  });

  test('all that may be is tried', () => expect(cells.filter(([, , to]) => to !== undefined)).toHaveLength(legal.length));
});

test.each([
  ['start', 'start'],
  ['resume', 'start'],
  ['stop', 'stop'],
  ['pause', 'stop'],
  ['START', undefined],
  ['restart', undefined],
  ['constructor', undefined],
  ['', undefined],
])('the verb %j means %j', (verb, move) => expect(toMove(verb)).toBe(move));

test.each([
  ['00:00', '00:00:00'],
  ['09:30', '09:30:00'],
  ['23:59', '23:59:00'],
  ['23:59:59', '23:59:59'],
  ['24:00', undefined],
  ['9:30', undefined],
  ['09:60', undefined],
  ['09:30:60', undefined],
  ['09:30:', undefined],
  ['09:30\n', undefined],
  ['٠٩:٣٠', undefined],
  ['', undefined],
])('the time %j is %j', (text, time) => expect(toTimeOfDay(text)).toBe(time));

test.each([
  ['Europe/Vienna', 'Asia/Tokyo', 'UTC', 'Europe/Vienna'],
  [undefined, 'Asia/Tokyo', 'UTC', 'Asia/Tokyo'],
  [null, null, 'UTC', 'UTC'],
  [null, null, null, null],
])('of the zones %j, %j, %j it is %j', (own, account, assistant, zone) => {
  expect(campaignZone(own, account, assistant)).toBe(zone);
});

const SCHEMA = [
  { name: 'booked', type: 'bool' },
  { name: 'notes', type: 'string' },
];
const REQUIRED = { goal_completion_variable: ['The goal completion variable field is required when retry on goal incomplete is true.'] };
const INVALID = { goal_completion_variable: ['The selected goal completion variable is invalid.'] };

test.each([
  [true, 'booked', {}],
  [true, 'Booked', INVALID],
  [true, 'notes', INVALID],
  [true, 'absent', INVALID],
  [true, null, REQUIRED],
  [false, 'absent', {}],
  [false, null, {}],
])('retries %j, goal %j', (retries, goal, errors) => {
  expect({ ...checkGoalNamed(retries, goal), ...checkGoalField(retries, goal, SCHEMA) }).toEqual(errors);
});

test.each([
  [{}, {}],
  [{ timezone: 'Europe/Vienna', max_calls_in_parallel: 10 }, {}],
  [{ timezone: '+02:00' }, { timezone: ['The timezone field must be a valid timezone.'] }],
  [{ max_calls_in_parallel: 11 }, { max_calls_in_parallel: ['The max calls in parallel field must not be greater than 10.'] }],
])('settings %j', (settings, errors) => expect(checkSettings(settings, 10)).toEqual(errors));

test('an account that allows less than the usual three gets what it allows', () => {
  expect(withDefaults({}, 10).max_calls_in_parallel).toBe(3);
  expect(withDefaults({}, 2).max_calls_in_parallel).toBe(2);
});
