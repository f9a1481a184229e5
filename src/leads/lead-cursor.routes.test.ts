// The list by cursor: the framework's envelope, every lead once in either direction, whatever comes and goes meanwhile.
import { beforeAll, describe, expect, test } from 'vitest';
import { type Answer, startApp, type TestApp } from '../../test/support/app.ts';
import { nextNumber } from '../../test/support/build.ts';
import { insertCampaign } from '../../test/support/insert-leads.ts';

let t: TestApp;
let campaign: number;

beforeAll(async () => {
  t = await startApp();
  campaign = await insertCampaign(t.db, t.mine.account.id);
  const foreign = await insertCampaign(t.db, t.other.account.id);
  for (let i = 0; i < 25; i++) {
    await add();
    if (i % 5 === 0) await t.other.post('/api/user/lead', { campaign_id: foreign, phone_number: nextNumber() });
    t.clock.advance(1000);
  }
});

const add = async (): Promise<number> =>
  (await t.api.post('/api/user/lead', { campaign_id: campaign, phone_number: nextNumber() })).body.data.id;

const idsOf = ({ body }: Answer): number[] => body.data.map(({ id }: { id: number }) => id);

// The URL of a page as a path, as a client follows it.
const follow = (url: string | null): string | undefined => (url === null ? undefined : new URL(url).pathname + new URL(url).search);

const walk = async (start: string, way: 'next_page_url' | 'prev_page_url', between: () => Promise<unknown> = async () => {}) => {
  const pages: Answer[] = [];
  for (let path: string | undefined = start; path !== undefined; path = follow(pages.at(-1)?.body[way])) {
    pages.push(await t.api.get(path));
    expect(pages.at(-1)?.status).toBe(200);
    expect(pages.length).toBeLessThan(100);
    await between();
  }
  return pages;
};

const all = async (sort = 'id') => idsOf(await t.api.get(`/api/user/leads?per_page=100&sort=${sort}`));

test('the envelope has the seven keys in their order', async () => {
  const { body } = await t.api.get('/api/user/leads?cursor=&per_page=10&status=created');
  expect(Object.keys(body)).toEqual(['data', 'path', 'per_page', 'next_cursor', 'next_page_url', 'prev_cursor', 'prev_page_url']);
  expect([body.per_page, body.prev_cursor, body.prev_page_url]).toEqual([10, null, null]);
  expect(body.next_page_url).toBe(`${body.path}?per_page=10&status=created&cursor=${body.next_cursor}`);
  expect(JSON.parse(Buffer.from(body.next_cursor, 'base64url').toString())).toEqual({ id: body.data.at(-1).id, _pointsToNextItems: true });
  expect(Object.keys(body.data[0])).toHaveLength(9);
});

describe.each(['id', '-id', 'created_at', '-created_at', 'updated_at', '-updated_at'])('sort=%s', (sort) => {
  test('forward every lead once, and back again', async () => {
    const expected = await all(sort);
    const forward = await walk(`/api/user/leads?cursor=&per_page=4&sort=${sort}`, 'next_page_url');
    expect(forward.flatMap(idsOf)).toEqual(expected);
    const last = forward.at(-1)?.body.data.length ?? 0;
    const back = await walk(follow(forward.at(-1)?.body.prev_page_url) ?? '', 'prev_page_url');
    expect(back.toReversed().flatMap(idsOf)).toEqual(expected.slice(0, expected.length - last));
    // On the way back there is always a way forward.
    for (const { body } of back) expect(body.next_cursor).not.toBeNull();
  });
});

test('with a filter', async () => {
  const half = (await all()).slice(0, 12);
  for (const id of half) await t.api.put(`/api/user/leads/${id}`, { status: 'completed' });
  const pages = await walk('/api/user/leads?cursor=&per_page=5&status=completed', 'next_page_url');
  expect(pages.flatMap(idsOf)).toEqual(half);
});

test('leads that come and go meanwhile neither repeat nor hide any other', async () => {
  const before = await all();
  const removed: number[] = [];
  let step = 0;
  const pages = await walk('/api/user/leads?cursor=&per_page=3', 'next_page_url', async () => {
    step += 1;
    if (step > 6) return;
    await add();
    // One that was read already, and one that was not.
    for (const id of [before[step * 3 - 1], before[before.length - step]]) {
      if (id === undefined) continue;
      removed.push(id);
      await t.api.delete(`/api/user/leads/${id}`);
    }
  });
  const seen = pages.flatMap(idsOf);
  expect(new Set(seen).size).toBe(seen.length);
  for (const id of before) if (!removed.includes(id)) expect(seen).toContain(id);
});

test('nothing at all is a page without neighbours', async () => {
  const { body } = await t.api.get('/api/user/leads?cursor=&q=nobody');
  expect([body.data, body.next_cursor, body.prev_cursor]).toEqual([[], null, null]);
});

test.each(['x', '%00', 'eyJpZCI6MX0', Buffer.from('{"id":"1","_pointsToNextItems":true}').toString('base64url'), 'a'.repeat(500)])(
  'a cursor that is none is refused: %s',
  async (cursor) => {
    const { status, body } = await t.api.get(`/api/user/leads?cursor=${cursor}`);
    expect([status, Object.keys(body.errors)]).toEqual([422, ['cursor']]);
  },
);

const cursorOf = (fields: object) => Buffer.from(JSON.stringify({ ...fields, _pointsToNextItems: true })).toString('base64url');

test.each([
  ['id', { id: 1, value: '2026-03-02 08:00:00' }],
  ['created_at', { id: 1 }],
  ['updated_at', { id: 1, value: '2026-99-99 99:99:99' }],
  ['-created_at', { id: 1, value: '' }],
])('a cursor of another order, or with a time that is none, is refused: sort=%s', async (sort, fields) => {
  const { status, body } = await t.api.get(`/api/user/leads?sort=${sort}&cursor=${cursorOf(fields)}`);
  expect([status, Object.keys(body.errors)]).toEqual([422, ['cursor']]);
});

test('a cursor of another account leads nowhere but through one’s own leads', async () => {
  const { body } = await t.other.get('/api/user/leads?cursor=&per_page=1');
  const own = new Set(await all());
  for (const id of idsOf(await t.api.get(`/api/user/leads?cursor=${body.next_cursor}`))) expect(own).toContain(id);
});
