import { beforeAll, describe, expect, test } from 'vitest';
import { startApp, type TestApp } from '../../test/support/app.ts';
import { nextNumber } from '../../test/support/build.ts';
import { insertCampaign } from '../../test/support/insert-leads.ts';

const CONTACT_KEYS = ['id', 'phone_number', 'variables', 'status', 'created_at', 'updated_at'];
const DIFFER = 'The phone number field must differ from the other numbers of the lead.';

let t: TestApp;
let campaign: number;

beforeAll(async () => {
  t = await startApp();
  campaign = await insertCampaign(t.db, t.mine.account.id);
});

interface Family {
  id: number;
  contacts: number[];
  numbers: string[];
  path: string;
}

const family = async (size: number): Promise<Family> => {
  const numbers = Array.from({ length: size + 1 }, nextNumber);
  const [phone_number, ...rest] = numbers;
  const body = { phone_number, campaign_id: campaign, secondary_contacts: rest.map((one) => ({ phone_number: one })) };
  const { data } = (await t.api.post('/api/user/lead', body)).body;
  const contacts = data.secondary_contacts.map(({ id }: { id: number }) => id);
  return { id: data.id, contacts, numbers, path: `/api/user/leads/${data.id}/contacts` };
};
const contactsOf = async ({ path }: Family) => (await t.api.get(path)).body;
const idsOf = async (lead: Family): Promise<number[]> => (await contactsOf(lead)).map(({ id }: { id: number }) => id);
const touched = async ({ id }: Family): Promise<string> => (await t.api.get(`/api/user/leads/${id}`)).body.updated_at;

test('list: as the lead shows them', async () => {
  const lead = await family(3);
  const contacts = await contactsOf(lead);
  expect(contacts).toEqual((await t.api.get(`/api/user/leads/${lead.id}`)).body.secondary_contacts);
  expect(Object.keys(contacts[0])).toEqual(CONTACT_KEYS);
  expect((await t.api.get((await family(0)).path)).body).toEqual([]);
});

describe('add', () => {
  test('at the end, and the lead is touched', async () => {
    const lead = await family(1);
    t.clock.advance(1000);
    const { status, body } = await t.api.post(lead.path, { phone_number: '+1 (303) 555-0101', variable: [{ a: 1 }] });
    expect(status).toBe(200);
    expect(body).toEqual({
      message: 'Contact created successfully',
      data: {
        id: expect.any(Number),
        phone_number: '+13035550101',
        variables: { a: 1 },
        status: 'created',
        created_at: expect.any(String),
        updated_at: body.data.created_at,
      },
    });
    expect(await idsOf(lead)).toEqual([...lead.contacts, body.data.id]);
    expect(await touched(lead)).toBe(body.data.created_at);
  });

  test('at the end also after others were removed', async () => {
    const lead = await family(3);
    await t.api.delete(`${lead.path}/${lead.contacts[0]}`);
    const { body } = await t.api.post(lead.path, { phone_number: nextNumber() });
    expect(await idsOf(lead)).toEqual([lead.contacts[1], lead.contacts[2], body.data.id]);
  });

  test('not a number that the lead has', async () => {
    const lead = await family(2);
    for (const phone_number of lead.numbers) {
      const { status, body } = await t.api.post(lead.path, { phone_number });
      expect([status, body]).toEqual([422, { message: 'Validation failed', errors: { phone_number: [DIFFER] } }]);
    }
  });

  test('not an eleventh, also when many come at once', async () => {
    const lead = await family(5);
    const answers = await Promise.all(Array.from({ length: 12 }, () => t.api.post(lead.path, { phone_number: nextNumber() })));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(5);
    expect(answers.filter(({ status }) => status === 422)).toHaveLength(7);
    expect(await idsOf(lead)).toHaveLength(10);
    const { body } = await t.api.post(lead.path, { phone_number: nextNumber() });
    expect(body.errors.phone_number).toEqual(['A lead must not have more than 10 secondary contacts.']);
  });

  test('one number once, also when it comes many times at once', async () => {
    const lead = await family(0);
    const phone_number = nextNumber();
    const answers = await Promise.all(Array.from({ length: 6 }, () => t.api.post(lead.path, { phone_number })));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 422, 422, 422, 422, 422]);
  });

  test.each<[object, string]>([
    [{}, 'The phone number field is required.'],
    [{ phone_number: '123' }, 'Invalid phone number'],
    [{ phone_number: ['+12025550143'] }, 'The phone number field must be a string.'],
  ])('not %o', async (body, message) => {
    const answer = await t.api.post((await family(0)).path, body);
    expect([answer.status, answer.body.errors]).toEqual([422, { phone_number: [message] }]);
  });

  test('not to a contact, nor to an unknown lead', async () => {
    const lead = await family(1);
    for (const id of [lead.contacts[0], 999_999]) {
      const answer = await t.api.post(`/api/user/leads/${id}/contacts`, { phone_number: nextNumber() });
      expect([answer.status, answer.body]).toEqual([404, { message: 'Lead not found' }]);
    }
  });
});

