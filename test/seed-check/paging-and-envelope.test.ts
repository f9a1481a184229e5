// The seed document, point by point: sections C, D and E. Each test is named by its number.
import { beforeAll, describe, expect, test } from 'vitest';
import { type Answer, type Caller, createCaller, startApp, type TestApp } from '../support/app.ts';
import { insertCampaign, insertManyLeads } from '../support/insert-leads.ts';

interface Link {
  url: string | null;
  label: string;
  active: boolean;
}

const PATH = 'http://localhost/api/user/leads';
const KEYS = [
  'current_page',
  'data',
  'first_page_url',
  'from',
  'last_page',
  'last_page_url',
  'links',
  'next_page_url',
  'path',
  'per_page',
  'prev_page_url',
  'to',
  'total',
];

let t: TestApp;
const callers = new Map<number, Caller>();

// Accounts with so many leads each.
const withLeads = async (count: number): Promise<Caller> => {
  const known = callers.get(count);
  if (known !== undefined) return known;
  const caller = await createCaller(t.app, t.db, t.clock, `Has ${count}`);
  await insertManyLeads(t.db, caller.account.id, await insertCampaign(t.db, caller.account.id), count);
  callers.set(count, caller);
  return caller;
};
const list = async (count: number, query = ''): Promise<Answer> =>
  (await withLeads(count)).get(`/api/user/leads${query === '' ? '' : `?${query}`}`);
const page = async (count: number, query = '') => {
  const { status, body, raw } = await list(count, query);
  if (status !== 200) throw new Error(`${status} ${raw}`);
  return body;
};
const labels = (links: Link[]) => links.slice(1, -1).map(({ label }) => label);
const active = (links: Link[]) => links.filter((link) => link.active).map(({ label }) => label);

beforeAll(async () => {
  t = await startApp();
});

