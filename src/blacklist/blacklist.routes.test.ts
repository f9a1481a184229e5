import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createCaller, startApp, type TestApp } from '../../test/support/app.ts';
import { START } from '../../test/support/clock.ts';
import { insertAssistant } from '../../test/support/insert-assistant.ts';
import { blockNumbers, isBlacklisted } from './blacklist.store.ts';

const BLOCKED = '+12025550100';
const OTHER = '+12025550101';

let t: TestApp;
let campaign: number;
beforeAll(async () => {
  t = await startApp();
});

// One application, and for each test two accounts that have nothing yet.
beforeEach(async () => {
  t.clock.set(START);
  t.mine = await createCaller(t.app, t.db, t.clock, 'Mine');
  t.other = await createCaller(t.app, t.db, t.clock, 'Other');
  t.api = t.mine;
  campaign = await newCampaign(t.mine);
});

const newCampaign = async (caller: TestApp['mine']): Promise<number> => {
  const assistant = await insertAssistant(t.db, caller.account.id, t.clock());
  return (await caller.post('/api/user/campaign', { name: 'Spring', assistant_id: assistant.id })).body.data.id;
};
const block = (body: object, caller = t.mine) => caller.post('/api/user/blacklist', body);
const addLead = async (phone_number: string, contacts: string[] = [], campaign_id = campaign, caller = t.mine) => {
  const secondary_contacts = contacts.map((number) => ({ phone_number: number }));
  return (await caller.post('/api/user/lead', { phone_number, campaign_id, secondary_contacts })).body.data;
};
const lead = async (id: number, caller = t.mine) => (await caller.get(`/api/user/leads/${id}`)).body;
const setStatus = (id: number, status: 'scheduled' | 'processing' | 'completed' | 'rescheduled' | 'reached-max-retries') =>
  t.db.updateTable('leads').set({ status }).where('id', '=', id).execute();

