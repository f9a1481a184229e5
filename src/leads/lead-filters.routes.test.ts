// The filters and orders that are ours, held against the same asked of plain arrays.
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { idsIn, startApp, type TestApp } from '../../test/support/app.ts';
import { insertCampaign } from '../../test/support/insert-leads.ts';

let t: TestApp;
let campaign: number;

interface Given {
  id: number;
  phone_number: string;
  variables: Record<string, unknown>;
}

const leads: Given[] = [];

const NUMBERS = [
  '+12025550143',
  '+12025550144',
  '+14155500143',
  '+40741234567',
  '+447700900123',
  '+1415550',
  '+123456789012345',
  '+400000007',
];
const VARIABLES = [
  { name: 'John Doe', email: 'john.doe@example.com', plan: 'Basic', age: 5 },
  { name: 'Johanna Maria', plan: 'basic', age: '5' },
  { name: 'Jean-Luc', vip: true },
  { name: "O'Brien", vip: 'true', none: null },
  { deep: { plan: 'Basic' } },
  {},
  { name: 'José Ñandú', city: '東京' },
  { plan: 'Basic' },
];

beforeAll(async () => {
  t = await startApp({ now: '2026-03-01T12:00:00Z' });
  campaign = await insertCampaign(t.db, t.mine.account.id);
  for (const [index, phone_number] of NUMBERS.entries()) {
    const variables = VARIABLES[index] ?? {};
    const { status, body, raw } = await t.api.post('/api/user/lead', { campaign_id: campaign, phone_number, variables });
    if (status !== 200) throw new Error(raw);
    leads.push({ id: body.data.id, phone_number, variables });
    t.clock.advance(60_000);
  }
  // The same in another account, which must never be found.
  const foreign = await insertCampaign(t.db, t.other.account.id);
  for (const [index, phone_number] of NUMBERS.entries()) {
    await t.other.post('/api/user/lead', { campaign_id: foreign, phone_number, variables: VARIABLES[index] ?? {} });
  }
});

const ask = async (query: string) => idsIn(await t.api.get(`/api/user/leads?per_page=100&${query}`));
const idsWhere = (matches: (lead: Given) => boolean) => leads.filter(matches).map(({ id }) => id);
const named = (...names: string[]) => idsWhere(({ variables }) => names.includes(String(variables.name)));

describe('phone_number', () => {
  test('any part of any length, anchored or not, finds what holds it', async () => {
    const part = fc.oneof(
      fc
        .constantFrom(...NUMBERS)
        .chain((number) =>
          fc.tuple(fc.nat(number.length - 1), fc.integer({ min: 1, max: number.length })).map(([at, size]) => number.slice(at, at + size)),
        ),
      fc.stringMatching(/^\d{1,8}$/),
      fc.stringMatching(/^0{1,7}$/),
    );
    await fc.assert(
      fc.asyncProperty(part, async (text) => {
        const expected = idsWhere(({ phone_number }) =>
          text.startsWith('+') ? phone_number.startsWith(text) : phone_number.includes(text),
        );
        expect(await ask(`phone_number=${encodeURIComponent(text)}`), text).toEqual(expected);
      }),
      { numRuns: 150 },
    );
  });
});

describe('variables', () => {
  test.each<[string, string, (variables: Record<string, unknown>) => boolean]>([
    ['a text', 'variables[plan]=Basic', ({ plan }) => plan === 'Basic'],
    ['exactly', 'variables[plan]=basic', ({ plan }) => plan === 'basic'],
    ['a number, kept as one or as text', 'variables[age]=5', ({ age }) => String(age) === '5'],
    ['a boolean, likewise', 'variables[vip]=true', ({ vip }) => String(vip) === 'true'],
    ['several', 'variables[plan]=Basic&variables[age]=5', ({ plan, age }) => plan === 'Basic' && String(age) === '5'],
    ['a name that nobody has', 'variables[nothing]=x', () => false],
    ['characters that mean something elsewhere', `variables[name]=${encodeURIComponent("O'Brien")}`, ({ name }) => name === "O'Brien"],
    ['other scripts', `variables[city]=${encodeURIComponent('東京')}`, ({ city }) => city === '東京'],
    ['null', 'variables[none]=null', ({ none }) => none === null],
  ])('%s', async (_name, query, matches) => {
    expect(await ask(query)).toEqual(idsWhere(({ variables }) => matches(variables)));
  });

  test.each(['variables=x', 'variables[a][b]=c'])('%s is refused', async (query) => {
    const { status, body } = await t.api.get(`/api/user/leads?${query}`);
    expect([status, Object.keys(body.errors)[0]?.split('.')[0]]).toEqual([422, 'variables']);
  });

  test('more than ten are refused', async () => {
    const query = Array.from({ length: 11 }, (_, i) => `variables[k${i}]=v`).join('&');
    expect((await t.api.get(`/api/user/leads?${query}`)).status).toBe(422);
  });

  test('a change is found at once, and the old value no more', async () => {
    const [lead] = leads;
    await t.api.put(`/api/user/leads/${lead?.id}`, { variables: { mood: 'good' } });
    expect(await ask('variables[mood]=good')).toEqual([lead?.id]);
    await t.api.put(`/api/user/leads/${lead?.id}`, { variables: { mood: 'bad' } });
    expect([await ask('variables[mood]=good'), await ask('variables[mood]=bad')]).toEqual([[], [lead?.id]]);
  });
});

