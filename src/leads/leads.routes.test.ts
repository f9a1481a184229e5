import { beforeAll, describe, expect, test } from 'vitest';
import { startApp, type TestApp } from '../../test/support/app.ts';
import { nextNumber } from '../../test/support/build.ts';
import { insertCampaign } from '../../test/support/insert-leads.ts';

const KEYS = ['id', 'campaign_id', 'phone_number', 'variables', 'status', 'created_at', 'updated_at', 'campaign', 'secondary_contacts'];

let t: TestApp;
let campaign: number;
let foreign: number;

beforeAll(async () => {
  t = await startApp();
  campaign = await insertCampaign(t.db, t.mine.account.id, { name: 'Spring renewals' });
  foreign = await insertCampaign(t.db, t.other.account.id);
});

const post = (fields: object) => t.api.post('/api/user/lead', { phone_number: nextNumber(), campaign_id: campaign, ...fields });
const create = async (fields: object = {}): Promise<number> => {
  const { status, body, raw } = await post(fields);
  if (status !== 200) throw new Error(`${status} ${raw}`);
  return body.data.id;
};
const read = async (id: number) => (await t.api.get(`/api/user/leads/${id}`)).body;

describe('create', () => {
  test('answers 200 with the lead, the documented sample number included', async () => {
    const { status, body } = await post({ phone_number: '+1234567890', variables: { customer_name: 'John Doe' } });
    expect(status).toBe(200);
    expect(Object.keys(body)).toEqual(['message', 'data']);
    expect(Object.keys(body.data)).toEqual(KEYS);
    expect(body).toEqual({
      message: 'Lead created successfully',
      data: {
        id: expect.any(Number),
        campaign_id: campaign,
        phone_number: '+1234567890',
        variables: { customer_name: 'John Doe' },
        status: 'created',
        created_at: '2026-03-02 08:15:40',
        updated_at: '2026-03-02 08:15:40',
        campaign: { id: campaign, name: 'Spring renewals' },
        secondary_contacts: [],
      },
    });
    expect(await read(body.data.id)).toEqual(body.data);
  });

  test.each<[string, () => object, (data: Record<string, unknown>) => unknown, unknown]>([
    ['campaign_id as text', () => ({ campaign_id: String(campaign) }), (data) => typeof data.campaign_id, 'number'],
    ['a number with separators', () => ({ phone_number: ' +1 (303) 555-01.43 ' }), (data) => data.phone_number, '+13035550143'],
    ['variables as a list of objects', () => ({ variables: [{ a: 1, b: 1 }, { a: 2 }] }), (data) => data.variables, { a: 2, b: 1 }],
    ['variables as an empty list', () => ({ variables: [] }), (data) => data.variables, {}],
    ['variables as null', () => ({ variables: null }), (data) => data.variables, {}],
    ['no variables', () => ({}), (data) => data.variables, {}],
    ['`variable`', () => ({ variable: { a: 1 } }), (data) => data.variables, { a: 1 }],
    ['`variable` beside variables', () => ({ variable: { a: 1 }, variables: { b: 2 } }), (data) => data.variables, { b: 2 }],
    ['unknown keys', () => ({ colour: 'red', status: 'completed', id: 5 }), (data) => data.status, 'created'],
    [
      '`variable` of a contact',
      () => ({ secondary_contacts: [{ phone_number: '+1 303 555 0188', variable: { a: 1 } }] }),
      (data) => (data.secondary_contacts as { phone_number: string; variables: object }[]).map((one) => [one.phone_number, one.variables]),
      [['+13035550188', { a: 1 }]],
    ],
  ])('takes %s', async (_name, fields, look, expected) => {
    const { status, body } = await post(fields());
    expect(status).toBe(200);
    expect(look(body.data)).toEqual(expected);
  });

  test('variables keep their types and the order of their keys; integer-like keys come first', async () => {
    const sent =
      '{"zeta":"z","n":1.5,"t":true,"none":null,"e":{},"l":[1,"2",{"y":1,"b":2}],"7":"seven","007":"bond","1":"one","":"empty","constructor":1}';
    const payload = `{"phone_number":"${nextNumber()}","campaign_id":${campaign},"variables":${sent}}`;
    const { body, raw } = await t.api.request({
      method: 'POST',
      url: '/api/user/lead',
      payload,
      headers: { 'content-type': 'application/json' },
    });
    const kept =
      '{"1":"one","7":"seven","zeta":"z","n":1.5,"t":true,"none":null,"e":{},"l":[1,"2",{"y":1,"b":2}],"007":"bond","":"empty","constructor":1}';
    expect(raw).toContain(`"variables":${kept}`);
    expect((await t.api.get(`/api/user/leads/${body.data.id}`)).raw).toContain(`"variables":${kept}`);
  });

  test('takes ten secondary contacts in their order, refuses eleven', async () => {
    const contacts = Array.from({ length: 11 }, () => ({ phone_number: nextNumber() }));
    const { body } = await post({ secondary_contacts: contacts.slice(0, 10) });
    expect(body.data.secondary_contacts.map((one: { phone_number: string }) => one.phone_number)).toEqual(
      contacts.slice(0, 10).map((one) => one.phone_number),
    );
    const refused = await post({ secondary_contacts: contacts });
    expect([refused.status, refused.body.errors]).toEqual([
      422,
      { secondary_contacts: ['The secondary contacts field must not have more than 10 items.'] },
    ]);
  });

  test.each<[string, () => object, Record<string, string>]>([
    ['no number', () => ({ phone_number: undefined }), { phone_number: 'The phone number field is required.' }],
    ['an empty number', () => ({ phone_number: ' ' }), { phone_number: 'The phone number field is required.' }],
    ['a number that is a number', () => ({ phone_number: 12025550143 }), { phone_number: 'The phone number field must be a string.' }],
    ['no campaign', () => ({ campaign_id: undefined }), { campaign_id: 'The campaign id field is required.' }],
    ['a campaign that is no id', () => ({ campaign_id: 'spring' }), { campaign_id: 'The campaign id field must be an integer.' }],
    ['a campaign that is half an id', () => ({ campaign_id: 1.5 }), { campaign_id: 'The campaign id field must be an integer.' }],
    ['campaign zero', () => ({ campaign_id: 0 }), { campaign_id: 'The campaign id field must be at least 1.' }],
    ['variables that are text', () => ({ variables: 'a' }), { variables: 'The variables field must be an array.' }],
    ['variables in a list of others', () => ({ variables: [1] }), { variables: 'The variables field must be an array.' }],
    ['a flag that is none', () => ({ allow_dupplicate: 'yes' }), { allow_dupplicate: 'The allow dupplicate field must be true or false.' }],
    [
      'contacts that are no list',
      () => ({ secondary_contacts: 'x' }),
      { secondary_contacts: 'The secondary contacts field must be an array.' },
    ],
    [
      'a contact without a number',
      () => ({ secondary_contacts: [{}] }),
      { 'secondary_contacts.0.phone_number': 'The secondary_contacts.0.phone_number field is required.' },
    ],
  ])('refuses %s', async (_name, fields, errors) => {
    const { status, body } = await post(fields());
    expect(status).toBe(422);
    expect(body).toEqual({
      message: 'Validation failed',
      errors: Object.fromEntries(Object.entries(errors).map(([field, message]) => [field, [message]])),
    });
  });

  test.each(['12025550143', '0012025550143', '+123456', '+1234567890123456', '+0123456789', 'call me', '+1202555014x'])(
    'the number %s is invalid, and that is the top line',
    async (phone_number) => {
      const { status, body } = await post({ phone_number });
      expect([status, body]).toEqual([422, { message: 'Invalid phone number', errors: { phone_number: ['Invalid phone number'] } }]);
    },
  );

  test('all mistakes at once, in the order of the document', async () => {
    const { body } = await t.api.post('/api/user/lead', { variables: 1 });
    expect(Object.keys(body.errors)).toEqual(['phone_number', 'campaign_id', 'variables']);
    expect((await t.api.post('/api/user/lead')).body.errors).toEqual({
      phone_number: ['The phone number field is required.'],
      campaign_id: ['The campaign id field is required.'],
    });
  });

  test('an unknown campaign is 404, and nothing is added', async () => {
    const before = (await t.api.get('/api/user/leads')).body.total;
    for (const campaign_id of [foreign, 999_999, Number.MAX_SAFE_INTEGER, '9223372036854775807']) {
      const { status, body } = await post({ campaign_id });
      expect([status, body]).toEqual([404, { message: 'Campaign not found' }]);
    }
    expect((await t.api.get('/api/user/leads')).body.total).toBe(before);
  });
});

