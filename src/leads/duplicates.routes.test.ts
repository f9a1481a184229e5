// One number once in a campaign, refused by the database; numbers on the blacklist; and the walls between accounts.
import { beforeAll, describe, expect, test } from 'vitest';
import { type Answer, startApp, type TestApp } from '../../test/support/app.ts';
import { nextNumber } from '../../test/support/build.ts';
import { insertCampaign } from '../../test/support/insert-leads.ts';

const DUPLICATE = { message: 'Validation failed', errors: { phone_number: ['This phone number already exists in the campaign'] } };

let t: TestApp;
let campaign: number;
let second: number;

beforeAll(async () => {
  t = await startApp();
  campaign = await insertCampaign(t.db, t.mine.account.id);
  second = await insertCampaign(t.db, t.mine.account.id, { name: 'Second' });
});

const post = (phone_number: string, fields: object = {}): Promise<Answer> =>
  t.api.post('/api/user/lead', { phone_number, campaign_id: campaign, ...fields });
const create = async (phone_number: string, fields: object = {}): Promise<number> => {
  const { status, body, raw } = await post(phone_number, fields);
  if (status !== 200) throw new Error(`${status} ${raw}`);
  return body.data.id;
};
const put = (id: number, fields: object) => t.api.put(`/api/user/leads/${id}`, fields);
const statusOf = async (id: number) => (await t.api.get(`/api/user/leads/${id}`)).body.status;
const count = async (number: string) => (await t.api.get(`/api/user/leads?phone_number=${encodeURIComponent(number)}`)).body.total;

describe('duplicates', () => {
  test('the second is refused, in whatever way it is written', async () => {
    const number = nextNumber();
    await create(number);
    for (const spelling of [number, `${number.slice(0, 5)} (${number.slice(5)})`]) {
      const { status, body } = await post(spelling);
      expect([status, body]).toEqual([422, DUPLICATE]);
    }
    expect(await count(number)).toBe(1);
  });

  test.each<[string, object, number]>([
    ['allow_dupplicate true', { allow_dupplicate: true }, 200],
    ['allow_dupplicate 1', { allow_dupplicate: 1 }, 200],
    ['allow_dupplicate "true"', { allow_dupplicate: 'true' }, 200],
    ['allow_dupplicate "1"', { allow_dupplicate: '1' }, 200],
    ['allow_duplicate true', { allow_duplicate: true }, 200],
    ['allow_dupplicate false', { allow_dupplicate: false }, 422],
    ['allow_dupplicate "false"', { allow_dupplicate: 'false' }, 422],
    ['allow_dupplicate 0', { allow_dupplicate: 0 }, 422],
    ['the documented spelling before the other', { allow_dupplicate: false, allow_duplicate: true }, 422],
  ])('%s', async (_name, fields, expected) => {
    const number = nextNumber();
    await create(number);
    expect((await post(number, fields)).status).toBe(expected);
    expect(await count(number)).toBe(expected === 200 ? 2 : 1);
  });

  test('after an allowed one a plain one is still refused, also when the first is gone', async () => {
    const number = nextNumber();
    const first = await create(number);
    await create(number, { allow_dupplicate: true });
    expect((await post(number)).body).toEqual(DUPLICATE);
    await t.api.delete(`/api/user/leads/${first}`);
    expect((await post(number)).body).toEqual(DUPLICATE);
  });

  test('another campaign may have it, a deleted lead frees it, a contact does not take it', async () => {
    const number = nextNumber();
    const id = await create(number);
    await create(number, { campaign_id: second });
    await t.api.delete(`/api/user/leads/${id}`);
    await create(number);
    const shared = nextNumber();
    await create(nextNumber(), { secondary_contacts: [{ phone_number: shared }] });
    await create(nextNumber(), { secondary_contacts: [{ phone_number: shared }] });
    await create(shared);
  });

  test('of twenty at once exactly one is added', async () => {
    const number = nextNumber();
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => post(number, { secondary_contacts: [{ phone_number: nextNumber() }] })),
    );
    expect(answers.map(({ status }) => status).filter((status) => status !== 422)).toEqual([200]);
    expect(answers.filter(({ status }) => status === 422).map(({ body }) => body)).toEqual(Array.from({ length: 19 }, () => DUPLICATE));
    expect(await count(number)).toBe(1);
  });

  test('of ten that are changed to one number at once exactly one gets it', async () => {
    const number = nextNumber();
    const ids = await Promise.all(Array.from({ length: 10 }, () => create(nextNumber())));
    const answers = await Promise.all(ids.map((id) => put(id, { phone_number: number })));
    expect(answers.map(({ status }) => status).filter((status) => status !== 422)).toEqual([200]);
    expect(await count(number)).toBe(1);
  });

  test('a lead cannot move to where its number is, nor take a number that is there', async () => {
    const number = nextNumber();
    await create(number, { campaign_id: second });
    const id = await create(number);
    expect((await put(id, { campaign_id: second })).body).toEqual(DUPLICATE);
    const other = await create(nextNumber());
    expect((await put(other, { phone_number: number })).body).toEqual(DUPLICATE);
    expect((await put(id, { campaign_id: campaign, phone_number: number })).status).toBe(200);
  });

  test('not even a lead that was allowed as a duplicate; elsewhere it may change', async () => {
    const number = nextNumber();
    await create(number);
    const id = await create(number, { allow_dupplicate: true });
    await create(number, { campaign_id: second });
    expect((await put(id, { campaign_id: second })).body).toEqual(DUPLICATE);
    expect((await put(id, { status: 'completed', phone_number: number })).status).toBe(200);
    expect((await put(id, { phone_number: nextNumber() })).status).toBe(200);
  });
});

