import { beforeAll, describe, expect, test } from 'vitest';
import { startApp, type TestApp } from '../../test/support/app.ts';
import { nextNumber } from '../../test/support/build.ts';
import { insertCampaign } from '../../test/support/insert-leads.ts';

const UPDATED = { message: 'Lead updated successfully' };

let t: TestApp;
let campaign: number;
let second: number;
let foreign: number;

beforeAll(async () => {
  t = await startApp();
  campaign = await insertCampaign(t.db, t.mine.account.id, { name: 'Spring renewals' });
  second = await insertCampaign(t.db, t.mine.account.id, { name: 'Second' });
  foreign = await insertCampaign(t.db, t.other.account.id);
});

const post = (fields: object) => t.api.post('/api/user/lead', { phone_number: nextNumber(), campaign_id: campaign, ...fields });
const create = async (fields: object = {}): Promise<number> => {
  const { status, body, raw } = await post(fields);
  if (status !== 200) throw new Error(`${status} ${raw}`);
  return body.data.id;
};
const read = async (id: number) => (await t.api.get(`/api/user/leads/${id}`)).body;
const put = (id: number, fields: object) => t.api.put(`/api/user/leads/${id}`, fields);

describe('update', () => {
  test.each([
    ['PUT', '/api/user/leads/'],
    ['PATCH', '/api/user/leads/'],
    ['PUT', '/api/leads/'],
    ['PATCH', '/api/leads/'],
  ] as const)('%s %s:id changes what is given and moves updated_at', async (method, path) => {
    const id = await create({ variables: { a: 1, b: 2 } });
    const before = await read(id);
    t.clock.advance(60_000);
    const { status, body } = await t.api.request({
      method,
      url: `${path}${id}`,
      payload: { status: 'completed', variables: { c: 3, a: 'x' } },
    });
    expect([status, body]).toEqual([200, UPDATED]);
    const after = await read(id);
    expect(after).toEqual({ ...before, status: 'completed', variables: { a: 'x', b: 2, c: 3 }, updated_at: after.updated_at });
    expect(Object.keys(after.variables)).toEqual(['a', 'b', 'c']);
    expect(Date.parse(`${after.updated_at}Z`) - Date.parse(`${before.updated_at}Z`)).toBe(60_000);
  });

  test('variables are merged, never removed; null is a value', async () => {
    const id = await create({ variables: { keep: { deep: 1 }, other: 1 } });
    await put(id, { variables: { keep: { else: 2 }, none: null } });
    await put(id, { variables: [] });
    await put(id, { variables: [{ list: 1 }, { list: 2 }] });
    expect((await read(id)).variables).toEqual({ keep: { else: 2 }, other: 1, none: null, list: 2 });
  });

  test.each([
    [{ phone_number: ' ' }, 'phone_number'],
    [{ status: '' }, 'status'],
    [{ campaign_id: '' }, 'campaign_id'],
  ])('a blank is a wrong value, not one that was left out: %o', async (fields, field) => {
    const id = await create();
    const { status, body } = await put(id, { variables: { a: 1 }, ...fields });
    expect([status, Object.keys(body.errors)]).toEqual([422, [field]]);
    expect((await read(id)).variables).toEqual({});
  });

  test('of ten changes at once none is lost', async () => {
    const id = await create();
    const answers = await Promise.all(Array.from({ length: 10 }, (_, index) => put(id, { variables: { [`k${index}`]: index } })));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 200));
    expect(Object.keys((await read(id)).variables).sort()).toEqual(Array.from({ length: 10 }, (_, index) => `k${index}`));
  });

  test('a change and a removal at once: the lead is gone, and nothing fails', async () => {
    for (let round = 0; round < 5; round++) {
      const id = await create({ secondary_contacts: [{ phone_number: nextNumber() }] });
      const [contact] = (await read(id)).secondary_contacts;
      const answers = await Promise.all([
        put(id, { status: 'completed' }),
        t.api.delete(`/api/user/leads/${id}`),
        put(contact.id, { status: 'completed' }),
      ]);
      for (const { status } of answers) expect([200, 404]).toContain(status);
      expect((await t.api.get(`/api/user/leads/${id}`)).status).toBe(404);
    }
  });

  test('an empty body changes nothing', async () => {
    const id = await create({ variables: { a: 1 } });
    const before = await read(id);
    expect((await put(id, {})).body).toEqual(UPDATED);
    expect({ ...(await read(id)), updated_at: '' }).toEqual({ ...before, updated_at: '' });
  });

  test.each<[string, object, object]>([
    ['unknown keys, as documented', { colour: 'red', priority: 1 }, { message: 'Invalid fields: colour, priority' }],
    ['keys that are not its to change', { id: 5, created_at: 'x', status: 'completed' }, { message: 'Invalid fields: id, created_at' }],
    ['names of the prototype', { constructor: 1 }, { message: 'Invalid fields: constructor' }],
    [
      'each field that is wrong',
      { campaign_id: 'x', status: 'scheduled', variables: 'x' },
      {
        message: 'Validation failed',
        errors: {
          campaign_id: ['The campaign id field must be an integer.'],
          status: ['This status is assigned automatically and cannot be set manually'],
          variables: ['Variables must be an array'],
        },
      },
    ],
    [
      'a status that is none',
      { status: 'done' },
      { message: 'Validation failed', errors: { status: ['The selected status is invalid.'] } },
    ],
    ['a bad number', { phone_number: '123' }, { message: 'Invalid phone number', errors: { phone_number: ['Invalid phone number'] } }],
  ])('refuses %s', async (_name, fields, expected) => {
    const id = await create();
    const before = await read(id);
    const { status, body } = await put(id, fields);
    expect([status, body]).toEqual([422, expected]);
    expect(await read(id)).toEqual(before);
  });

  test.each(['processing', 'rescheduled', 'scheduled', 'blacklisted'])('%s is not for a client to set', async (status) => {
    expect((await put(await create(), { status })).body.errors.status).toEqual([
      'This status is assigned automatically and cannot be set manually',
    ]);
  });

  test.each(['created', 'completed', 'reached-max-retries'])('%s is', async (status) => {
    const id = await create();
    expect((await put(id, { status })).body).toEqual(UPDATED);
    expect((await read(id)).status).toBe(status);
  });

  test('moving takes the contacts along', async () => {
    const id = await create({ secondary_contacts: [{ phone_number: nextNumber() }] });
    await put(id, { campaign_id: String(second) });
    const moved = await read(id);
    expect([moved.campaign_id, moved.campaign]).toEqual([second, { id: second, name: 'Second' }]);
    expect((await read(moved.secondary_contacts[0].id)).campaign_id).toBe(second);
  });

  test('into an unknown campaign is 404, and so is an unknown lead', async () => {
    const id = await create();
    for (const campaign_id of [foreign, 999_999]) {
      const { status, body } = await put(id, { campaign_id });
      expect([status, body]).toEqual([404, { message: 'Campaign not found' }]);
    }
    expect((await put(999_999, { status: 'completed' })).body).toEqual({ message: 'Lead not found' });
  });

  test('a contact by its own id: all but the campaign', async () => {
    const id = await create({ secondary_contacts: [{ phone_number: nextNumber() }] });
    const [contact] = (await read(id)).secondary_contacts;
    expect((await put(contact.id, { status: 'completed', phone_number: '+13035550111' })).body).toEqual(UPDATED);
    expect((await read(id)).secondary_contacts[0]).toMatchObject({ status: 'completed', phone_number: '+13035550111' });
    const { status, body } = await put(contact.id, { campaign_id: second });
    expect([status, Object.keys(body.errors)]).toEqual([422, ['campaign_id']]);
  });
});