describe('C. Paging', () => {
  test('17 per_page: 15 unless given, from 1 to 100', async () => {
    for (const [query, rows] of [
      ['', 15],
      ['per_page=1', 1],
      ['per_page=100', 100],
      ['per_page=%2B20', 20],
    ] as const) {
      const { per_page, data } = await page(150, query);
      expect([per_page, data.length]).toEqual([rows, rows]);
    }
  });

  test('18 any other per_page is 422', async () => {
    const refused = [
      ['0', 'at least 1.'],
      ['-1', 'at least 1.'],
      ['101', 'not be greater than 100.'],
      ['9007199254740993', 'not be greater than 100.'],
      ['1.5', 'be an integer.'],
      ['abc', 'be an integer.'],
      ['05', 'be an integer.'],
      ['1e1', 'be an integer.'],
      ['9223372036854775808', 'be an integer.'],
    ];
    for (const [value, rule = ''] of refused) {
      const message = `The per page field must ${rule.startsWith('at') ? 'be ' : ''}${rule}`;
      const { status, body } = await list(1, `per_page=${value}`);
      expect([status, body]).toEqual([422, { message: 'Validation failed', errors: { per_page: [message] } }]);
    }
    expect((await list(1, 'per_page[]=5')).status).toBe(422);
    expect((await page(1, 'per_page=0&per_page=5')).per_page).toBe(5);
  });

  test('19 page: 1 unless it is a positive integer', async () => {
    for (const value of ['', '0', '-1', 'abc', '1.5', '05', '1e3', '9223372036854775808', '%00', '%FF']) {
      expect((await page(150, `page=${value}`)).current_page).toBe(1);
    }
    expect((await page(150, 'page[]=3')).current_page).toBe(1);
    expect((await page(150, 'page=%202%20')).current_page).toBe(2);
  });

  test('20 a page past the end is empty', async () => {
    const { links, ...rest } = await page(150, 'page=12');
    expect(rest).toMatchObject({ current_page: 12, data: [], from: null, to: null, next_page_url: null, last_page: 10, total: 150 });
    expect(rest.prev_page_url).toBe(`${PATH}?page=11`);
    expect(active(links)).toEqual([]);
    const { raw } = await list(150, 'page=9223372036854775807&per_page=100');
    expect(raw).toMatch(/^\{"current_page":9223372036854775807,"data":\[\],/);
    expect(raw).toContain('"prev_page_url":"http://localhost/api/user/leads?per_page=100&page=9223372036854775806"');
  });

  test('21 last_page', async () => {
    const found = [];
    for (const [count, query] of [
      [0, ''],
      [1, ''],
      [15, ''],
      [16, ''],
      [150, ''],
      [150, 'per_page=100'],
      [150, 'per_page=1'],
      [1501, 'per_page=100'],
    ] as const) {
      found.push((await page(count, query)).last_page);
    }
    expect(found).toEqual([1, 1, 1, 2, 10, 2, 150, 16]);
  });

  test('22 from and to', async () => {
    const found = [];
    for (const [count, query] of [
      [0, ''],
      [16, ''],
      [16, 'page=2'],
      [16, 'page=3'],
      [150, 'page=10'],
    ] as const) {
      const { from, to } = await page(count, query);
      found.push([from, to]);
    }
    expect(found).toEqual([
      [null, null],
      [1, 15],
      [16, 16],
      [null, null],
      [136, 150],
    ]);
  });

  test('23 by ascending id, and a new lead does not shift the pages being walked', async () => {
    const own = await createCaller(t.app, t.db, t.clock, 'Walker');
    const campaign = await insertCampaign(t.db, own.account.id);
    await insertManyLeads(t.db, own.account.id, campaign, 30);
    const idsOf = async (query: string) => (await own.get(`/api/user/leads?${query}`)).body.data.map(({ id }: { id: number }) => id);
    const before = [await idsOf('page=1'), await idsOf('page=2')].flat();
    expect(before).toEqual([...before].sort((a, b) => a - b));
    await own.post('/api/user/lead', { phone_number: '+12025559999', campaign_id: campaign });
    expect([await idsOf('page=1'), await idsOf('page=2')].flat()).toEqual(before);
  });

  test.each([0, 1, 15, 16, 150, 1501])('24 walking the pages of %i leads yields every lead once', async (count) => {
    for (const query of [
      '',
      'per_page=100',
      'per_page=7&status=created',
      'per_page=33&phone_number=0',
      'per_page=50&date_from=2026-03-02',
    ]) {
      const first = await page(count, query);
      const walked: { id: number; status: string }[] = [];
      let next: string | null = first.first_page_url;
      while (next !== null) {
        const { body }: Answer = await (await withLeads(count)).get(next.replace('http://localhost', ''));
        walked.push(...body.data);
        next = body.next_page_url;
      }
      expect(walked).toHaveLength(first.total);
      expect(new Set(walked.map(({ id }) => id)).size).toBe(first.total);
      if (!query.includes('status')) expect(first.total).toBe(count);
      else expect(walked.every(({ status }) => status === 'created')).toBe(true);
    }
  });
});

describe('D. Envelope', () => {
  test('25 thirteen keys in their order', async () => {
    for (const count of [0, 150]) {
      const { raw, headers, status } = await list(count);
      expect(Object.keys(JSON.parse(raw))).toEqual(KEYS);
      expect([status, headers['content-type']]).toEqual([200, expect.stringMatching(/^application\/json/)]);
    }
  });

  test('26 numbers are JSON numbers', async () => {
    const { raw } = await list(150, 'per_page=20&page=2');
    for (const part of ['"current_page":2,', '"from":21,', '"last_page":8,', '"per_page":20,', '"to":40,', '"total":150}'])
      expect(raw).toContain(part);
  });

  test('27 path, first and last page', async () => {
    expect(await page(150)).toMatchObject({ path: PATH, first_page_url: `${PATH}?page=1`, last_page_url: `${PATH}?page=10` });
    expect((await (await withLeads(150)).get('//api//user/leads/?page=2')).body.path).toBe(PATH);
  });

  test('28 previous and next', async () => {
    expect(await page(150)).toMatchObject({ prev_page_url: null, next_page_url: `${PATH}?page=2` });
    expect(await page(150, 'page=10')).toMatchObject({ prev_page_url: `${PATH}?page=9`, next_page_url: null });
    expect(await page(15)).toMatchObject({ prev_page_url: null, next_page_url: null });
  });

  test('29 other parameters stay, before page, and are followed', async () => {
    const { next_page_url, links } = await page(150, 'page=1&status=created&per_page=5&x[]=a%20b');
    expect(next_page_url).toBe(`${PATH}?status=created&per_page=5&x%5B0%5D=a%20b&page=2`);
    expect(
      links.map(({ url }: Link) => url).filter((url: string | null) => url !== null && !url.includes('?status=created&per_page=5&x')),
    ).toEqual([]);
    const followed = (await (await withLeads(150)).get(next_page_url.replace('http://localhost', ''))).body;
    expect([followed.current_page, followed.per_page]).toEqual([2, 5]);
    expect(followed.data.every(({ status }: { status: string }) => status === 'created')).toBe(true);
  });

  test('30 scheme and host: configured, else the request’s; X-Forwarded only where a proxy is trusted', async () => {
    const host = { host: 'dial.example.test:8443' };
    const forwarded = { ...host, 'x-forwarded-proto': 'https', 'x-forwarded-host': 'public.example.test' };
    const pathOf = async (app: TestApp, headers: Record<string, string>) => (await app.api.get('/api/user/leads', headers)).body.path;
    expect(await pathOf(t, host)).toBe('http://dial.example.test:8443/api/user/leads');
    expect(await pathOf(t, forwarded)).toBe('http://dial.example.test:8443/api/user/leads');
    expect(await pathOf(t, { host: 'dial.example.test:80' })).toBe('http://dial.example.test/api/user/leads');
    const behind = await startApp({ http: { trustProxy: 1 } });
    expect(await pathOf(behind, forwarded)).toBe('https://public.example.test/api/user/leads');
    const configured = await startApp({ http: { publicUrl: 'https://example.test/outdial', trustProxy: true } });
    expect(await pathOf(configured, forwarded)).toBe('https://example.test/outdial/api/user/leads');
  });
});

describe('E. links', () => {
  test('31 three keys in their order', async () => {
    for (const query of ['', 'per_page=5&page=15', 'page=99']) {
      for (const link of (await page(150, query)).links) expect(Object.keys(link)).toEqual(['url', 'label', 'active']);
    }
  });

  test('32 the first entry', async () => {
    expect((await list(150)).raw).toContain('"links":[{"url":null,"label":"&laquo; Previous","active":false},');
    expect((await page(150)).links[0].label).toHaveLength(16);
  });

  test('33 the ends lead where previous and next do', async () => {
    for (const query of ['', 'page=5', 'page=10', 'page=11']) {
      const { links, prev_page_url, next_page_url } = await page(150, query);
      expect(links[0]).toEqual({ url: prev_page_url, label: '&laquo; Previous', active: false });
      expect(links.at(-1)).toEqual({ url: next_page_url, label: 'Next &raquo;', active: false });
    }
  });

  test('34 page entries', async () => {
    const { links } = await page(150, 'page=3');
    for (const { url, label, active: isActive } of links.slice(1, -1)) {
      expect(url).toBe(`${PATH}?page=${label}`);
      expect(isActive).toBe(label === '3');
    }
  });

  test('35 a gap has no url', async () => {
    const { links } = await page(150, 'per_page=1&page=75');
    const gaps = links.filter(({ label }: Link) => label === '...');
    expect(gaps).toEqual([1, 2].map(() => ({ url: null, label: '...', active: false })));
    expect(labels(links)).toEqual(['1', '2', '...', '72', '73', '74', '75', '76', '77', '78', '...', '149', '150']);
  });

  const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => String(from + index));
  test.each([
    [1, 1, ['1']],
    [10, 1, range(1, 10)],
    [13, 7, range(1, 13)],
    [14, 7, [...range(1, 10), '...', '13', '14']],
    [14, 8, ['1', '2', '...', ...range(5, 14)]],
    [30, 15, ['1', '2', '...', ...range(12, 18), '...', '29', '30']],
    [30, 24, ['1', '2', '...', ...range(21, 30)]],
    [30, 23, ['1', '2', '...', ...range(20, 26), '...', '29', '30']],
  ])('36 of %i pages, on page %i', async (last, current, expected) => {
    const { links, last_page } = await page(last, `per_page=1&page=${current}`);
    expect([last_page, labels(links), active(links)]).toEqual([last, expected, [String(current)]]);
    expect(links).toHaveLength(expected.length + 2);
  });

  test('37 of nothing there is one page', async () => {
    const { links, last_page } = await page(0);
    expect([last_page, links]).toEqual([
      1,
      [
        { url: null, label: '&laquo; Previous', active: false },
        { url: `${PATH}?page=1`, label: '1', active: true },
        { url: null, label: 'Next &raquo;', active: false },
      ],
    ]);
    const second = await page(0, 'page=2');
    expect([active(second.links), second.prev_page_url]).toEqual([[], `${PATH}?page=1`]);
  });
});
