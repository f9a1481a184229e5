// The original's envelopes once more, this time over HTTP: as many leads as a case says, and the whole answer but its rows.
import { readFileSync } from 'node:fs';
import { sql } from 'kysely';
import { beforeAll, describe, expect, test } from 'vitest';
import { stripSeparators } from '../src/phone.ts';
import { startApp, type TestApp } from './support/app.ts';
import { insertCampaign } from './support/insert-leads.ts';

interface Vector {
  case: { raw_query: string; per_page: number; total: number };
  expected: Record<string, unknown>;
}

const CAMPAIGN = 7;
const MOST = 20_000;

// What the seed's assertion 10 decides otherwise: other characters match nothing, and a blank before a digit was a plus.
const DECIDED_OTHERWISE = ['phone_number=%2B44%2720%2A%21~_.-&page=2', 'phone_number=%20415%20&page=1'];

const read = (file: string): Vector[] =>
  readFileSync(new URL(`./vectors/${file}.jsonl`, import.meta.url), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

// The vectors were made at the paginator: some have a per_page that their query does not carry.
const overHttp = ({ case: { raw_query, per_page, total } }: Vector): boolean =>
  Number(new URLSearchParams(raw_query).get('per_page') ?? 15) === per_page && total <= MOST && !DECIDED_OTHERWISE.includes(raw_query);

let t: TestApp;

beforeAll(async () => {
  t = await startApp({ http: { trustProxy: true } });
  await insertCampaign(t.db, t.mine.account.id, { id: CAMPAIGN });
});

// So many leads, each of which passes the filters of the query.
const putLeads = async (count: number, query: URLSearchParams): Promise<void> => {
  const prefix = stripSeparators(query.get('phone_number') ?? '+1202');
  const status = query.get('status') || 'created';
  // The framework knows no q; with us it is a filter.
  const variables = JSON.stringify({ name: query.get('q') ?? '' });
  await t.db.deleteFrom('leads').execute();
  await sql`
    insert into leads (account_id, campaign_id, phone_number, variables, status, created_at, updated_at)
    select ${t.mine.account.id}::bigint, ${CAMPAIGN}::bigint, ${prefix}::text || lpad(g::text, 7, '0'), ${variables}::json, ${status}::text,
      '2025-03-01T00:00:00Z', '2025-03-01T00:00:00Z'
    from generate_series(1, ${count}::integer) g`.execute(t.db);
};

const HEADERS = { host: 'api.example.test', 'x-forwarded-proto': 'https' };

describe.each(['pagination', 'page-parameter'])('%s', (file) => {
  const vectors = read(file).filter(overHttp);

  test('most of the vectors can be asked for over HTTP', () => {
    expect(vectors.length).toBeGreaterThan(20);
  });

  let held = '';
  test.each(vectors.map((vector) => [`${vector.case.total} leads, ?${vector.case.raw_query}`, vector] as const))(
    '%s',
    async (_name, { case: { raw_query, total }, expected }) => {
      const query = new URLSearchParams(raw_query);
      const needed = JSON.stringify([total, query.get('phone_number'), query.get('status'), query.get('q')]);
      if (needed !== held) await putLeads(total, query);
      held = needed;
      const { status, body } = await t.api.get(`/api/user/leads?${raw_query}`, HEADERS);
      expect(status).toBe(200);
      expect(JSON.stringify({ ...body, data: body.data.length })).toBe(JSON.stringify(expected));
    },
  );
});

test('where assertion 10 decides otherwise, the page URLs say what was looked for', async () => {
  await putLeads(31, new URLSearchParams('phone_number=%2B415'));
  const blank = (await t.api.get('/api/user/leads?phone_number=%20415%20&page=1', HEADERS)).body;
  expect([blank.total, blank.first_page_url]).toEqual([31, 'https://api.example.test/api/user/leads?phone_number=%2B415&page=1']);
  const odd = (await t.api.get('/api/user/leads?phone_number=%2B44%2720%2A%21~_.-&page=2', HEADERS)).body;
  expect([odd.total, odd.first_page_url]).toEqual([0, 'https://api.example.test/api/user/leads?phone_number=%2B44%2720%2A%21~_.-&page=1']);
});

test.each(
  readFileSync(new URL('./vectors/query-string.jsonl', import.meta.url), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line): { raw_query: string; page_query: string } => JSON.parse(line))
    // What the list itself reads may be refused, and a fragment or raw bytes do not travel in a URL.
    .filter(({ raw_query }) => !/status|phone_number|per_page|#|[^ -~]|["<> \\^`{|}']/.test(raw_query)),
)('the page URLs of ?$raw_query', async ({ raw_query, page_query }) => {
  const { body } = await t.api.get(`/api/user/leads?${raw_query}`, HEADERS);
  expect(body.first_page_url).toBe(`https://api.example.test/api/user/leads?${page_query}`);
});
