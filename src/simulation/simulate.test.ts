// The time machine on campaigns that a file describes.
import { describe, expect, test } from 'vitest';
import { startOfDay } from './local-day.ts';
import { reportLines } from './report-lines.ts';
import { simulate } from './simulate.ts';
import { readRehearsal } from './simulation-file.ts';

const DAY = 86_400_000;
const MONDAY = new Date('2026-03-02T00:00:00Z');

const rehearse = (file: object, { days = 7, seed = 1 }: { days?: number; seed?: number } = {}) => {
  const read = readRehearsal(file, MONDAY);
  if (!read.ok) throw new Error(read.problems.join(' '));
  return simulate(read.rehearsal, { from: MONDAY, until: new Date(MONDAY.getTime() + days * DAY), seed });
};

describe('a rehearsal', () => {
  test('a week of calling for 10,000 leads takes less than a minute', async () => {
    const began = performance.now();
    const report = await rehearse({
      campaign: { timezone: 'Europe/Vienna', max_calls_in_parallel: 5, allowed_hours_start_time: '09:00', allowed_hours_end_time: '18:00' },
      leads: 10_000,
    });
    expect(performance.now() - began).toBeLessThan(60_000);
    expect(report.finished_at).toBeNull();
    expect(report.left).toBeGreaterThan(0);
    expect(report.attempts.sent).toBeGreaterThan(5000);
    expect(report.lines).toMatchObject({ most: 5, of: 5 });
    // Seven days, ten hours each with a call in them: the last minute of the window belongs to it.
    expect(new Set(report.calls_per_hour.map(({ hour }) => hour.split(' ')[1])).size).toBe(7);
    expect(Object.values(report.leads).reduce((sum, one) => sum + one, 0)).toBe(10_000);
  }, 90_000);

  test('the same seed comes to the same, another one to something else', async () => {
    const [one, again, other] = [
      await rehearse({ leads: 100 }),
      await rehearse({ leads: 100 }),
      await rehearse({ leads: 100 }, { seed: 2 }),
    ];
    expect(again).toEqual(one);
    expect(other.outcomes).not.toEqual(one.outcomes);
  });

  test('leads of a list do what their last digits say', async () => {
    const report = await rehearse({
      campaign: { max_retries: 2 },
      leads: ['+12025550101', { phone_number: '+12025550150', secondary_contacts: ['+12025550160', '+12025550102'] }, '+12025550103'],
      blacklist: ['+12025550103'],
    });
    expect(report).toMatchObject({
      left: 0,
      leads: { completed: 1, 'reached-max-retries': 1, blacklisted: 1 },
      contacts: { completed: 1, 'reached-max-retries': 1 },
      outcomes: { busy: 2, 'no-answer': 2, reached: 2 },
      skipped: { blacklisted: 1 },
    });
    expect(reportLines(report).join('\n')).toContain('Done on monday 2026-03-02');
  });

  test('a window that never opens calls nobody and says so', async () => {
    const report = await rehearse({ campaign: { allowed_days: [] }, leads: 3 }, { days: 1 });
    expect(report).toMatchObject({ attempts: { sent: 0 }, left: 3, held_back: { outside_window: 1 } });
    expect(reportLines(report).join('\n')).toContain('3 leads are still to be called');
  });

  test('a goal is retried for', async () => {
    const campaign = {
      max_retries: 2,
      retry_on_goal_incomplete: true,
      goal_completion_variable: 'renewed',
      simulation: { mix: { human: 1 }, goal_rate: 0 },
    };
    const report = await rehearse({ campaign, leads: 5 });
    expect(report).toMatchObject({ outcomes: { 'goal-missed': 10 }, leads: { 'reached-max-retries': 5 } });
  });
});

describe('what is wrong with a file', () => {
  test.each([
    [[], 'must hold a JSON object'],
    [{ leads: 1, lines: 3 }, 'lines is not known'],
    [{ leads: 1, campaign: { max_retries: 6 } }, 'campaign.max_retries must be a whole number from 1 to 5'],
    [{ leads: 1, campaign: { allowed_hours_start_time: '9' } }, 'campaign.allowed_hours_start_time must be a time of day'],
    [{ leads: 1, campaign: { allowed_days: ['someday'] } }, 'campaign.allowed_days must be a list'],
    [{ leads: 1, campaign: { simulation: { mix: { humans: 1 } } } }, 'campaign.simulation: mix.humans is not known'],
    [{ leads: 1, campaign: { retry_on_goal_incomplete: true } }, 'goal_completion_variable'],
    [{ leads: 1, campaign: { max_calls_in_parallel: 5 }, max_parallel_calls: 3 }, 'must not be greater than 3'],
    [{ leads: ['0741'] }, 'leads[0] must be a phone number'],
    [{ leads: [{ phone_number: '+12025550101', secondary_contacts: ['x'] }] }, 'leads[0].secondary_contacts[0] must be a phone number'],
    [{ leads: [] }, 'leads must be a number'],
    [{ leads: ['+12025550101'], contacts_per_lead: 1 }, 'contacts_per_lead goes with a number'],
    [{ leads: 1, assistant: { ringing_time: 'long' } }, 'assistant.ringing_time must be a whole number'],
  ])('%j', (file, problem) => {
    const read = readRehearsal(file, MONDAY);
    expect(read.ok ? [] : read.problems.join('\n')).toContain(problem);
  });
});

test.each([
  ['2026-03-02', 'UTC', '2026-03-02T00:00:00.000Z'],
  ['2026-03-02', 'Europe/Vienna', '2026-03-01T23:00:00.000Z'],
  ['2026-03-02', 'Pacific/Kiritimati', '2026-03-01T10:00:00.000Z'],
  ['2026-03-02', 'Pacific/Pago_Pago', '2026-03-02T11:00:00.000Z'],
  ['2026-03-02', 'Asia/Kathmandu', '2026-03-01T18:15:00.000Z'],
  // The clock goes from 24:00 to 01:00: the day begins at one.
  ['2026-09-06', 'America/Santiago', '2026-09-06T04:00:00.000Z'],
  ['2026-02-30', 'UTC', undefined],
  ['2026-03-02', 'Mars/Olympus', undefined],
])('%s begins in %s at %s', (date, zone, expected) => {
  expect(startOfDay(date, zone)?.toISOString()).toBe(expected);
});
