// The seed document, point by point: sections A and B. Each test is named by its number.
import { beforeAll, describe, expect, test } from 'vitest';
import { type Answer, idsIn, startApp, type TestApp } from '../support/app.ts';
import { insertCampaign, insertLead } from '../support/insert-leads.ts';

const STATUSES = ['created', 'scheduled', 'processing', 'completed', 'rescheduled', 'reached-max-retries', 'blacklisted'] as const;

let t: TestApp;
let campaign: number;
let otherCampaign: number;
const ids: Record<string, number> = {};

const list = (query = '', api = t.api): Promise<Answer> => api.get(`/api/user/leads${query === '' ? '' : `?${query}`}`);
const idsOf = async (query: string, api = t.api) => idsIn(await list(query, api));
const named = (...names: string[]) => names.map((name) => ids[name]);

beforeAll(async () => {
  t = await startApp();
  const { db } = t;
  campaign = await insertCampaign(db, t.mine.account.id);
  const second = await insertCampaign(db, t.mine.account.id, { name: 'Second' });
  otherCampaign = await insertCampaign(db, t.other.account.id);
  const mine = t.mine.account.id;
  for (const [index, status] of STATUSES.entries()) {
    ids[status] = await insertLead(db, mine, campaign, {
      status,
      phone_number: `+4420794600${index}0`,
      created_at: new Date('2026-01-01T12:00:00Z'),
    });
  }
  ids.us = await insertLead(db, mine, second, { phone_number: '+12025550143', created_at: new Date('2026-02-10T00:00:00Z') });
  ids.late = await insertLead(db, mine, second, {
    phone_number: '+33155512020',
    created_at: new Date('2026-02-10T23:59:59.999Z'),
    status: 'completed',
  });
  ids.next = await insertLead(db, mine, second, { phone_number: '+33155500000', created_at: new Date('2026-02-11T00:00:00Z') });
  await insertLead(db, mine, second, { primary_id: ids.us, position: 1, phone_number: '+12025559999', status: 'blacklisted' });
  ids.foreign = await insertLead(db, t.other.account.id, otherCampaign, {
    phone_number: '+12025550143',
    created_at: new Date('2026-02-10T00:00:00Z'),
  });
});

describe('A. Request', () => {
  test('01 GET /api/user/leads', async () => {
    expect((await list()).status).toBe(200);
  });

  test('02 the key is a bearer token; without one, with a wrong or a revoked one it is 401', async () => {
    const minted = (await t.api.post('/api/user/api-keys', { name: 'soon gone' })).body.api_key.token as string;
    const ask = (authorization: string) => t.app.inject({ url: '/api/user/leads', headers: authorization === '' ? {} : { authorization } });
    expect((await ask(`Bearer ${minted}`)).statusCode).toBe(200);
    await t.api.delete(`/api/user/api-keys/${minted.split('|')[0]}`);
    for (const authorization of ['', 'Bearer', 'Bearer nonsense', 'Bearer 1|nonsense', `Basic ${t.mine.token}`, `Bearer ${minted}`]) {
      const answer = await ask(authorization);
      expect([answer.statusCode, answer.payload, answer.headers['content-type']]).toEqual([
        401,
        '{"message":"Unauthenticated."}',
        'application/json; charset=utf-8',
      ]);
    }
  });

  test('03 only the caller’s leads, under every filter', async () => {
    expect(await idsOf('', t.other)).toEqual([ids.foreign]);
    expect(await idsOf('phone_number=2025550143')).toEqual(named('us'));
    expect(await idsOf('date_from=2026-02-10&date_to=2026-02-10&status=created')).toEqual(named('us'));
    expect(await idsOf(`campaign_id=${otherCampaign}`)).toEqual([]);
    expect(await idsOf(`campaign_id=${campaign}`, t.other)).toEqual([]);
    expect(await idsOf('status=completed', t.other)).toEqual([]);
  });

  test('04 all seven parameters are optional, others are ignored', async () => {
    const all = (await list()).body;
    const more = (await list('order=-id&limit=1&offset=3&status2=completed&filter[status]=completed&search=%FF')).body;
    expect([more.total, more.data]).toEqual([all.total, all.data]);
    expect(
      (await list(`status=created&campaign_id=${campaign}&phone_number=44&date_from=2026-01-01&date_to=2026-01-01&per_page=1&page=1`)).body
        .total,
    ).toBe(1);
  });

  test('05 filters combine by and', async () => {
    expect(await idsOf(`status=completed&campaign_id=${campaign}`)).toEqual(named('completed'));
    expect(await idsOf('status=completed&date_from=2026-02-01')).toEqual(named('late'));
    expect(await idsOf('status=scheduled&phone_number=%2B1')).toEqual([]);
  });
});

