// Many leads in one request: what becomes of each, updates by external id, nonsense, and many at once.
import { beforeAll, describe, expect, test } from 'vitest';
import { type Answer, startApp, type TestApp } from '../../test/support/app.ts';
import { checkTotals } from '../../test/support/check-totals.ts';
import { insertCampaign } from '../../test/support/insert-leads.ts';

const URL = '/api/user/leads/bulk';
const DUPLICATE = 'This phone number already exists in the campaign';

let t: TestApp;
let campaign: number;
let second: number;
let foreign: number;

beforeAll(async () => {
  t = await startApp();
  campaign = await insertCampaign(t.db, t.mine.account.id);
  second = await insertCampaign(t.db, t.mine.account.id, { name: 'Second' });
  foreign = await insertCampaign(t.db, t.other.account.id);
});

let last = 0;
const number = (): string => `+1202555${String(++last).padStart(5, '0')}`;
const bulk = (leads: unknown, fields: object = {}): Promise<Answer> => t.api.post(URL, { campaign_id: campaign, leads, ...fields });
const lines = (payload: string | Buffer, query = `?campaign_id=${campaign}`, type = 'application/x-ndjson'): Promise<Answer> =>
  t.api.request({ method: 'POST', url: `${URL}${query}`, payload, headers: { 'content-type': type } });
const statuses = ({ status, body, raw }: Answer): string[] => {
  if (status !== 200) throw new Error(`${status} ${raw}`);
  return body.results.map((result: { status: string }) => result.status);
};
const read = async (id: number) => (await t.api.get(`/api/user/leads/${id}`)).body;

test('under an Idempotency-Key a request is carried out once; with another bad line it is another request', async () => {
  const one = number();
  const send = (bad: string) =>
    t.api.request({
      method: 'POST',
      url: `${URL}?campaign_id=${campaign}`,
      payload: `{"phone_number":"${one}"}\n${bad}\n`,
      headers: { 'content-type': 'application/x-ndjson', 'idempotency-key': 'lines' },
    });
  const first = await send('{a');
  expect(statuses(first)).toEqual(['created', 'invalid']);
  const again = await send('{a');
  expect([again.status, again.raw, again.headers['idempotent-replayed']]).toEqual([200, first.raw, 'true']);
  expect((await send('{b')).status).toBe(409);
});

describe('what becomes of each', () => {
  test('all four outcomes, in the order sent, with their counts', async () => {
    const [one, two] = [number(), number()];
    const known = (await bulk([{ phone_number: one, external_id: 'first', variables: { a: 1, b: 1 } }])).body.results[0].id;
    const { status, body } = await bulk([
      { phone_number: 'x', external_id: 'bad' },
      { phone_number: two, variables: { name: 'Ann' } },
      { phone_number: one },
      { phone_number: one, external_id: 'first', variables: { b: 2, c: 3 } },
      { phone_number: number(), variables: 'no', secondary_contacts: [{}] },
    ]);
    expect(status).toBe(200);
    expect(body).toEqual({
      results: [
        { index: 0, status: 'invalid', external_id: 'bad', errors: { phone_number: ['Invalid phone number'] } },
        { index: 1, status: 'created', id: expect.any(Number), lead_status: 'created' },
        { index: 2, status: 'duplicate', id: known },
        { index: 3, status: 'updated', id: known, external_id: 'first' },
        {
          index: 4,
          status: 'invalid',
          errors: {
            variables: ['The variables field must be an array.'],
            'secondary_contacts.0.phone_number': ['The secondary_contacts.0.phone_number field is required.'],
          },
        },
      ],
      counts: { created: 1, updated: 1, duplicate: 1, invalid: 2 },
    });
    expect((await read(known)).variables).toEqual({ a: 1, b: 2, c: 3 });
    expect(await read(body.results[1].id)).toMatchObject({ phone_number: two, campaign_id: campaign, variables: { name: 'Ann' } });
    expect(Object.keys(await read(known))).not.toContain('external_id');
    await checkTotals(t.db, [t.mine.account.id]);
  });

  test('spellings are read as leniently as of a lead alone', async () => {
    const { body } = await bulk(
      [{ phone_number: ' +1 (303) 555-01.43 ', variable: [{ a: 1 }, { b: 2 }], secondary_contacts: [{ phone_number: '+1 303 555 0144' }] }],
      { campaign_id: String(campaign) },
    );
    const lead = await read(body.results[0].id);
    expect([lead.phone_number, lead.variables, lead.secondary_contacts[0].phone_number]).toEqual([
      '+13035550143',
      { a: 1, b: 2 },
      '+13035550144',
    ]);
  });

  test('a number twice in a request: the first comes in, unless duplicates are allowed', async () => {
    const one = number();
    expect(statuses(await bulk([{ phone_number: one }, { phone_number: one }]))).toEqual(['created', 'duplicate']);
    expect(statuses(await bulk([{ phone_number: one }, { phone_number: one }], { allow_duplicate: 1 }))).toEqual(['created', 'created']);
    const two = number();
    const mixed = [{ phone_number: two, allow_dupplicate: true }, { phone_number: two }, { phone_number: two, allow_dupplicate: true }];
    expect(statuses(await bulk(mixed))).toEqual(['created', 'duplicate', 'created']);
  });

  test('a blocked number comes in as blacklisted, and waits for no dial', async () => {
    const blocked = number();
    await t.api.post('/api/user/blacklist', { phone_number: blocked });
    const { body } = await bulk([
      { phone_number: blocked, external_id: 'blocked' },
      { phone_number: number(), external_id: 'free' },
    ]);
    expect(body.results.map((one: { lead_status: string }) => one.lead_status)).toEqual(['blacklisted', 'created']);
    await bulk([
      { phone_number: blocked, external_id: 'free' },
      { phone_number: blocked, external_id: 'blocked' },
    ]);
    const again = number();
    await t.api.post('/api/user/blacklist', { phone_number: again });
    expect(statuses(await bulk([{ phone_number: again, external_id: 'free' }]))).toEqual(['updated']);
    expect((await read(body.results[1].id)).status).toBe('blacklisted');
  });
});

