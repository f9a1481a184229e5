// The seed document, point by point: sections F and G. Each test is named by its number; 49 has a file of its own.
import { beforeAll, describe, expect, test } from 'vitest';
import { startApp, type TestApp } from '../support/app.ts';
import { insertCampaign } from '../support/insert-leads.ts';

const ROW_KEYS = ['id', 'campaign_id', 'phone_number', 'variables', 'status', 'created_at', 'updated_at', 'campaign', 'secondary_contacts'];
const CONTACT_KEYS = ['id', 'phone_number', 'variables', 'status', 'created_at', 'updated_at'];
const BLANK_TIME = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/;

let t: TestApp;
let campaign: number;
let plain: number;
let family: number;
let contacts: number[];

const create = async (fields: object): Promise<number> => {
  const { status, body, raw } = await t.api.post('/api/user/lead', { campaign_id: campaign, ...fields });
  if (status !== 200) throw new Error(`${status} ${raw}`);
  return body.data.id;
};
const rows = async (query = '') => (await t.api.get(`/api/user/leads?per_page=100${query}`)).body.data;
const rowOf = async (id: number) => (await rows()).find((row: { id: number }) => row.id === id);

beforeAll(async () => {
  t = await startApp();
  campaign = await insertCampaign(t.db, t.mine.account.id, { name: 'My new campaign' });
  plain = await create({ phone_number: '+1234567890' });
  family = await create({
    phone_number: '+12025550143',
    variables: { customer_name: 'John Doe', email: 'john.doe@example.com' },
    secondary_contacts: [
      { phone_number: '+1234567899', variables: { customer_name: 'Jane Doe Secondary' } },
      { phone_number: '+12025550145' },
    ],
  });
  contacts = (await rowOf(family)).secondary_contacts.map(({ id }: { id: number }) => id);
});

describe('F. Rows', () => {
  test('38 nine keys in their order', async () => {
    for (const row of await rows()) expect(Object.keys(row)).toEqual(ROW_KEYS);
  });

  test('39 ids are integers; the campaign is id and name', async () => {
    const row = await rowOf(plain);
    expect([row.id, row.campaign_id, row.campaign]).toEqual([plain, campaign, { id: campaign, name: 'My new campaign' }]);
    expect(Object.keys(row.campaign)).toEqual(['id', 'name']);
    expect(row.campaign.id).toBe(row.campaign_id);
  });

  test('40 numbers are E.164 with +', async () => {
    expect((await rows()).map((row: { phone_number: string }) => row.phone_number)).toEqual(['+1234567890', '+12025550143']);
  });

  test('41 variables are an object, {} when empty, in the order sent but for integer-like keys', async () => {
    const { raw } = await t.api.get('/api/user/leads');
    expect(raw).toContain('"phone_number":"+1234567890","variables":{},');
    expect(raw).toContain('"variables":{"customer_name":"John Doe","email":"john.doe@example.com"}');
    const id = await create({ phone_number: '+12025550150', variables: { zeta: 1, b: { y: 1, x: [] }, 10: 'ten', 2: 'two', a: null } });
    expect(JSON.stringify((await rowOf(id)).variables)).toBe('{"2":"two","10":"ten","zeta":1,"b":{"y":1,"x":[]},"a":null}');
    await t.api.delete(`/api/user/leads/${id}`);
  });

  test('42 timestamps have a blank, no fraction and no zone', async () => {
    const row = await rowOf(plain);
    expect([row.created_at, row.updated_at]).toEqual(['2026-03-02 08:15:40', '2026-03-02 08:15:40']);
    for (const contact of (await rowOf(family)).secondary_contacts) {
      expect(contact.created_at).toMatch(BLANK_TIME);
      expect(contact.updated_at).toMatch(BLANK_TIME);
    }
  });

  test('43 secondary contacts: six keys, in calling order; [] when none', async () => {
    expect((await rowOf(plain)).secondary_contacts).toEqual([]);
    const nested = (await rowOf(family)).secondary_contacts;
    for (const contact of nested) expect(Object.keys(contact)).toEqual(CONTACT_KEYS);
    expect(nested.map((contact: { phone_number: string }) => contact.phone_number)).toEqual(['+1234567899', '+12025550145']);
    await t.api.put(`/api/user/leads/${family}/contacts/order`, { contact_ids: [...contacts].reverse() });
    expect((await rowOf(family)).secondary_contacts.map(({ id }: { id: number }) => id)).toEqual([...contacts].reverse());
    await t.api.put(`/api/user/leads/${family}/contacts/order`, { contact_ids: contacts });
  });

  test('44 a contact has an id of the leads’ sequence, and a status of its own', async () => {
    expect(contacts).toEqual([family + 1, family + 2]);
    await t.api.put(`/api/user/leads/${contacts[0]}`, { status: 'completed' });
    const row = await rowOf(family);
    expect([row.status, ...row.secondary_contacts.map(({ status }: { status: string }) => status)]).toEqual([
      'created',
      'completed',
      'created',
    ]);
    await t.api.put(`/api/user/leads/${contacts[0]}`, { status: 'created' });
  });

  test('45 a lead with two contacts is one row and one of the total', async () => {
    const { body } = await t.api.get('/api/user/leads?phone_number=%2B12025550143');
    expect([body.total, body.data.length, body.data[0].secondary_contacts.length]).toEqual([1, 1, 2]);
    expect((await t.api.get('/api/user/leads')).body.total).toBe(2);
  });

  test('46 a change shows at once, and a contact’s moves its lead’s updated_at', async () => {
    t.clock.advance(5000);
    await t.api.put(`/api/user/leads/${plain}`, { status: 'completed' });
    expect(await rowOf(plain)).toMatchObject({ status: 'completed', created_at: '2026-03-02 08:15:40', updated_at: '2026-03-02 08:15:45' });
    t.clock.advance(5000);
    await t.api.put(`/api/user/leads/${contacts[1]}`, { variables: { note: 'x' } });
    const row = await rowOf(family);
    expect([row.updated_at, row.secondary_contacts[0].updated_at, row.secondary_contacts[1].updated_at]).toEqual([
      '2026-03-02 08:15:50',
      expect.not.stringMatching('08:15:50'),
      '2026-03-02 08:15:50',
    ]);
  });
});