describe('read', () => {
  test('a contact’s id answers in the shape of a lead', async () => {
    const { body } = await post({ secondary_contacts: [{ phone_number: nextNumber(), variables: { a: 1 } }] });
    const [contact] = body.data.secondary_contacts;
    const answer = await t.api.get(`/api/user/leads/${contact.id}`);
    expect(Object.keys(answer.body)).toEqual(KEYS);
    expect(answer.body).toEqual({
      ...contact,
      campaign_id: campaign,
      campaign: { id: campaign, name: 'Spring renewals' },
      secondary_contacts: [],
    });
  });

  test.each(['999999', '0', '-1', 'abc', '1.5', '9007199254740993', '9223372036854775808', '%00', "1'--"])('%s is 404', async (id) => {
    for (const answer of [await t.api.get(`/api/user/leads/${id}`), await t.api.delete(`/api/user/leads/${id}`)]) {
      expect([answer.status, answer.body]).toEqual([404, { message: 'Lead not found' }]);
    }
  });
});

describe('delete', () => {
  test('takes the contacts along; a second time it is 404', async () => {
    const id = await create({ secondary_contacts: [{ phone_number: nextNumber() }] });
    const [contact] = (await read(id)).secondary_contacts;
    const { status, body } = await t.api.delete(`/api/user/leads/${id}`);
    expect([status, body]).toEqual([200, { message: 'Lead deleted successfully' }]);
    for (const gone of [id, contact.id]) expect((await t.api.get(`/api/user/leads/${gone}`)).status).toBe(404);
    expect((await t.api.delete(`/api/user/leads/${id}`)).body).toEqual({ message: 'Lead not found' });
  });

  test('a contact by its own id leaves the lead, and moves its updated_at', async () => {
    const id = await create({ secondary_contacts: [{ phone_number: nextNumber() }, { phone_number: nextNumber() }] });
    const before = await read(id);
    t.clock.advance(1000);
    await t.api.delete(`/api/user/leads/${before.secondary_contacts[0].id}`);
    const after = await read(id);
    expect(after.secondary_contacts).toEqual([before.secondary_contacts[1]]);
    expect(after.updated_at > before.updated_at).toBe(true);
  });
});
