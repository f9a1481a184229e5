// What becomes of a lead, from the API to the carrier and back, on a clock of the test's own.
import { beforeAll, describe, expect, test } from 'vitest';
import { startApp, type TestApp } from '../support/app.ts';
import { buildAssistant, buildNumber, numberEndingIn } from '../support/build.ts';
import { type Dialing, startDialing } from '../support/dialing.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

let t: TestApp;
let dialing: Dialing;
let number: number;

beforeAll(async () => {
  t = await startApp({ wake: () => dialing?.dialer.wake() });
  number = (await buildNumber(t.api)).id;
  dialing = await startDialing(t);
});

const campaign = async (fields: object = {}): Promise<number> => {
  const assistant = await buildAssistant(t.api);
  const body = { name: 'Spring', assistant_id: assistant.id, phone_number_ids: [number], timezone: 'UTC', ...fields };
  return (await t.api.post('/api/user/campaign', body)).body.data.id;
};
const lead = async (campaign_id: number, digits: string, fields: object = {}): Promise<number> =>
  (await t.api.post('/api/user/lead', { campaign_id, phone_number: numberEndingIn(digits), ...fields })).body.data.id;
const move = (campaign_id: number, action: 'start' | 'stop') => t.api.post('/api/user/campaigns/update-status', { campaign_id, action });
const statusOf = async (id: number) => (await t.api.get(`/api/user/leads/${id}`)).body.status;
const campaignStatus = async (id: number) => (await t.api.get(`/api/user/campaign/${id}`)).body.status;
const callsOf = (id: number) => t.db.selectFrom('calls').selectAll().where('lead_id', '=', id).orderBy('id').execute();
const triesOf = async (id: number) =>
  (await t.db.selectFrom('leads').select('call_tries').where('id', '=', id).executeTakeFirstOrThrow()).call_tries;

describe('one lead, one campaign', () => {
  test('a human answers: completed after one call, and so is the campaign', async () => {
    const id = await campaign();
    const one = await lead(id, '01');
    expect((await move(id, 'start')).status).toBe(200);
    await dialing.pass(2 * SECOND);
    expect(await statusOf(one)).toBe('processing');
    await dialing.pass(MINUTE);
    expect([await statusOf(one), await campaignStatus(id)]).toEqual(['completed', 'completed']);
    const [call, ...others] = await callsOf(one);
    expect(others).toEqual([]);
    expect(call).toMatchObject({
      attempt_no: 1,
      state: 'ended',
      status: 'completed',
      outcome: 'reached',
      answered_by: 'human',
      simulated: true,
    });
    expect(call?.duration).toBeGreaterThan(0);
    expect(call?.extraction).toMatchObject({ status: true });
  });

  test.each([
    ['55', 'busy', 'declined'],
    ['50', 'busy', 'busy'],
    ['60', 'no-answer', 'no-answer'],
    ['70', 'failed', 'failed'],
    ['78', 'no-answer', 'canceled'],
  ])('number %s: %s, again after the interval, and at last reached-max-retries', async (digits, status, outcome) => {
    const id = await campaign({ max_retries: 2, retry_interval: 30 });
    const one = await lead(id, digits);
    await move(id, 'start');
    await dialing.pass(MINUTE);
    expect([await statusOf(one), await triesOf(one)]).toEqual(['rescheduled', 1]);
    await dialing.pass(28 * MINUTE);
    expect(await callsOf(one)).toHaveLength(1);
    await dialing.pass(2 * MINUTE);
    expect([await statusOf(one), await triesOf(one)]).toEqual(['reached-max-retries', 2]);
    const calls = await callsOf(one);
    expect(calls.map((call) => [call.attempt_no, call.status, call.outcome])).toEqual([
      [1, status, outcome],
      [2, status, outcome],
    ]);
    expect(await campaignStatus(id)).toBe('completed');
  });

  test('a dead number is not rung again', async () => {
    const id = await campaign();
    const one = await lead(id, '74');
    await move(id, 'start');
    await dialing.pass(3 * HOUR);
    expect([await statusOf(one), await triesOf(one)]).toEqual(['reached-max-retries', 1]);
  });

  test.each([
    ['40', {}, 'completed', 1],
    ['45', {}, 'completed', 1],
    ['40', { retry_on_voicemail: true }, 'reached-max-retries', 2],
    ['48', { retry_on_voicemail: true }, 'completed', 1],
    ['30', {}, 'completed', 1],
    ['30', { retry_on_goal_incomplete: true, goal_completion_variable: 'status' }, 'reached-max-retries', 2],
    ['00', { retry_on_goal_incomplete: true, goal_completion_variable: 'status' }, 'completed', 1],
    ['40', { retry_on_goal_incomplete: true, goal_completion_variable: 'status' }, 'reached-max-retries', 2],
    ['90', { retry_on_goal_incomplete: true, goal_completion_variable: 'status' }, 'reached-max-retries', 2],
    ['91', { retry_on_goal_incomplete: true, goal_completion_variable: 'status' }, 'reached-max-retries', 2],
    ['92', { retry_on_goal_incomplete: true, goal_completion_variable: 'status' }, 'reached-max-retries', 2],
    ['85', {}, 'completed', 1],
    ['86', {}, 'completed', 1],
    ['87', {}, 'completed', 1],
    ['88', {}, 'completed', 1],
    ['83', {}, 'completed', 1],
    ['81', {}, 'completed', 1],
    ['89', {}, 'completed', 1],
    ['94', {}, 'completed', 1],
  ])('number %s with %o ends %s after %i', async (digits, fields, status, tries) => {
    const id = await campaign({ max_retries: 2, retry_interval: 10, ...fields });
    const one = await lead(id, digits);
    await move(id, 'start');
    await dialing.pass(2 * HOUR);
    expect([await statusOf(one), await triesOf(one)]).toEqual([status, tries]);
    expect(dialing.carrier.rings().filter(({ callId }) => callId === '0')).toEqual([]);
  });

  test.each(['82', '84'])('number %s: what stays unknown is never dialed again, and ends after a quarter of an hour', async (digits) => {
    const id = await campaign();
    const one = await lead(id, digits, { secondary_contacts: [{ phone_number: numberEndingIn('01') }] });
    await move(id, 'start');
    await dialing.pass(10 * MINUTE);
    expect(await statusOf(one)).toBe('processing');
    await dialing.pass(3 * HOUR);
    expect([await statusOf(one), await triesOf(one)]).toEqual(['reached-max-retries', 1]);
    const { secondary_contacts } = (await t.api.get(`/api/user/leads/${one}`)).body;
    expect(secondary_contacts[0].status).toBe('created');
    expect(await campaignStatus(id)).toBe('completed');
  });

  test('a carrier that refuses costs no try and is left alone for a while', async () => {
    const id = await campaign({ mark_complete_when_no_leads: false });
    const one = await lead(id, '80');
    await move(id, 'start');
    // A look is what tries again, and what would try too often.
    for (let looks = 0; looks < 20; looks += 1) await dialing.pass(MINUTE / 2);
    await move(id, 'stop');
    expect([await statusOf(one), await triesOf(one)]).toEqual(['created', 0]);
    const refused = await callsOf(one);
    expect(refused.length).toBeGreaterThan(3);
    expect(refused.length).toBeLessThan(20);
    expect(new Set(refused.map(({ outcome }) => outcome))).toEqual(new Set(['rejected']));
    await t.db.deleteFrom('carrier_pauses').execute();
  });
});