describe('campaigns', () => {
  test('each lead may name its own; an unknown or foreign one is that lead’s trouble', async () => {
    const [one, two] = [number(), number()];
    const { body } = await bulk([
      { phone_number: one, campaign_id: second, external_id: 'x' },
      { phone_number: two, campaign_id: foreign },
      { phone_number: two, campaign_id: 987_654_321 },
      { phone_number: one, external_id: 'x' },
    ]);
    const errors = { campaign_id: ['The selected campaign id is invalid.'] };
    expect(body.results.map(({ status, errors }: { status: string; errors?: object }) => errors ?? status)).toEqual([
      'created',
      errors,
      errors,
      'created',
    ]);
    expect((await read(body.results[0].id)).campaign_id).toBe(second);
  });

  test('the request’s own is 404 when it is unknown, foreign or deleted, and nothing is saved', async () => {
    const deleted = await insertCampaign(t.db, t.mine.account.id);
    await t.api.delete(`/api/user/campaign/${deleted}`);
    for (const id of [foreign, 987_654_321, deleted]) {
      const answer = await bulk([{ phone_number: number(), campaign_id: second }], { campaign_id: id });
      expect([answer.status, answer.body]).toEqual([404, { message: 'Campaign not found' }]);
      expect((await lines('', `?campaign_id=${id}`)).status).toBe(422);
    }
  });

  test('an external id of another account is nobody’s', async () => {
    await t.other.post(URL, { campaign_id: foreign, leads: [{ phone_number: number(), external_id: 'theirs' }] });
    expect(statuses(await bulk([{ phone_number: number(), external_id: 'theirs' }]))).toEqual(['created']);
  });

  test('a lead cannot move to where its external id is', async () => {
    await bulk([{ phone_number: number(), external_id: 'mover', campaign_id: second }]);
    const id = (await bulk([{ phone_number: number(), external_id: 'mover' }])).body.results[0].id;
    const { status, body } = await t.api.put(`/api/user/leads/${id}`, { campaign_id: second });
    expect([status, body.errors]).toEqual([422, { campaign_id: ['The campaign already has a lead with the external id of this one.'] }]);
  });
});