describe('add', () => {
  test('one number answers 201 with its entry, and 200 with the same one ever after', async () => {
    const { status, body } = await block({ phone_number: '+1 (202) 555-0100', reason: ' asked us to ' });
    expect(status).toBe(201);
    expect(body).toEqual({
      message: 'Number added to the blacklist',
      data: { id: body.data.id, phone_number: BLOCKED, reason: 'asked us to', created_at: '2026-03-02T08:15:40.000000Z' },
    });
    expect(Object.keys(body.data)).toEqual(['id', 'phone_number', 'reason', 'created_at']);
    t.clock.advance(60_000);
    const again = await block({ phone_number: BLOCKED, reason: 'another' });
    expect(again.status).toBe(200);
    expect(again.body).toEqual({ message: 'Number is already on the blacklist', data: body.data });
  });

  test('several answer a list in the order sent, repeated ones once', async () => {
    await block({ phone_number: OTHER });
    const { status, body } = await block({ phone_numbers: ['+12025550109', OTHER, BLOCKED, '+1 202 555 0109'] });
    expect(status).toBe(201);
    expect(body.message).toBe('Numbers added to the blacklist');
    expect(body.data.map((entry: { phone_number: string }) => entry.phone_number)).toEqual(['+12025550109', OTHER, BLOCKED]);
    const again = await block({ phone_numbers: [OTHER] });
    expect(again.status).toBe(200);
    expect(again.body.data).toHaveLength(1);
  });

  test('leads and contacts are blocked by their ids, with the reason where none is given', async () => {
    const one = await addLead(BLOCKED, [OTHER]);
    const { status, body } = await block({ lead_ids: [String(one.secondary_contacts[0].id), one.id] });
    expect(status).toBe(201);
    const shown = body.data.map((entry: { phone_number: string; reason: string }) => [entry.phone_number, entry.reason]);
    expect(shown).toEqual([
      [OTHER, 'from lead'],
      [BLOCKED, 'from lead'],
    ]);
    expect(await lead(one.id)).toMatchObject({ status: 'blacklisted', secondary_contacts: [{ status: 'blacklisted' }] });
  });

  test.each([
    [{}, 'Validation failed', { phone_number: ['The phone number field is required.'] }],
    [{ reason: 'x' }, 'Validation failed', { phone_number: ['The phone number field is required.'] }],
    [{ phone_number: '12' }, 'Invalid phone number', { phone_number: ['Invalid phone number'] }],
    [{ phone_number: 5 }, 'Validation failed', { phone_number: ['The phone number field must be a string.'] }],
    [{ phone_numbers: [BLOCKED, 'x'] }, 'Invalid phone number', { 'phone_numbers.1': ['Invalid phone number'] }],
    [{ phone_numbers: [] }, 'Validation failed', { phone_numbers: ['The phone numbers field must have at least 1 items.'] }],
    [
      { phone_numbers: Array.from({ length: 1001 }, () => BLOCKED) },
      'Validation failed',
      { phone_numbers: ['The phone numbers field must not have more than 1000 items.'] },
    ],
    [{ lead_ids: ['9007199254740993'] }, 'Validation failed', { 'lead_ids.0': ['The selected lead_ids.0 is invalid.'] }],
    [{ lead_ids: ['a'] }, 'Validation failed', { 'lead_ids.0': ['The lead_ids.0 field must be an integer.'] }],
    [
      { phone_number: BLOCKED, reason: 'x'.repeat(256) },
      'Validation failed',
      { reason: ['The reason field must not be greater than 255 characters.'] },
    ],
  ])('refuses what is wrong (%#)', async (payload, message, errors) => {
    const { status, body } = await block(payload);
    expect({ status, body }).toEqual({ status: 422, body: { message, errors } });
    expect((await t.api.get('/api/user/blacklist')).body.total).toBe(0);
  });

  test('a lead of another account, or of a deleted campaign, is no lead; then nothing is blocked', async () => {
    const own = await addLead(BLOCKED);
    const foreign = await addLead(OTHER, [], await newCampaign(t.other), t.other);
    const doomed = await newCampaign(t.mine);
    const gone = await addLead(OTHER, [], doomed);
    await t.api.delete(`/api/user/campaign/${doomed}`);
    const { status, body } = await block({ lead_ids: [own.id, foreign.id, gone.id] });
    expect({ status, fields: Object.keys(body.errors) }).toEqual({ status: 422, fields: ['lead_ids.1', 'lead_ids.2'] });
    expect((await lead(own.id)).status).toBe('created');
  });

  test('of adds that race one makes the entry, and all show it', async () => {
    const answers = await Promise.all(Array.from({ length: 6 }, () => block({ phone_number: BLOCKED })));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 200, 200, 201]);
    expect(new Set(answers.map(({ body }) => body.data.id)).size).toBe(1);
  });

  test("lists that cross each other do not stand in each other's way", async () => {
    for (let round = 0; round < 4; round++) {
      const numbers = Array.from({ length: 800 }, (_, index) => `+1202${5_000_000 + round * 1000 + index}`);
      const lists = [numbers, numbers.toReversed(), numbers.slice(400), numbers.slice(0, 400).toReversed()];
      const answers = await Promise.all(lists.map((phone_numbers) => block({ phone_numbers })));
      expect(answers.every(({ status }) => status === 200 || status === 201)).toBe(true);
    }
    expect((await t.api.get('/api/user/blacklist')).body.total).toBe(3200);
  });
});

