// Lists of leads as files: what is in them, in each form, and that imports take them back.
import { parse } from 'csv-parse/sync';
import { beforeEach, describe, expect, test } from 'vitest';
import { type Caller, startApp, type TestApp } from '../../test/support/app.ts';
import { buildAssistant, buildCampaign, buildLead } from '../../test/support/build.ts';
import { insertCampaign, insertLead, insertManyLeads } from '../../test/support/insert-leads.ts';
import { readWorkbook } from '../../test/support/read-workbook.ts';

const LEAD = ['id', 'campaign_id', 'campaign_name', 'phone_number', 'status', 'call_tries', 'created_at', 'updated_at'];

const t: TestApp = await startApp();
let campaign: number;
beforeEach(async () => {
  campaign = (await buildCampaign(t.mine, { name: 'Spring; "renewals"' })).id;
});

const fetchFile = async (caller: Caller, query: string) => {
  const response = await t.app.inject({ url: `/api/user/leads/export?${query}`, headers: { authorization: `Bearer ${caller.token}` } });
  expect([response.statusCode, response.statusCode === 200 ? '' : response.payload]).toEqual([200, '']);
  return { headers: response.headers, file: response.rawPayload, text: response.payload };
};
const csvRows = (text: string): string[][] => parse(text, { bom: true, record_delimiter: '\r\n' });
const readFile = async (format: string, { file, text }: { file: Buffer; text: string }) =>
  format === 'xlsx' ? readWorkbook(file) : csvRows(text);
const rowsOf = async (format: string, query: string, caller = t.mine) =>
  readFile(format, await fetchFile(caller, `format=${format}&${query}`));
const columnOf = (rows: string[][], name: string): string[] => {
  const at = rows[0]?.indexOf(name) ?? -1;
  if (at < 0) throw new Error(`There is no column ${name} among ${rows[0]}`);
  return rows.slice(1).map((row) => row[at] ?? '');
};
const linesOf = async (query: string, caller = t.mine) =>
  (await fetchFile(caller, `format=ndjson&${query}`)).text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));