describe('change', () => {
  test.each(['PUT', 'PATCH'] as const)('%s what is given; variables are merged', async (method) => {
    const lead = await family(2);
    t.clock.advance(1000);
    const url = `${lead.path}/${lead.contacts[0]}`;
    await t.api.put(url, { variables: { a: 1, b: 1 } });
    const { status, body } = await t.api.request({
      method,
      url,
      payload: { phone_number: '+13035550102', status: 'completed', variables: { b: 2 } },
    });
    expect([status, body.message]).toEqual([200, 'Contact updated successfully']);
    expect(body.data).toMatchObject({ id: lead.contacts[0], phone_number: '+13035550102', status: 'completed', variables: { a: 1, b: 2 } });
    expect(await idsOf(lead)).toEqual(lead.contacts);
    expect(await touched(lead)).toBe(body.data.updated_at);
  });

  test('not to a number that the lead has', async () => {
    const lead = await family(2);
    for (const phone_number of [lead.numbers[0], lead.numbers[2]]) {
      const { status, body } = await t.api.put(`${lead.path}/${lead.contacts[0]}`, { phone_number });
      expect([status, body.errors]).toEqual([422, { phone_number: [DIFFER] }]);
    }
    expect((await t.api.put(`${lead.path}/${lead.contacts[0]}`, { phone_number: lead.numbers[1] })).status).toBe(200);
  });

  test('nor the lead to a number that a contact has', async () => {
    const lead = await family(1);
    expect((await t.api.put(`/api/user/leads/${lead.id}`, { phone_number: lead.numbers[1] })).body.errors).toEqual({
      phone_number: [DIFFER],
    });
  });

  test('not by keys that it has not', async () => {
    const lead = await family(1);
    const { status, body } = await t.api.put(`${lead.path}/${lead.contacts[0]}`, { campaign_id: campaign, position: 1 });
    expect([status, body]).toEqual([422, { message: 'Invalid fields: campaign_id, position' }]);
  });
});

describe('reorder', () => {
  test('into any order of the very same contacts', async () => {
    const lead = await family(4);
    const [a, b, c, d] = lead.contacts;
    t.clock.advance(1000);
    const { status, body } = await t.api.put(`${lead.path}/order`, { contact_ids: [String(c), a, d, b] });
    expect([status, body.message]).toEqual([200, 'Contacts reordered successfully']);
    expect(body.data.map(({ id }: { id: number }) => id)).toEqual([c, a, d, b]);
    expect(await idsOf(lead)).toEqual([c, a, d, b]);
    expect(await touched(lead)).toBe(body.data[0].updated_at);
    expect((await t.api.put(`${(await family(0)).path}/order`, { contact_ids: [] })).body.data).toEqual([]);
  });

  test.each<[string, (lead: Family, other: Family) => unknown]>([
    ['one is missing', ({ contacts }) => contacts.slice(1)],
    ['one stands twice', ({ contacts }) => [contacts[0], contacts[0], contacts[1]]],
    ['one stands twice in place of another', ({ contacts }) => [contacts[0], contacts[0]]],
    ['one is another lead’s', ({ contacts }, other) => [contacts[0], other.contacts[0]]],
    ['one is the lead itself', ({ contacts, id }) => [contacts[0], id]],
    ['there is one more', ({ contacts }, other) => [...contacts, other.contacts[0]]],
    ['none is named', () => []],
    ['there is no list', () => undefined],
    ['it is no list', ({ contacts }) => contacts[0]],
    ['they are no ids', () => ['x', null]],
    ['one is beyond all ids', ({ contacts }) => [contacts[0], '9007199254740993']],
  ])('not when %s', async (_name, choose) => {
    const [lead, other] = [await family(2), await family(1)];
    const { status, body } = await t.api.put(`${lead.path}/order`, { contact_ids: choose(lead, other) });
    expect([status, body.message]).toEqual([422, 'Validation failed']);
    expect(Object.keys(body.errors)[0]).toMatch(/^contact_ids/);
    expect([await idsOf(lead), await idsOf(other)]).toEqual([lead.contacts, other.contacts]);
  });

  test('two at once leave one of the two orders', async () => {
    const lead = await family(3);
    const reversed = [...lead.contacts].reverse();
    await Promise.all(
      [lead.contacts, reversed, lead.contacts, reversed].map((contact_ids) => t.api.put(`${lead.path}/order`, { contact_ids })),
    );
    expect([lead.contacts, reversed]).toContainEqual(await idsOf(lead));
  });
});

test('remove: the contact is gone, the others stay in order', async () => {
  const lead = await family(3);
  t.clock.advance(1000);
  const before = await touched(lead);
  const { status, body } = await t.api.delete(`${lead.path}/${lead.contacts[1]}`);
  expect([status, body]).toEqual([200, { message: 'Contact deleted successfully' }]);
  expect(await idsOf(lead)).toEqual([lead.contacts[0], lead.contacts[2]]);
  expect((await touched(lead)) > before).toBe(true);
  expect((await t.api.delete(`${lead.path}/${lead.contacts[1]}`)).body).toEqual({ message: 'Contact not found' });
});

test('a contact is found under its own lead alone', async () => {
  const [lead, other] = [await family(1), await family(1)];
  for (const id of [other.contacts[0], lead.id, other.id, 999_999, 'abc']) {
    for (const answer of [await t.api.put(`${lead.path}/${id}`, { status: 'completed' }), await t.api.delete(`${lead.path}/${id}`)]) {
      expect([answer.status, answer.body]).toEqual([404, { message: 'Contact not found' }]);
    }
  }
  expect((await t.api.delete(`/api/user/leads/999999/contacts/${lead.contacts[0]}`)).body).toEqual({ message: 'Lead not found' });
  expect(await idsOf(other)).toEqual(other.contacts);
});