describe('external ids', () => {
  test('twice in a request: the second updates the first; twice sent: nothing is added', async () => {
    const [one, two] = [number(), number()];
    const leads = [
      { phone_number: one, external_id: 'twice', variables: { a: 1 } },
      { phone_number: one, external_id: 'twice', variables: { b: 2 } },
      { phone_number: two, external_id: 'twice', variables: { a: 3 } },
      { phone_number: one },
    ];
    const { body } = await bulk(leads);
    expect(body.results.map((result: { status: string }) => result.status)).toEqual(['created', 'updated', 'updated', 'created']);
    expect(new Set(body.results.slice(0, 3).map((result: { id: number }) => result.id)).size).toBe(1);
    expect(await read(body.results[0].id)).toMatchObject({ phone_number: two, variables: { a: 3, b: 2 } });
    const again = await bulk(leads);
    // The number that the last one has now is not the first's any more.
    expect(again.body.results[0]).toMatchObject({ status: 'invalid', id: body.results[0].id, errors: { phone_number: [DUPLICATE] } });
  });

  test('a change that is refused leaves all of that lead as it was, and the others are saved', async () => {
    const [one, two] = [number(), number()];
    const { results } = (
      await bulk([
        { phone_number: one, external_id: 'r1' },
        { phone_number: two, external_id: 'r2' },
      ])
    ).body;
    const answer = await bulk([
      { phone_number: two, external_id: 'r1', variables: { lost: true } },
      { phone_number: two, external_id: 'r2', variables: { kept: true } },
    ]);
    expect(statuses(answer)).toEqual(['invalid', 'updated']);
    expect((await read(results[0].id)).variables).toEqual({});
    expect((await read(results[1].id)).variables).toEqual({ kept: true });
  });

  test('contacts that are new are added, those that are there stay, eleven are too many', async () => {
    const [one, a, b] = [number(), number(), number()];
    const lead = { phone_number: one, external_id: 'family' };
    const [{ id }] = (await bulk([{ ...lead, secondary_contacts: [{ phone_number: a, variables: { old: 1 } }] }])).body.results;
    await bulk([{ ...lead, secondary_contacts: [{ phone_number: b }, { phone_number: a, variables: { old: 2 } }] }]);
    await bulk([lead]);
    const contacts = async () =>
      (await read(id)).secondary_contacts.map((one: { phone_number: string; variables: object }) => [one.phone_number, one.variables]);
    expect(await contacts()).toEqual([
      [a, { old: 1 }],
      [b, {}],
    ]);
    const many = Array.from({ length: 9 }, () => ({ phone_number: number() }));
    const { body } = await bulk([{ ...lead, secondary_contacts: many, variables: { x: 1 } }]);
    expect(body.results[0]).toMatchObject({ status: 'invalid', errors: { 'secondary_contacts.8.phone_number': [expect.any(String)] } });
    expect([(await contacts()).length, (await read(id)).variables]).toEqual([2, {}]);
  });

  test('chains: numbers that are freed and taken within a request', async () => {
    const [one, two, three] = [number(), number(), number()];
    await bulk([
      { phone_number: one, external_id: 'c1' },
      { phone_number: two, external_id: 'c2' },
    ]);
    const answer = await bulk([
      { phone_number: three, external_id: 'c1' },
      { phone_number: one, external_id: 'c3' },
      { phone_number: three, external_id: 'c2' },
      { phone_number: one, external_id: 'c2' },
      { phone_number: two, external_id: 'c3' },
      { phone_number: number(), external_id: 'c2' },
      { phone_number: two, external_id: 'c3' },
    ]);
    expect(statuses(answer)).toEqual(['updated', 'created', 'invalid', 'invalid', 'invalid', 'updated', 'updated']);
    await checkTotals(t.db, [t.mine.account.id]);
  });
});