describe('q', () => {
  test.each<[string, string, () => number[]]>([
    ['the beginning of a word, in any case', 'JOH', () => named('John Doe', 'Johanna Maria')],
    ['all words', 'joh mar', () => named('Johanna Maria')],
    ['a part of the number', '5550143', () => idsWhere(({ phone_number }) => phone_number.includes('5550143'))],
    ['a number with its plus', '+1202', () => idsWhere(({ phone_number }) => phone_number.startsWith('+1202'))],
    ['number and word', '2025 joh', () => named('John Doe', 'Johanna Maria')],
    ['number and another word', '1415 jean', () => named('Jean-Luc')],
    ['an address', 'john.doe@exam', () => named('John Doe')],
    ['a name with a hyphen', 'Jean-Luc', () => named('Jean-Luc')],
    ['half of a name with a hyphen', 'luc', () => named('Jean-Luc')],
    ['an apostrophe', "O'Brien", () => named("O'Brien")],
    ['other scripts', 'josé', () => named('José Ñandú')],
    ['the middle of a word is none', 'ohn', () => []],
    ['a sign between two words is none', 'john & doe', () => named('John Doe')],
    ['punctuation alone is found nowhere', '&|!', () => []],
  ])('%s', async (_name, text, expected) => {
    expect(await ask(`q=${encodeURIComponent(text)}`)).toEqual(expected());
  });

  test('no text makes an error of the database', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ minLength: 1, maxLength: 30, unit: 'grapheme' }), async (text) => {
        const { status } = await t.api.get(`/api/user/leads?q=${encodeURIComponent(text.toWellFormed())}`);
        expect([200, 422]).toContain(status);
      }),
      { numRuns: 100, examples: [["'"], ["''' & '''"], [':*'], ['\\'], ["a':* & 'b"], ['-'], ['<->']] },
    );
  });
});

describe('updated_since', () => {
  test.each(['2026-03-01T12:04:00Z', '2026-03-01 12:04:00', '2026-03-01T14:04:00 02:00', '2026-03-01T14:04%2B02:00'])(
    '%s',
    async (since) => {
      const ids = await ask(`updated_since=${since}&sort=updated_at`);
      // The fifth lead came at 12:04, and the first one has been changed since.
      expect(ids).toEqual([...leads.slice(4).map(({ id }) => id), leads[0]?.id]);
    },
  );

  test.each(['yesterday', '2026-02-30', '2026-03-01T25:00:00Z', '1'])('%s is refused', async (since) => {
    expect((await t.api.get(`/api/user/leads?updated_since=${since}`)).body.errors).toEqual({
      updated_since: ['The updated since field must be a valid date.'],
    });
  });
});

describe('sort', () => {
  test.each(['id', 'created_at'])('%s, and turned round', async (column) => {
    const ids = leads.map(({ id }) => id);
    expect([await ask(`sort=${column}`), await ask(`sort=-${column}`)]).toEqual([ids, ids.toReversed()]);
  });

  test('what was changed last comes last, and first when turned round', async () => {
    const [first] = leads;
    expect([(await ask('sort=updated_at')).at(-1), (await ask('sort=-updated_at')).at(0)]).toEqual([first?.id, first?.id]);
  });

  test('pages tile the list in every order', async () => {
    for (const sort of ['id', '-id', 'created_at', '-created_at', 'updated_at', '-updated_at']) {
      const whole = await ask(`sort=${sort}`);
      const pages = await Promise.all([1, 2, 3].map((page) => t.api.get(`/api/user/leads?sort=${sort}&per_page=3&page=${page}`)));
      expect(
        pages.flatMap(({ body }) => body.data.map(({ id }: { id: number }) => id)),
        sort,
      ).toEqual(whole);
    }
  });

  test('another is refused', async () => {
    expect((await t.api.get('/api/user/leads?sort=phone_number')).body.errors).toEqual({ sort: ['The selected sort is invalid.'] });
  });
});

test('page URLs repeat our filters', async () => {
  const { body } = await t.api.get('/api/user/leads?per_page=1&variables[plan]=Basic&sort=-id&q=&updated_since=2026-01-01');
  expect(body.next_page_url).toMatch(/leads\?per_page=1&variables%5Bplan%5D=Basic&sort=-id&updated_since=2026-01-01&page=2$/);
});