describe('G. Robustness', () => {
  test('47 the same request gives the same bytes', async () => {
    const [first, second] = [await t.api.get('/api/user/leads?per_page=2&status='), await t.api.get('/api/user/leads?per_page=2&status=')];
    expect(first.raw).toBe(second.raw);
  });

  test('48 with any Accept or none, and with a Content-Type on the GET', async () => {
    const { raw } = await t.api.get('/api/user/leads');
    const headers: Record<string, string>[] = [
      {},
      { accept: 'text/html' },
      { accept: 'application/xml;q=1, */*;q=0' },
      { 'content-type': 'application/json' },
      { 'content-type': 'application/json', 'content-length': '0' },
      { 'content-type': 'text/plain' },
      { 'content-type': 'nonsense' },
    ];
    for (const header of headers) {
      const answer = await t.api.get('/api/user/leads', header);
      expect([answer.status, answer.raw]).toEqual([200, raw]);
      expect(answer.headers['content-type']).toMatch(/^application\/json/);
    }
    const refused = await t.api.get('/api/user/leads?status=x', { accept: 'text/html' });
    expect([refused.status, refused.headers['content-type']]).toEqual([422, expect.stringMatching(/^application\/json/)]);
  });

  test('50 any text but NUL and lone surrogates makes the round trip', async () => {
    const texts = [
      '"quoted" \'and\' `more`',
      '\\ / \\u0000 \\',
      '😀👩‍👩‍👧 é é',
      'שלום مرحبا \u202e',
      '</script><!--',
      '\u0001\b\t\n\r\u001f\u007f',
      '\u2028\u2029\ufeff\uffff',
      "'); drop table leads;--",
      '%s %d $1 {{y}}',
    ];
    for (const [index, text] of texts.entries()) {
      const named = await insertCampaign(t.db, t.mine.account.id, { name: text });
      const id = await create({
        phone_number: `+1202555016${index}`,
        campaign_id: named,
        variables: { [text]: text, deep: [{ [text]: [text] }] },
      });
      const row = await rowOf(id);
      expect(row.variables).toEqual({ [text]: text, deep: [{ [text]: [text] }] });
      expect(row.campaign.name).toBe(text);
      await t.api.delete(`/api/user/leads/${id}`);
    }
    const bodies = ['{"a":"x\\u0000y"}', '{"a":"\\ud83d"}', '{"a":["\\ude00\\ud83d"]}', '{"x\\u0000":1}', '{"\\ud800":1}'];
    for (const variables of bodies) {
      const payload = `{"phone_number":"+12025550199","campaign_id":${campaign},"variables":${variables}}`;
      const answer = await t.api.request({
        method: 'POST',
        url: '/api/user/lead',
        payload,
        headers: { 'content-type': 'application/json' },
      });
      expect([answer.status, answer.body.message]).toEqual([422, 'Validation failed']);
    }
    expect((await t.api.get('/api/user/leads?phone_number=5550199')).body.total).toBe(0);
  });

  test('51 deleted leads and leads of deleted campaigns never appear', async () => {
    const doomed = await insertCampaign(t.db, t.mine.account.id, { name: 'Doomed' });
    const ids = [await create({ phone_number: '+12025550171' }), await create({ phone_number: '+12025550172', campaign_id: doomed })];
    const total = async (query = '') => (await t.api.get(`/api/user/leads${query}`)).body.total;
    expect(await total()).toBe(4);
    await t.api.delete(`/api/user/leads/${ids[0]}`);
    await t.db.updateTable('campaigns').set({ deleted_at: t.clock() }).where('id', '=', doomed).execute();
    expect([
      await total(),
      await total(`?campaign_id=${doomed}`),
      await total('?phone_number=555017'),
      await total('?status=created'),
    ]).toEqual([2, 0, 0, 1]);
    for (const id of ids) expect((await t.api.get(`/api/user/leads/${id}`)).status).toBe(404);
  });
});