describe('NDJSON', () => {
  test('a lead on each line; a bad line is that line’s trouble; empty ones do not count', async () => {
    const [one, two] = [number(), number()];
    const text = `\uFEFF{"phone_number":"${one}","external_id":"l1"}\r\n\n{"phone_number":\n[1]\n5\n  \n{"phone_number":"${two}","campaign_id":${second}}`;
    const { body } = await lines(text);
    expect(body.results).toEqual([
      { index: 0, status: 'created', id: expect.any(Number), external_id: 'l1', lead_status: 'created' },
      { index: 1, status: 'invalid', errors: { lead: ['Malformed JSON'] } },
      { index: 2, status: 'invalid', errors: { lead: ['The lead must be a JSON object.'] } },
      { index: 3, status: 'invalid', errors: { lead: ['The lead must be a JSON object.'] } },
      { index: 4, status: 'created', id: expect.any(Number), lead_status: 'created' },
    ]);
  });

  test('without a campaign, no UTF-8, a line beyond 1 MB', async () => {
    const huge = JSON.stringify({ phone_number: number(), variables: { text: 'x'.repeat(1_100_000) } });
    const { body } = await lines(
      Buffer.concat([Buffer.from(`{"phone_number":"${number()}"}\n${huge}\n`), Buffer.from([0x22, 0xff, 0x22])]),
      '',
    );
    expect(body.results.map((one: { errors: object }) => one.errors)).toEqual([
      { campaign_id: ['The campaign id field is required.'] },
      { lead: ['The lead must not be larger than 1 MB.'] },
      { lead: ['Malformed JSON'] },
    ]);
  });

  test('only here', async () => {
    const answer = await t.api.request({
      method: 'POST',
      url: '/api/user/lead',
      payload: '{}',
      headers: { 'content-type': 'application/x-ndjson' },
    });
    expect(answer.status).toBe(415);
  });
});

describe('nonsense', () => {
  test.each<[string, string, number]>([
    ['no JSON', '{"leads":[', 400],
    ['a list', '[]', 422],
    ['null', 'null', 422],
    ['nothing', '', 422],
    ['no leads', '{"campaign_id":1}', 422],
    ['leads that are text', '{"leads":"x"}', 422],
    ['leads that are an object', '{"leads":{"0":{}}}', 422],
    ['a campaign that is text', '{"campaign_id":"x","leads":[]}', 422],
    ['a flag that is none', '{"allow_dupplicate":"maybe","leads":[]}', 422],
    ['NUL beside the leads', '{"campaign_id":1,"x":"\\u0000","leads":[]}', 422],
  ])('%s', async (_name, payload, status) => {
    const answer = await t.api.request({ method: 'POST', url: URL, payload, headers: { 'content-type': 'application/json' } });
    expect(answer.status, answer.raw).toBe(status);
  });

  test('in the query: 422 as well; no leads at all: an empty answer', async () => {
    expect((await lines('{}', '?campaign_id=x')).body.errors).toEqual({ campaign_id: ['The campaign id field must be an integer.'] });
    expect((await bulk([])).body).toEqual({ results: [], counts: { created: 0, updated: 0, duplicate: 0, invalid: 0 } });
  });

  test.each<[string, unknown]>([
    ['null', null],
    ['a list', []],
    ['NUL in a variable', { phone_number: '+12025550999', variables: { a: '\0' } }],
    ['NUL in the external id', { phone_number: '+12025550999', external_id: 'a\0' }],
    ['a lone surrogate', { phone_number: '+12025550999', variables: { '\ud800': 1 } }],
    ['an external id that is a number', { phone_number: '+12025550999', external_id: 5 }],
    ['a long external id', { phone_number: '+12025550999', external_id: 'x'.repeat(256) }],
    ['a contact with the lead’s number', { phone_number: '+12025550999', secondary_contacts: [{ phone_number: '+12025550999' }] }],
    ['a campaign beyond 64 bits', { phone_number: '+12025550999', campaign_id: 1e300 }],
    ['a campaign beyond 53 bits', { phone_number: '+12025550999', campaign_id: '9223372036854775806' }],
  ])('%s is invalid, and nobody else’s trouble', async (_name, lead) => {
    const answer = await bulk([{ phone_number: number() }, lead, { phone_number: number() }]);
    expect(statuses(answer)).toEqual(['created', 'invalid', 'created']);
    expect(Object.keys(answer.body.results[1].errors)).toHaveLength(1);
  });

  test('a body that is all in one lead is that lead’s trouble', async () => {
    const list = (inner: string, count: number) => `[${Array.from({ length: count }, () => inner).join(',')}]`;
    for (const value of [list('{}', 9_000_000), list('[{"a":"b"}]', 2_000_000), `"${'x'.repeat(2_000_000)}"`]) {
      const payload = `{"campaign_id":${campaign},"leads":[{"phone_number":"${number()}","variables":{"v":${value}}},{"phone_number":"${number()}"}]}`;
      const answer = await t.api.request({ method: 'POST', url: URL, payload, headers: { 'content-type': 'application/json' } });
      expect(statuses(answer)).toEqual(['invalid', 'created']);
      expect(answer.body.results[0].errors).toEqual({ lead: ['The lead must not be larger than 1 MB.'] });
    }
  });

  test('10,001 are refused, in either form; so is a body beyond 32 MB', async () => {
    const message = 'The leads field must not have more than 10000 items.';
    expect((await bulk(Array.from({ length: 10_001 }, () => 1))).body.errors).toEqual({ leads: [message] });
    expect((await lines('1\n'.repeat(10_001))).body.errors).toEqual({ leads: [message] });
    expect((await lines(`"${'x'.repeat(33 * 1_048_576)}"`)).status).toBe(413);
  });
});