describe('the leads', () => {
  test('all that wait are taken out, in every campaign; what is done or under way stays', async () => {
    const second = await newCampaign(t.mine);
    const [created, waiting] = [await addLead(BLOCKED), await addLead(BLOCKED, [], second)];
    await setStatus(waiting.id, 'rescheduled');
    const kept = new Map<number, string>();
    for (const status of ['processing', 'completed', 'reached-max-retries'] as const) {
      const { id } = await addLead(BLOCKED, [], await newCampaign(t.mine));
      await setStatus(id, status);
      kept.set(id, status);
    }
    const bystander = await addLead(OTHER);
    const foreign = await addLead(BLOCKED, [], await newCampaign(t.other), t.other);
    t.clock.advance(60_000);
    await block({ phone_number: BLOCKED });
    for (const { id } of [created, waiting]) {
      expect(await lead(id)).toMatchObject({ status: 'blacklisted', updated_at: '2026-03-02 08:16:40' });
    }
    for (const [id, status] of kept) expect(await lead(id)).toMatchObject({ status, updated_at: '2026-03-02 08:15:40' });
    expect(await lead(bystander.id)).toMatchObject({ status: 'created', updated_at: '2026-03-02 08:15:40' });
    expect(await lead(foreign.id, t.other)).toMatchObject({ status: 'created' });
  });

  test('a contact is taken out alone, and its lead is marked as changed', async () => {
    const one = await addLead(OTHER, [BLOCKED, '+12025550102']);
    t.clock.advance(60_000);
    await block({ phone_number: BLOCKED });
    const after = await lead(one.id);
    expect(after).toMatchObject({ status: 'created', updated_at: '2026-03-02 08:16:40' });
    expect(after.secondary_contacts.map((contact: { status: string }) => contact.status)).toEqual(['blacklisted', 'created']);
    expect(after.secondary_contacts[1].updated_at).toBe('2026-03-02 08:15:40');
  });

  test('blocking a contact and changing it at once both succeed', async () => {
    const one = await addLead(OTHER, ['+12025550102', '+12025550103', '+12025550104']);
    for (const contact of one.secondary_contacts) {
      const paths = [contact.id, one.id, contact.id].map((id: number) => `/api/user/leads/${id}`);
      const answers = await Promise.all([
        ...paths.map((path) => t.api.put(path, { variables: { a: 1 } })),
        block({ phone_number: contact.phone_number }),
        ...paths.map((path) => t.api.put(path, { variables: { b: 1 } })),
      ]);
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 201, 200, 200, 200]);
    }
    const after = await lead(one.id);
    expect(after.secondary_contacts.map((contact: { status: string }) => contact.status)).toEqual(Array(3).fill('blacklisted'));
  });

  test('a lead that comes later is blacklisted at once, and stays so when the number is allowed again', async () => {
    const { body } = await block({ phone_number: BLOCKED });
    const one = await addLead(BLOCKED);
    expect(one.status).toBe('blacklisted');
    expect((await t.api.put(`/api/user/leads/${one.id}`, { status: 'created' })).status).toBe(422);
    const removed = await t.api.delete(`/api/user/blacklist/${body.data.id}`);
    expect({ status: removed.status, body: removed.body }).toEqual({ status: 200, body: { message: 'Number removed from the blacklist' } });
    expect((await lead(one.id)).status).toBe('blacklisted');
    expect((await t.api.put(`/api/user/leads/${one.id}`, { status: 'created' })).status).toBe(200);
  });
});

describe('list', () => {
  test('pages by ascending id, of the account only', async () => {
    await block({ phone_numbers: ['+12025550105', '+12025550104', '+12025550103'] });
    await block({ phone_number: BLOCKED }, t.other);
    const first = await t.api.get('/api/user/blacklist?per_page=2');
    expect(first.body).toMatchObject({ total: 3, per_page: 2, last_page: 2, from: 1, to: 2 });
    expect(first.body.next_page_url).toMatch(/\/api\/user\/blacklist\?per_page=2&page=2$/);
    const second = await t.api.get('/api/user/blacklist?per_page=2&page=2');
    const ids = [...first.body.data, ...second.body.data].map((entry: { id: number }) => entry.id);
    expect(ids).toEqual([...ids].sort((a, b) => a - b));
    expect(new Set(ids).size).toBe(3);
    expect((await t.api.get('/api/user/blacklist?page=9223372036854775807')).body.data).toEqual([]);
    expect((await t.api.get('/api/user/blacklist?per_page=101')).status).toBe(422);
  });

  test.each([
    ['555', 2],
    ['%2B1202', 1],
    ['+1202', 1],
    ['1202', 1],
    ['0100', 1],
    ['%25', 0],
    ['_', 0],
    ['', 2],
  ])('?phone_number=%s finds %i', async (filter, total) => {
    await block({ phone_numbers: [BLOCKED, '+40215550777'] });
    expect((await t.api.get(`/api/user/blacklist?phone_number=${filter}`)).body.total).toBe(total);
  });
});

test('an entry of another account is not found, nor is what was never one', async () => {
  const { body } = await block({ phone_number: BLOCKED }, t.other);
  for (const id of [body.data.id, 999_999, '9223372036854775808', 'abc']) {
    const answer = await t.api.delete(`/api/user/blacklist/${id}`);
    expect({ status: answer.status, body: answer.body }).toEqual({ status: 404, body: { message: 'Blacklist entry not found' } });
  }
  expect((await t.other.get('/api/user/blacklist')).body.total).toBe(1);
});

test('other domains ask the store', async () => {
  const account = t.mine.account.id;
  expect(await blockNumbers(t.db, account, [], null, t.clock())).toEqual([]);
  await t.db.transaction().execute((trx) => blockNumbers(trx, account, [BLOCKED], null, t.clock()));
  expect(await isBlacklisted(t.db, account, BLOCKED)).toBe(true);
  expect(await isBlacklisted(t.db, t.other.account.id, BLOCKED)).toBe(false);
});
