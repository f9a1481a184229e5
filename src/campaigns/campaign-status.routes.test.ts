import { beforeAll, describe, expect, test } from 'vitest';
import { startApp, type TestApp } from '../../test/support/app.ts';
import { insertAssistant } from '../../test/support/insert-assistant.ts';
import type { LeadRow } from '../db/schema.ts';

let t: TestApp;
let assistant: { id: number };
let number: number;

beforeAll(async () => {
  t = await startApp();
  assistant = await insertAssistant(t.db, t.mine.account.id, t.clock(), { timezone: 'UTC' });
  number = (await t.api.post('/api/user/phone-numbers', { phone_number: '+12025550100' })).body.data.id;
});

const create = async (fields: object = {}): Promise<number> => {
  const body = { name: 'Spring', assistant_id: assistant.id, phone_number_ids: [number], mark_complete_when_no_leads: false, ...fields };
  return (await t.api.post('/api/user/campaign', body)).body.data.id;
};
const move = (campaign_id: unknown, action: unknown = 'start', api = t.mine) =>
  api.post('/api/user/campaigns/update-status', { campaign_id, action });
const setStatus = (id: number, status: 'draft' | 'in-progress' | 'stopped' | 'completed') =>
  t.db.updateTable('campaigns').set({ status }).where('id', '=', id).execute();
const statusOf = async (id: number) => (await t.api.get(`/api/user/campaign/${id}`)).body.status;

type LeadStatus = LeadRow['status'];
let digits = 1_000_000;
// A lead with its contacts, each in a status.
const insertLead = async (campaignId: number, status: LeadStatus, contacts: LeadStatus[] = []): Promise<void> => {
  const row = (state: LeadStatus) => ({
    account_id: t.mine.account.id,
    campaign_id: campaignId,
    phone_number: `+1202${digits++}`,
    variables: '{}',
    status: state,
    created_at: t.clock(),
    updated_at: t.clock(),
  });
  const lead = await t.db
    .insertInto('leads')
    .values({ ...row(status), primary_id: null, position: null })
    .returning('id')
    .executeTakeFirstOrThrow();
  for (const [index, state] of contacts.entries()) {
    await t.db
      .insertInto('leads')
      .values({ ...row(state), primary_id: lead.id, position: index + 1 })
      .execute();
  }
};

describe('start and stop', () => {
  test.each(['/api/user/campaigns/update-status', '/api/user/campaign/update-status'])('%s moves there and back', async (path) => {
    const id = await create();
    const started = await t.api.post(path, { campaign_id: id, action: 'start' });
    expect(started.status).toBe(200);
    expect(started.raw).toBe(
      `{"message":"Campaign started successfully.","success":true,"data":{"campaign_id":${id},"status":"in-progress"}}`,
    );
    expect(await statusOf(id)).toBe('in-progress');
    const stopped = await t.api.post(path, { campaign_id: id, action: 'stop' });
    expect(stopped.raw).toBe(`{"message":"Campaign stopped successfully.","success":true,"data":{"campaign_id":${id},"status":"stopped"}}`);
    expect(await statusOf(id)).toBe('stopped');
  });

  test.each([
    [(id: number) => ({ campaign: id, action: 'start' })],
    [(id: number) => ({ campaign_id: String(id), status: 'start' })],
    [(id: number) => ({ campaign_id: id, action: ' resume ' })],
    [(id: number) => ({ campaign: String(id), status: 'resume', colour: 'blue' })],
    [(id: number) => ({ campaign_id: id, campaign: 999_999, action: 'start', status: 'stop' })],
  ])('reads the other spellings (%#)', async (body) => {
    const id = await create();
    expect((await t.api.post('/api/user/campaigns/update-status', body(id))).body).toMatchObject({ success: true });
    expect(await statusOf(id)).toBe('in-progress');
    expect((await move(id, 'pause')).body.data.status).toBe('stopped');
  });

  test.each([
    ['draft', 200],
    ['stopped', 200],
    ['completed', 200],
    ['in-progress', 400],
  ] as const)('start from %s answers %i', async (from, code) => {
    const id = await create();
    await setStatus(id, from);
    expect((await move(id)).status).toBe(code);
  });

  test.each(['draft', 'stopped', 'completed'] as const)('stop from %s is refused', async (from) => {
    const id = await create();
    await setStatus(id, from);
    const { status, body } = await move(id, 'stop');
    const data = { campaign_id: id, status: from };
    expect({ status, body }).toEqual({ status: 400, body: { message: 'Campaign is not running', success: false, data } });
  });

  test('a stop leaves the leads as they are', async () => {
    const id = await create();
    await insertLead(id, 'scheduled');
    await move(id);
    await move(id, 'stop');
    expect((await t.api.get(`/api/user/leads?campaign_id=${id}`)).body.data[0].status).toBe('scheduled');
  });

  test('of starts that race exactly one wins', async () => {
    const id = await create();
    const answers = await Promise.all(Array.from({ length: 6 }, () => move(id)));
    expect(answers.map((answer) => answer.status).sort()).toEqual([200, 400, 400, 400, 400, 400]);
    const stops = await Promise.all(Array.from({ length: 6 }, () => move(id, 'stop')));
    expect(stops.map((answer) => answer.status).sort()).toEqual([200, 400, 400, 400, 400, 400]);
  });
});