describe('B. Filters', () => {
  test('06 status takes the seven values', async () => {
    for (const status of STATUSES) {
      const { body } = await list(`status=${status}&campaign_id=${campaign}`);
      expect(body.data.map((row: { id: number; status: string }) => [row.id, row.status])).toEqual([[ids[status], status]]);
    }
  });

  test('07 any other status is 422', async () => {
    for (const status of ['done', 'CREATED', 'created,completed', '0', '%27%20or%201=1']) {
      const { status: code, body } = await list(`status=${status}`);
      expect([code, body.errors.status]).toEqual([422, ['The selected status is invalid.']]);
    }
    expect((await list('status[]=created')).body.errors).toHaveProperty('status');
  });

  test('08 campaign_id: that campaign; text that is no integer is 422', async () => {
    expect(await idsOf(`campaign_id=${campaign}`)).toHaveLength(7);
    expect(await idsOf('campaign_id=9007199254740993')).toEqual([]);
    for (const value of ['abc', '1.5', '1e1', '9223372036854775808']) {
      const { status, body } = await list(`campaign_id=${value}`);
      expect([status, body]).toEqual([
        422,
        { message: 'Validation failed', errors: { campaign_id: ['The campaign id field must be an integer.'] } },
      ]);
    }
  });

  test('09 phone_number matches any part', async () => {
    for (const part of ['5550143', '0255', '%2B1202', '12025550143', '%2B12025550143', '1']) {
      expect(await idsOf(`phone_number=${part}`)).toContain(ids.us);
    }
    expect(await idsOf('phone_number=2020')).toEqual(named('late'));
  });

  test('10 an unescaped + is one; separators are dropped; others match nothing', async () => {
    expect(await idsOf('phone_number=+1202')).toEqual(named('us'));
    expect(await idsOf('phone_number=%2B202')).toEqual([]);
    expect((await list('phone_number=+1202')).body.first_page_url).toMatch(/\?phone_number=%2B1202&page=1$/);
    expect(await idsOf('phone_number=%2B1%20(202)%20555-01.43')).toEqual(named('us'));
    expect(await idsOf('phone_number=(202)')).toEqual(named('us', 'late'));
    for (const separators of ['+', '-', '(.)', '%20-%20']) {
      const { status, body } = await list(`phone_number=${separators}`);
      expect([status, Object.keys(body.errors)]).toEqual([422, ['phone_number']]);
    }
    for (const nothing of ['%25', '_', '1_025550143', '%252025%25', '%5C', '%27', 'abc', '1%2B', '%FF', '%D9%A1', '2025550143%23']) {
      expect(await idsOf(`phone_number=${nothing}`), nothing).toEqual([]);
    }
  });

  test('11 filters look at the primary alone', async () => {
    expect(await idsOf('phone_number=5559999')).toEqual([]);
    expect(await idsOf('status=blacklisted')).toEqual(named('blacklisted'));
    expect(await idsOf('date_from=2026-03-01')).toEqual([]);
  });

  test('12 date_from: from that day’s first instant', async () => {
    expect(await idsOf('date_from=2026-02-10')).toEqual(named('us', 'late', 'next'));
    expect(await idsOf('date_from=2026-02-11')).toEqual(named('next'));
  });

  test('13 date_to: the whole day', async () => {
    expect(await idsOf('date_from=2026-02-01&date_to=2026-02-10')).toEqual(named('us', 'late'));
    expect(await idsOf('date_from=2026-02-10&date_to=2026-02-10')).toEqual(named('us', 'late'));
    expect(await idsOf('date_to=2025-12-31')).toEqual([]);
  });

  test('14 days are UTC, and the timestamps that are shown fall into them', async () => {
    const { body } = await list('date_from=2026-02-10&date_to=2026-02-10');
    expect(body.data.map((row: { created_at: string }) => row.created_at)).toEqual(['2026-02-10 00:00:00', '2026-02-10 23:59:59']);
  });

  test('15 what is no day is 422; from after to is empty', async () => {
    for (const day of ['2026-02-30', '2026-2-1', '10.02.2026', 'today', '2026-02-10T00:00:00Z', '0000-01-01']) {
      for (const name of ['date_from', 'date_to']) {
        const { status, body } = await list(`${name}=${day}`);
        const attribute = name.replace('_', ' ');
        expect([status, body.errors]).toEqual([422, { [name]: [`The ${attribute} field must match the format Y-m-d.`] }]);
      }
    }
    expect(await idsOf('date_from=2026-02-11&date_to=2026-02-10')).toEqual([]);
    expect(await idsOf('date_from=0001-01-01&date_to=9999-12-31')).toHaveLength(10);
    expect(await idsOf('date_from=9999-12-31')).toEqual([]);
  });

  test('16 an empty parameter is an absent one', async () => {
    const { status, body } = await list('status=&campaign_id=&phone_number=&date_from=&date_to=&per_page=&page=');
    expect([status, body.total, body.per_page, body.current_page]).toEqual([200, 10, 15, 1]);
    expect(body.first_page_url).toMatch(/\/api\/user\/leads\?page=1$/);
    expect((await list('status=%20%20')).body.total).toBe(10);
  });
});