describe('numbers of one lead', () => {
  test('a contact that repeats the lead or another contact is refused by its place', async () => {
    const [one, two] = [nextNumber(), nextNumber()];
    const { status, body } = await post(one, {
      secondary_contacts: [{ phone_number: two }, { phone_number: `${one.slice(0, 4)} ${one.slice(4)}` }, { phone_number: two }],
    });
    expect([status, body]).toEqual([
      422,
      {
        message: 'Validation failed',
        errors: {
          'secondary_contacts.1.phone_number': ['The secondary_contacts.1.phone_number field and phone number must be different.'],
          'secondary_contacts.2.phone_number': ['The secondary_contacts.2.phone_number field has a duplicate value.'],
        },
      },
    ]);
  });
});

describe('the blacklist', () => {
  const block = (number: string, accountId = t.mine.account.id) =>
    t.db.insertInto('dnc_numbers').values({ account_id: accountId, phone_number: number, reason: null, created_at: t.clock() }).execute();

  test('a blocked number comes in as blacklisted, lead or contact', async () => {
    const [lead, contact, free] = [nextNumber(), nextNumber(), nextNumber()];
    await block(lead);
    await block(contact);
    const { body } = await post(lead, { secondary_contacts: [{ phone_number: contact }, { phone_number: free }] });
    expect([body.data.status, ...body.data.secondary_contacts.map(({ status }: { status: string }) => status)]).toEqual([
      'blacklisted',
      'blacklisted',
      'created',
    ]);
    const added = await t.api.post(`/api/user/leads/${await create(nextNumber())}/contacts`, { phone_number: contact });
    expect(added.body.data.status).toBe('blacklisted');
  });

  test('another account’s blacklist is its own', async () => {
    const number = nextNumber();
    await block(number, t.other.account.id);
    expect(await statusOf(await create(number))).toBe('created');
  });

  test('while it is blocked a lead cannot be set going again; it can be closed', async () => {
    const number = nextNumber();
    await block(number);
    const id = await create(number);
    const { status, body } = await put(id, { status: 'created' });
    expect([status, Object.keys(body.errors)]).toEqual([422, ['status']]);
    expect((await put(id, { status: 'completed' })).status).toBe(200);
    expect((await put(id, { status: 'created' })).status).toBe(422);
    await t.db.deleteFrom('dnc_numbers').where('phone_number', '=', number).execute();
    expect((await put(id, { status: 'created' })).status).toBe(200);
    expect(await statusOf(id)).toBe('created');
  });

  test('a lead that takes a blocked number is blacklisted; other fields do not bring it back', async () => {
    const number = nextNumber();
    await block(number);
    const id = await create(nextNumber());
    await put(id, { phone_number: number });
    expect(await statusOf(id)).toBe('blacklisted');
    await put(id, { variables: { a: 1 } });
    expect(await statusOf(id)).toBe('blacklisted');
  });
});

describe('another account', () => {
  test('finds nothing, changes nothing', async () => {
    const { data } = (await post(nextNumber(), { secondary_contacts: [{ phone_number: nextNumber() }] })).body;
    const [contact] = data.secondary_contacts;
    const mine = `/api/user/leads/${data.id}`;
    const asOther = (id: number | string): Promise<Answer>[] => [
      t.other.get(`/api/user/leads/${id}`),
      t.other.put(`/api/user/leads/${id}`, { status: 'completed' }),
      t.other.patch(`/api/leads/${id}`, { status: 'completed' }),
      t.other.delete(`/api/user/leads/${id}`),
      t.other.get(`/api/user/leads/${id}/contacts`),
      t.other.post(`/api/user/leads/${id}/contacts`, { phone_number: nextNumber() }),
      t.other.put(`/api/user/leads/${id}/contacts/order`, { contact_ids: [contact.id] }),
      t.other.put(`/api/user/leads/${id}/contacts/${contact.id}`, { status: 'completed' }),
      t.other.delete(`/api/user/leads/${id}/contacts/${contact.id}`),
    ];
    const [found, unknown] = [await Promise.all([...asOther(data.id), ...asOther(contact.id)]), await Promise.all(asOther(999_999))];
    expect(found.map(({ status }) => status)).toEqual(Array.from({ length: 18 }, () => 404));
    expect(found.map(({ raw }) => raw)).toEqual([...unknown, ...unknown].map(({ raw }) => raw));
    expect((await t.api.get(mine)).body).toEqual(data);
    expect((await t.other.get('/api/user/leads')).body.total).toBe(0);
  });
});