describe('the cascade', () => {
  test('contacts are tried one after the other, each after an interval, until one is reached', async () => {
    const id = await campaign({ max_retries: 1, retry_interval: 60 });
    const contacts = ['60', '01', '02'].map((digits) => ({ phone_number: numberEndingIn(digits) }));
    const one = await lead(id, '50', { secondary_contacts: contacts });
    await move(id, 'start');
    await dialing.pass(30 * MINUTE);
    const statuses = async () => {
      const { status, secondary_contacts } = (await t.api.get(`/api/user/leads/${one}`)).body;
      return [status, ...secondary_contacts.map((contact: { status: string }) => contact.status)];
    };
    expect(await statuses()).toEqual(['reached-max-retries', 'created', 'created', 'created']);
    await dialing.pass(31 * MINUTE);
    expect(await statuses()).toEqual(['reached-max-retries', 'reached-max-retries', 'created', 'created']);
    await dialing.pass(2 * HOUR);
    expect(await statuses()).toEqual(['reached-max-retries', 'reached-max-retries', 'completed', 'created']);
    expect(await campaignStatus(id)).toBe('completed');
  });
});

describe('the window', () => {
  test('a closed night is one row, and calling begins when it opens', async () => {
    const hour = t.clock().getUTCHours();
    const opens = (hour + 5) % 24;
    const two = (n: number) => String(n % 24).padStart(2, '0');
    const id = await campaign({ allowed_hours_start_time: `${two(opens)}:00`, allowed_hours_end_time: `${two(opens + 2)}:00` });
    const one = await lead(id, '01');
    await move(id, 'start');
    await dialing.pass(3 * HOUR);
    expect(await statusOf(one)).toBe('created');
    const rows = await t.db.selectFrom('decisions').selectAll().where('campaign_id', '=', id).execute();
    expect(rows.map(({ verdict, reason }) => [verdict, reason])).toEqual([['refuse', 'outside_window']]);
    expect(rows[0]?.facts).toMatchObject({ zone: 'UTC', hours: `${two(opens)}:00-${two(opens + 2)}:00` });
    await dialing.pass(3 * HOUR);
    expect(await statusOf(one)).toBe('completed');
    const [call] = await callsOf(one);
    expect(call?.sent_at?.getUTCHours()).toBe(opens);
    expect(call?.sent_at?.getUTCMinutes()).toBe(0);
  });
});

describe('stop', () => {
  test('after a stop nobody is called; after a start everybody is', async () => {
    const id = await campaign({ max_calls_in_parallel: 1 });
    const leads = [await lead(id, '01'), await lead(id, '02'), await lead(id, '03')];
    await move(id, 'start');
    await dialing.pass(SECOND);
    await move(id, 'stop');
    await dialing.pass(HOUR);
    const rung = (await Promise.all(leads.map(callsOf))).flat().filter(({ sent_at }) => sent_at !== null);
    expect(rung).toHaveLength(1);
    await move(id, 'start');
    await dialing.pass(HOUR);
    expect(await Promise.all(leads.map(statusOf))).toEqual(['completed', 'completed', 'completed']);
  });
});