describe('many', () => {
  test('10,000 in one request, and again as updates', async () => {
    const id = await insertCampaign(t.db, t.mine.account.id);
    const leads = Array.from({ length: 10_000 }, (_, index) => ({
      phone_number: `+1303${String(5_000_000 + index)}`,
      external_id: `many-${index}`,
      variables: { n: index },
    }));
    const first = await bulk(leads, { campaign_id: id });
    expect(first.body.counts).toEqual({ created: 10_000, updated: 0, duplicate: 0, invalid: 0 });
    expect(first.body.results.map((one: { index: number }) => one.index)).toEqual(leads.map((_, index) => index));
    const ids = first.body.results.map((one: { id: number }) => one.id);
    expect(ids).toEqual(ids.toSorted((a: number, b: number) => a - b));
    const again = await bulk(
      leads.map((lead) => ({ ...lead, variables: { again: true } })),
      { campaign_id: id },
    );
    expect(again.body.counts).toEqual({ created: 0, updated: 10_000, duplicate: 0, invalid: 0 });
    expect((await read(ids[77])).variables).toEqual({ n: 77, again: true });
    await checkTotals(t.db, [t.mine.account.id]);
  });

  test('new numbers and contacts in one request come to what they come to one by one', async () => {
    const [together, alone] = [await insertCampaign(t.db, t.mine.account.id), await insertCampaign(t.db, t.mine.account.id)];
    const numberOf = (index: number) => `+1606555${1000 + index}`;
    const leads = Array.from({ length: 12 }, (_, index) => ({
      phone_number: numberOf(index),
      external_id: `n${index}`,
      variables: { n: index },
      secondary_contacts: [{ phone_number: numberOf(100 + index) }],
    }));
    await t.api.post('/api/user/blacklist', { phone_numbers: [numberOf(203), numberOf(204)] });
    const changed = leads.map(({ external_id, secondary_contacts }, index) => ({
      external_id,
      phone_number: numberOf(200 + index),
      variables: { again: true },
      secondary_contacts: index === 7 ? secondary_contacts : [],
    }));
    // A number that another lead has, one that a contact of its own has, and two that are exchanged.
    Object.assign(changed[0] ?? {}, { phone_number: numberOf(400) });
    Object.assign(changed[1] ?? {}, { phone_number: numberOf(101) });
    Object.assign(changed[8] ?? {}, { phone_number: numberOf(9) });
    Object.assign(changed[9] ?? {}, { phone_number: numberOf(8) });
    // New contacts: a blocked one beside one that is there, too many, and one together with a new number.
    const contacts = (from: number, count: number) =>
      Array.from({ length: count }, (_, index) => ({ phone_number: numberOf(from + index) }));
    Object.assign(changed[5] ?? {}, {
      phone_number: numberOf(5),
      secondary_contacts: [{ phone_number: numberOf(203) }, ...contacts(105, 1)],
    });
    Object.assign(changed[6] ?? {}, { phone_number: numberOf(6), secondary_contacts: contacts(300, 10) });
    Object.assign(changed[10] ?? {}, { secondary_contacts: contacts(320, 2) });
    Object.assign(changed[11] ?? {}, { phone_number: numberOf(11), secondary_contacts: contacts(330, 3) });
    for (const campaign_id of [together, alone]) {
      await bulk(leads, { campaign_id });
      await bulk([{ phone_number: numberOf(400) }], { campaign_id });
      const of = t.db.updateTable('leads').where('campaign_id', '=', campaign_id);
      await of.set({ status: 'completed', due_at: null }).where('external_id', '=', 'n4').execute();
      // Whose next contact is due.
      await of.set({ status: 'reached-max-retries', due_at: null }).where('external_id', '=', 'n11').execute();
      await of.set({ status: 'reached-max-retries' }).where('phone_number', '=', numberOf(111)).execute();
    }
    t.clock.advance(60_000);
    const once = (await bulk(changed, { campaign_id: together })).body.results;
    const oneByOne = [];
    for (const lead of changed) oneByOne.push((await bulk([lead], { campaign_id: alone })).body.results[0]);
    const told = (results: { status: string; errors?: object }[]) => results.map(({ status, errors }) => ({ status, errors }));
    expect(told(once)).toEqual(told(oneByOne));
    expect(told(once).filter(({ status }) => status === 'invalid').length).toBeGreaterThanOrEqual(3);
    const rowsOf = (campaign_id: number) =>
      t.db
        .selectFrom('leads')
        .select(['external_id', 'phone_number', 'status', 'due_at', 'variables', 'position', 'duplicate_allowed', 'updated_at'])
        .where('campaign_id', '=', campaign_id)
        .orderBy((eb) => eb.fn.coalesce('primary_id', 'id'))
        .orderBy((eb) => eb.fn.coalesce('position', eb.lit(0)))
        .execute();
    const rows = await rowsOf(together);
    expect(rows).toEqual(await rowsOf(alone));
    expect(rows.filter(({ position, due_at }) => position !== null && due_at !== null)).toHaveLength(1);
    expect(rows.find(({ external_id }) => external_id === 'n3')).toMatchObject({ status: 'blacklisted', due_at: null });
    expect(rows.find(({ external_id }) => external_id === 'n4')).toMatchObject({ status: 'completed', phone_number: numberOf(204) });
  });

  test('eight requests at once with the same external ids and numbers: nobody twice, nobody fails', async () => {
    const id = await insertCampaign(t.db, t.mine.account.id);
    const leads = Array.from({ length: 200 }, (_, index) => ({ phone_number: `+1404555${1000 + index}`, external_id: `e${index % 150}` }));
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, index) => bulk(index % 2 === 0 ? leads : leads.toReversed(), { campaign_id: id })),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(answers.reduce((sum, { body }) => sum + body.counts.created, 0)).toBe(150);
    const rows = await t.db.selectFrom('leads').select(['external_id', 'phone_number']).where('campaign_id', '=', id).execute();
    expect([new Set(rows.map((row) => row.external_id)).size, new Set(rows.map((row) => row.phone_number)).size]).toEqual([150, 150]);
    await checkTotals(t.db, [t.mine.account.id]);
  });

  test('beside others who add, change and delete the same leads', async () => {
    const id = await insertCampaign(t.db, t.mine.account.id);
    const leads = Array.from({ length: 60 }, (_, index) => ({ phone_number: `+1505555${1000 + index}`, external_id: `e${index}` }));
    const { results } = (await bulk(leads.slice(0, 30), { campaign_id: id })).body;
    const answers = await Promise.all([
      bulk(leads, { campaign_id: id }),
      ...leads.slice(20, 50).map(({ phone_number }) => t.api.post('/api/user/lead', { phone_number, campaign_id: id })),
      ...results.slice(0, 10).map((one: { id: number }) => t.api.put(`/api/user/leads/${one.id}`, { variables: { put: true } })),
      ...results.slice(10, 20).map((one: { id: number }) => t.api.delete(`/api/user/leads/${one.id}`)),
      t.api.post('/api/user/blacklist', { phone_numbers: leads.slice(0, 5).map(({ phone_number }) => phone_number) }),
      bulk(leads.toReversed(), { campaign_id: id }),
    ]);
    expect(answers.filter(({ status }) => status >= 500).map(({ raw }) => raw)).toEqual([]);
    const rows = await t.db.selectFrom('leads').select('phone_number').where('campaign_id', '=', id).execute();
    expect(new Set(rows.map((row) => row.phone_number)).size).toBe(rows.length);
    await checkTotals(t.db, [t.mine.account.id]);
  });
});