describe('what is asked wrongly', () => {
  const TOP = 'The given data was invalid.';
  test.each([
    [{}, { campaign_id: ['The campaign id field is required.'], action: ['The action field is required.'] }],
    [{ action: 'start' }, { campaign_id: ['The campaign id field is required.'] }],
    [{ campaign_id: 1 }, { action: ['The action field is required.'] }],
    [{ campaign_id: 1, action: ' ' }, { action: ['The action field is required.'] }],
    [{ campaign_id: 'x', action: 'start' }, { campaign_id: ['The campaign id field must be an integer.'] }],
    [{ campaign_id: 1, action: 1 }, { action: ['The action field must be a string.'] }],
    [{ campaign_id: [1], action: 'start' }, { campaign_id: ['The campaign id field must be an integer.'] }],
  ])('%j is invalid', async (payload, errors) => {
    const { status, body } = await t.api.post('/api/user/campaigns/update-status', payload);
    expect({ status, body }).toEqual({ status: 422, body: { message: TOP, errors } });
  });

  test.each(['restart', 'START', 'in-progress', '__proto__'])('the verb %j is unknown, whatever the campaign', async (verb) => {
    const refused = { message: "Invalid action. Must be either 'start' or 'stop'.", success: false };
    for (const id of [await create(), 999_999]) {
      const { status, body } = await move(id, verb);
      expect({ status, body }).toEqual({ status: 400, body: refused });
    }
  });

  test('a campaign that is unknown or of another account is not found', async () => {
    const id = await create();
    for (const [who, which] of [
      [t.other, id],
      [t.mine, 999_999],
      [t.mine, '9007199254740993'],
    ] as const) {
      for (const action of ['start', 'stop']) {
        const { status, body } = await move(which, action, who);
        expect({ status, body }).toEqual({ status: 404, body: { message: 'Campaign not found.', success: false } });
      }
    }
    expect(await statusOf(id)).toBe('draft');
  });
});

describe('what a start needs', () => {
  const refused = async (id: number, message: string, was = 'draft') => {
    const { status, body } = await move(id);
    expect({ status, body }).toEqual({ status: 400, body: { message, success: false, data: { campaign_id: id, status: was } } });
    expect(await statusOf(id)).toBe(was);
  };

  test('the checks come in their order, each in the way of the next', async () => {
    const own = await insertAssistant(t.db, t.mine.account.id, t.clock());
    const id = await create({ assistant_id: own.id, phone_number_ids: [], mark_complete_when_no_leads: true });
    await setStatus(id, 'in-progress');
    await refused(id, 'Campaign is already in progress', 'in-progress');
    await setStatus(id, 'stopped');
    await refused(id, 'Assistant timezone not set', 'stopped');
    await t.api.put(`/api/user/campaign/${id}`, { timezone: 'UTC' });
    await refused(id, 'Your agent does not have a phone number setup', 'stopped');
    await t.api.put(`/api/user/campaign/${id}`, { phone_number_ids: [number] });
    await refused(id, 'No leads to call', 'stopped');
    await insertLead(id, 'created');
    expect((await move(id)).status).toBe(200);
  });

  test('a zone that became known later is enough', async () => {
    const own = await insertAssistant(t.db, t.mine.account.id, t.clock());
    const id = await create({ assistant_id: own.id });
    await refused(id, 'Assistant timezone not set');
    await t.db.updateTable('assistants').set({ timezone: 'UTC' }).where('id', '=', own.id).execute();
    expect((await move(id)).status).toBe(200);
  });

  test("the assistant's own number is enough", async () => {
    const own = await insertAssistant(t.db, t.mine.account.id, t.clock(), { timezone: 'UTC', phone_number_id: number });
    expect((await move(await create({ assistant_id: own.id, phone_number_ids: [] }))).status).toBe(200);
  });

  test('an assistant that was deleted starts nothing', async () => {
    const own = await insertAssistant(t.db, t.mine.account.id, t.clock());
    const id = await create({ assistant_id: own.id });
    await t.db.updateTable('assistants').set({ deleted_at: t.clock() }).where('id', '=', own.id).execute();
    await refused(id, 'Assistant not found');
  });

  test.each<[boolean, LeadStatus, LeadStatus[]]>([
    [true, 'created', []],
    [true, 'scheduled', []],
    [true, 'rescheduled', []],
    [true, 'processing', []],
    [false, 'completed', []],
    [false, 'reached-max-retries', []],
    [false, 'blacklisted', []],
    [true, 'reached-max-retries', ['created']],
    [true, 'reached-max-retries', ['processing']],
    [true, 'reached-max-retries', ['reached-max-retries', 'rescheduled']],
    [true, 'reached-max-retries', ['blacklisted', 'created']],
    [false, 'reached-max-retries', ['completed', 'created']],
    [false, 'reached-max-retries', ['reached-max-retries', 'completed', 'created']],
    [false, 'reached-max-retries', ['created', 'completed']],
    [false, 'reached-max-retries', ['reached-max-retries', 'blacklisted']],
    [false, 'completed', ['created']],
    [false, 'blacklisted', ['created']],
  ])('somebody to call is %j for a lead %s with contacts %j', async (expected, status, contacts) => {
    const id = await create({ mark_complete_when_no_leads: true });
    await insertLead(id, status, contacts);
    if (expected) expect((await move(id)).status).toBe(200);
    else await refused(id, 'No leads to call');
  });

  test('leads of another campaign do not count', async () => {
    await insertLead(await create(), 'created');
    await refused(await create({ mark_complete_when_no_leads: true }), 'No leads to call');
  });

  test('an empty campaign that waits for leads starts', async () => {
    expect((await move(await create({ mark_complete_when_no_leads: false }))).status).toBe(200);
  });
});