describe.each(['csv', 'xlsx'])('%s', (format) => {
  test('has a column for each field, variable and contact', async () => {
    const lead = await buildLead(t.mine, {
      campaign_id: campaign,
      phone_number: '+12025550111',
      variables: { city: 'Łódź', status: 'gold' },
      secondary_contacts: [{ phone_number: '+12025550112', variables: { city: 'Rome', status: 'x' } }, { phone_number: '+12025550113' }],
    });
    await buildLead(t.mine, { campaign_id: campaign, phone_number: '+12025550114', variables: { plan: '007' } });
    const rows = await rowsOf(format, `campaign_id=${campaign}`);
    expect(rows[0]).toEqual([
      ...[...LEAD, 'city', 'var.status', 'plan'],
      ...[
        'secondary_phone_1',
        'secondary_1_status',
        'secondary_1_city',
        'secondary_1_var.status',
        'secondary_phone_2',
        'secondary_2_status',
      ],
    ]);
    expect(rows[1]).toEqual([
      ...[
        String(lead.id),
        String(campaign),
        'Spring; "renewals"',
        '+12025550111',
        'created',
        '0',
        lead.body.created_at,
        lead.body.updated_at,
      ],
      ...['Łódź', 'gold', '', '+12025550112', 'created', 'Rome', 'x', '+12025550113', 'created'],
    ]);
    expect(rows[2]?.slice(8)).toEqual(['', '', '007', '', '', '', '', '', '']);
  });

  test('without leads is a header', async () => {
    expect(await rowsOf(format, `campaign_id=${campaign}`)).toEqual([LEAD]);
  });

  test('keeps any text, and lets no spreadsheet run it', async () => {
    const texts = {
      formula: '=HYPERLINK("http://x.example")',
      negative: '-1',
      quoted: "'=1",
      phone: '+12025550188',
      spaced_phone: '+1 202 555 0188',
      lines: 'one\ntwo, "three"\r\nfour;\tfive',
      code: '0049',
      escape: '_x000D_ &lt; <b> \u0001',
      emoji: '👩‍🚀 日本',
      blanks: ' kept ',
    };
    await buildLead(t.mine, {
      campaign_id: campaign,
      variables: { ...texts, n: 1.5, yes: true, none: null, list: [1, { a: 'b' }], '@name': 'x' },
    });
    const rows = await rowsOf(format, `campaign_id=${campaign}`);
    const found = Object.fromEntries(rows[0]?.map((name, at) => [name, rows[1]?.[at]]) ?? []);
    expect(found).toMatchObject({
      ...texts,
      formula: `'${texts.formula}`,
      negative: "'-1",
      quoted: "''=1",
      spaced_phone: "'+1 202 555 0188",
      n: '1.5',
      yes: 'true',
      none: '',
      list: '[1,{"a":"b"}]',
      "'@name": 'x',
    });
  });

  test('takes columns in any order, with commas or one by one', async () => {
    await buildLead(t.mine, {
      campaign_id: campaign,
      phone_number: '+12025550121',
      variables: { 'a,b': 'comma', city: 'Bern' },
      secondary_contacts: [{ phone_number: '+12025550122' }],
    });
    const list = `campaign_id=${campaign}`;
    expect(await rowsOf(format, `${list}&columns=city, phone_number,city,secondary_phone_1,nothing`)).toEqual([
      ['city', 'phone_number', 'secondary_phone_1', 'nothing'],
      ['Bern', '+12025550121', '+12025550122', ''],
    ]);
    expect(await rowsOf(format, `${list}&columns[]=a,b&columns[]=constructor`)).toEqual([
      ['a,b', 'constructor'],
      ['comma', ''],
    ]);
  });

  test('leaves contacts out where they are not wanted', async () => {
    await buildLead(t.mine, { campaign_id: campaign, secondary_contacts: [{ phone_number: '+12025550132', variables: { x: 1 } }] });
    expect((await rowsOf(format, `campaign_id=${campaign}&secondary=0`))[0]).toEqual(LEAD);
  });

  test('of more columns than an import takes is refused, but not with a choice', async () => {
    const variables = Object.fromEntries(Array.from({ length: 193 }, (_, n) => [`v${n}`, 'x']));
    await insertLead(t.db, t.mine.account.id, campaign, { variables: JSON.stringify(variables) });
    const answer = await t.mine.get(`/api/user/leads/export?format=${format}&campaign_id=${campaign}`);
    expect([answer.status, answer.body.errors.columns[0]]).toEqual([422, expect.stringContaining('more than 200 columns')]);
    expect(columnOf(await rowsOf(format, `campaign_id=${campaign}&columns=v192`), 'v192')).toEqual(['x']);
  });
});

describe('ndjson', () => {
  test('has what the list has, a lead a line', async () => {
    for (const secondary_contacts of [[], [{ phone_number: '+12025550142', variables: { z: 1, a: [null] } }]])
      await buildLead(t.mine, { campaign_id: campaign, variables: { b: 1, a: 'x\ny' }, secondary_contacts });
    const { data } = (await t.mine.get(`/api/user/leads?campaign_id=${campaign}`)).body;
    expect(await linesOf(`campaign_id=${campaign}`)).toEqual(data);
    const bare = data.map((lead: object) => ({ ...lead, secondary_contacts: [] }));
    expect(await linesOf(`campaign_id=${campaign}&secondary=false`)).toEqual(bare);
  });

  test('without leads is empty, and knows no columns', async () => {
    expect(await linesOf(`campaign_id=${campaign}`)).toEqual([]);
    expect((await t.mine.get('/api/user/leads/export?format=ndjson&columns=id')).status).toBe(422);
  });
});

describe('whichever the form', () => {
  test('the file has a name and a type', async () => {
    const types = { csv: 'text/csv; charset=utf-8', xlsx: /^application\/vnd.openxml/, ndjson: 'application/x-ndjson; charset=utf-8' };
    for (const [format, type] of Object.entries(types)) {
      const { headers } = await fetchFile(t.mine, `format=${format}&campaign_id=${campaign}`);
      expect(headers['content-type']).toMatch(type);
      const day = t.clock().toISOString().slice(0, 10);
      expect(headers['content-disposition']).toBe(`attachment; filename="leads-campaign-${campaign}-${day}.${format}"`);
    }
    const { headers, text } = await fetchFile(t.other, '');
    expect(headers['content-disposition']).toMatch(/^attachment; filename="leads-\d{4}-\d\d-\d\d\.csv"$/);
    expect(text).toMatch(/^\ufeffid,campaign_id,.*\r\n/);
  });

  test('a HEAD has the headers alone', async () => {
    const answer = await t.mine.request({ method: 'HEAD', url: `/api/user/leads/export?format=xlsx&campaign_id=${campaign}` });
    expect([answer.status, answer.raw, answer.headers['content-length']]).toEqual([200, '', undefined]);
    expect(answer.headers['content-disposition']).toMatch(/\.xlsx"$/);
    expect((await t.mine.request({ method: 'HEAD', url: '/api/user/leads/export?format=pdf' })).status).toBe(422);
  });

  test('all filters of the list hold', async () => {
    const id = await insertCampaign(t.db, t.mine.account.id);
    await insertManyLeads(t.db, t.mine.account.id, id, 3500);
    for (const filter of [
      '',
      '&status=completed',
      '&phone_number=%2B120200001',
      '&phone_number=77&status=created',
      '&date_to=1999-01-01',
    ]) {
      const page = (await t.mine.get(`/api/user/leads?campaign_id=${id}${filter}&per_page=100`)).body;
      const ids = columnOf(await rowsOf('csv', `campaign_id=${id}${filter}`), 'id').map(Number);
      expect(ids).toHaveLength(page.total);
      expect(ids.slice(0, 100)).toEqual(page.data.map((lead: { id: number }) => lead.id));
      expect(ids).toEqual([...ids].sort((a, b) => a - b));
      expect(await linesOf(`campaign_id=${id}${filter}`)).toHaveLength(page.total);
    }
    const day = t.clock().toISOString().slice(0, 10);
    const dated = (await t.mine.get(`/api/user/leads?campaign_id=${id}&date_from=${day}&date_to=${day}`)).body.total;
    expect(dated).toBeGreaterThan(0);
    expect(columnOf(await rowsOf('xlsx', `campaign_id=${id}&date_from=${day}&date_to=${day}`), 'id')).toHaveLength(dated);
  });

  test.each(['format=pdf', 'status=nonsense', 'date_from=yesterday', 'secondary=maybe', 'columns=,', 'columns[x][y]=1'])(
    '%s is refused',
    async (query) => {
      const answer = await t.mine.get(`/api/user/leads/export?${query}`);
      expect([answer.status, Object.keys(answer.body.errors)]).toEqual([422, [query.split(/[=[]/)[0]]]);
    },
  );

  test('nobody sees another account’s leads, nor those of a deleted campaign', async () => {
    const { id } = await buildLead(t.mine, { campaign_id: campaign });
    for (const query of ['', `campaign_id=${campaign}`]) expect(await rowsOf('csv', query, t.other)).toEqual([LEAD]);
    expect(await linesOf('', t.other)).toEqual([]);
    expect((await linesOf('')).map((lead) => lead.id)).toContain(id);
    await t.mine.delete(`/api/user/campaign/${campaign}`);
    expect((await linesOf('')).map((lead) => lead.id)).not.toContain(id);
    expect(await rowsOf('xlsx', `campaign_id=${campaign}`)).toEqual([LEAD]);
  });

  test('leads of many bytes come one batch after the other, none lost', async () => {
    const big = JSON.stringify({ note: 'x'.repeat(900_000) });
    const ids: number[] = [];
    for (let n = 0; n < 12; n += 1) ids.push(await insertLead(t.db, t.mine.account.id, campaign, { variables: n % 3 === 0 ? '{}' : big }));
    expect((await linesOf(`campaign_id=${campaign}`)).map((lead) => lead.id)).toEqual(ids);
    // A sheet's cell ends earlier, and shows it.
    const notes = columnOf(await rowsOf('xlsx', `campaign_id=${campaign}`), 'note');
    expect([notes[1]?.length, notes[1]?.at(-1)]).toEqual([32_767, '…']);
  });
});

describe('an exported file goes in again', () => {
  const importFile = async (caller: Caller, campaignId: number, file: Buffer) => {
    const head = (name: string, more = '') => `--x\r\ncontent-disposition: form-data; name="${name}"${more}\r\n\r\n`;
    const payload = Buffer.concat([
      Buffer.from(`${head('campaign_id')}${campaignId}\r\n${head('allow_dupplicate')}1\r\n${head('file', '; filename="leads.csv"')}`),
      file,
      Buffer.from('\r\n--x--\r\n'),
    ]);
    return caller.request({
      method: 'POST',
      url: '/api/user/leads/import',
      payload,
      headers: { 'content-type': 'multipart/form-data; boundary=x' },
    });
  };

  test.each(['csv', 'xlsx'])('as %s and comes out as it was, but for what a lead has of its own', async (format) => {
    const names = { 'First Name': 'Zoë', mobile: 'no number', 'var.x': 'y', secondary_phone_1: 'z', '=cmd': '@x', 'a;b': '1;2' };
    const texts = {
      formula: '=1+1',
      minus: '-',
      apostrophe: "'tis",
      guarded: "''=2",
      number: '+12025550199',
      code: '000',
      lines: 'a\n"b",\tc',
    };
    await buildLead(t.mine, {
      campaign_id: campaign,
      phone_number: '+12025550151',
      variables: { ...names, ...texts, status: 'gold', n: -1, yes: false, list: ['ä'] },
      secondary_contacts: [
        { phone_number: '+12025550152', variables: { 'Relation To': "'+", status: 's' } },
        { phone_number: '+12025550153' },
        { phone_number: '+12025550154', variables: { code: '01' } },
      ],
    });
    await buildLead(t.mine, { campaign_id: campaign, phone_number: '+12025550155' });
    await buildLead(t.mine, { campaign_id: campaign, phone_number: '+12025550155', variables: { late: '👍' }, allow_dupplicate: true });
    const exported = await fetchFile(t.mine, `format=${format}&campaign_id=${campaign}`);
    const target = (await buildCampaign(t.other, { assistant_id: (await buildAssistant(t.other)).id })).id;
    const result = await importFile(t.other, target, exported.file);
    expect([result.status, result.body.counts]).toMatchObject([201, { rows: 3, imported: 3, failed: 0 }]);
    const own = ['id', 'campaign_id', 'campaign_name', 'created_at', 'updated_at'];
    const bare = (rows: string[][]) => {
      const kept = rows[0]?.map((name) => !own.includes(name)) ?? [];
      return rows.map((row) => row.filter((_, at) => kept[at]));
    };
    const again = await rowsOf('csv', `campaign_id=${target}`, t.other);
    expect(bare(again)).toEqual(bare(await readFile(format, exported)));
    const [lead] = await linesOf(`campaign_id=${target}`, t.other);
    expect(lead.variables).toEqual({ ...names, ...texts, status: 'gold', n: '-1', yes: 'false', list: '["ä"]' });
    expect(lead.secondary_contacts.map((contact: { variables: object }) => contact.variables)).toEqual([
      { 'Relation To': "'+", status: 's' },
      {},
      { code: '01' },
    ]);
  });
});
