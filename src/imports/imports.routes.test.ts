// Imports over HTTP, as a client sends them: whole files, hostile ones too.
import { readdirSync, readFileSync } from 'node:fs';
import { sql } from 'kysely';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Answer, type Api, startApp, type TestApp } from '../../test/support/app.ts';
import { insertAssistant } from '../../test/support/insert-assistant.ts';
import { failInterruptedImports } from './import-runs.store.ts';

const PATH = '/api/user/leads/import';
const MAX_UPLOAD = 3_000_000;

let t: TestApp;
let assistantId: number;

beforeAll(async () => {
  t = await startApp({ maxUploadBytes: MAX_UPLOAD });
  const variables = JSON.stringify({ customerName: '' });
  assistantId = (await insertAssistant(t.db, t.mine.account.id, t.clock(), { timezone: 'Europe/Bucharest', variables })).id;
});

const newCampaign = async (): Promise<number> => {
  const { body } = await t.api.post('/api/user/campaign', { name: 'Renewals', assistant_id: assistantId });
  return body.data.id;
};

type Part = [name: string, value: string | Uint8Array | Blob];

const encode = async (parts: readonly Part[]) => {
  const form = new FormData();
  for (const [name, value] of parts) {
    if (typeof value === 'string') form.append(name, value);
    else form.append(name, value instanceof Blob ? value : new Blob([Buffer.from(value)]), 'contacts.csv');
  }
  const response = new Response(form);
  const type = response.headers.get('content-type') ?? '';
  return { payload: Buffer.from(await response.arrayBuffer()), headers: { 'content-type': type } };
};

const send = async (parts: readonly Part[], path = PATH, api: Api = t.api): Promise<Answer> =>
  api.request({ method: 'POST', url: path, ...(await encode(parts)) });

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Imports a text into a campaign of its own, unless one is given. */
const importText = async (text: string | Uint8Array, fields: Record<string, string> = {}): Promise<Answer> => {
  const campaign = fields.campaign_id ?? String(await newCampaign());
  const file = typeof text === 'string' ? bytes(text) : text;
  return send([['campaign_id', campaign], ...Object.entries(fields).filter(([name]) => name !== 'campaign_id'), ['file', file]]);
};

const leadsOf = async (campaignId: number) =>
  (await t.api.get(`/api/user/leads?campaign_id=${campaignId}&per_page=100`)).body.data.map(
    ({
      phone_number,
      variables,
      secondary_contacts,
      status,
    }: Record<string, unknown> & { secondary_contacts: { phone_number: string }[] }) => ({
      phone_number,
      variables,
      status,
      contacts: secondary_contacts.map((contact) => contact.phone_number),
    }),
  );

const issues = (list: { line: number; kind: string }[]) => list.map(({ line, kind }) => `${line} ${kind}`);

describe('an import', () => {
  test('adds good rows, reports bad ones, and can be read back', async () => {
    const campaign = await newCampaign();
    const { status, body, headers } = await importText(
      'Phone,First name,Phone 2\n+12025550101,Ana,+12025550151\nnone,Ion,\n\n+1 202 555 0101,Ana again,\n12025550102,"Ma\nria",x\n',
      { campaign_id: String(campaign) },
    );
    expect(status).toBe(201);
    expect(Object.keys(body)).toEqual([
      'id',
      'campaign_id',
      'status',
      'counts',
      'dry_run',
      'progress',
      'errors',
      'warnings',
      'created_at',
      'finished_at',
    ]);
    expect(body).toMatchObject({ campaign_id: campaign, status: 'completed' });
    expect(body.counts).toEqual({ rows: 4, imported: 2, duplicates: 1, blacklisted: 0, failed: 1, warnings: 2 });
    expect(issues(body.errors)).toEqual(['3 invalid_phone', '5 duplicate']);
    expect(body.errors[0]).toEqual({ line: 3, kind: 'invalid_phone', column: 'Phone', message: '"none" is not a phone number.' });
    expect(issues(body.warnings)).toEqual(['6 assumed_international', '6 secondary_invalid']);
    expect(body.finished_at).toBe('2026-03-02T08:15:40.000000Z');
    const location = new URL(String(headers.location));
    expect(location.pathname).toBe(`${PATH}/${body.id}`);
    expect((await t.api.get(location.pathname)).body).toEqual(body);
    expect(await leadsOf(campaign)).toEqual([
      { phone_number: '+12025550101', variables: { first_name: 'Ana' }, status: 'created', contacts: ['+12025550151'] },
      { phone_number: '+12025550102', variables: { first_name: 'Ma\nria' }, status: 'created', contacts: [] },
    ]);
  });

  test('again: every row is a duplicate, unless duplicates are allowed', async () => {
    const campaign_id = String(await newCampaign());
    const text = 'phone\n+12025550101\n+12025550102\n';
    await importText(text, { campaign_id });
    expect((await importText(text, { campaign_id })).body.counts).toMatchObject({ rows: 2, imported: 0, duplicates: 2, failed: 0 });
    for (const name of ['allow_dupplicate', 'allow_duplicate']) {
      expect((await importText(text, { campaign_id, [name]: 'true' })).body.counts).toMatchObject({ imported: 2, duplicates: 0 });
    }
    expect((await importText(text, { campaign_id, allow_dupplicate: '0' })).body.counts).toMatchObject({ duplicates: 2 });
  });

  test('two at once add every number once', async () => {
    const campaign_id = String(await newCampaign());
    const text = `phone\n${Array.from({ length: 1200 }, (_, i) => `+12025${String(550_000 + i)}`).join('\n')}\n`;
    const answers = await Promise.all([importText(text, { campaign_id }), importText(text, { campaign_id })]);
    const counts = answers.map(({ body }) => body.counts);
    expect(counts.map(({ rows }) => rows)).toEqual([1200, 1200]);
    expect(counts[0].imported + counts[1].imported).toBe(1200);
    expect(counts[0].duplicates + counts[1].duplicates).toBe(1200);
  });

  test('a blocked number comes in as blacklisted', async () => {
    await t.db
      .insertInto('dnc_numbers')
      .values({ account_id: t.mine.account.id, phone_number: '+12025550177', reason: null, created_at: t.clock() })
      .execute();
    const { body } = await importText('phone\n+12025550177\n+12025550178\n');
    expect(body.counts).toEqual({ rows: 2, imported: 2, duplicates: 0, blacklisted: 1, failed: 0, warnings: 0 });
    expect((await leadsOf(body.campaign_id)).map((lead: { status: string }) => lead.status)).toEqual(['blacklisted', 'created']);
  });

  test('national numbers need a country, in any case', async () => {
    const text = 'Telefon\n0700 000 001\n';
    expect((await importText(text)).body.counts).toMatchObject({ failed: 1 });
    for (const country of ['RO', 'ro']) {
      const { body } = await importText(text, { country });
      expect(await leadsOf(body.campaign_id)).toMatchObject([{ phone_number: '+40700000001' }]);
    }
  });

  test('columns by map: JSON, lines, repeated; fields after the file', async () => {
    const file = bytes('Kontakt;Wer;Weg\n+12025550101;Ana;x\n');
    const maps: Part[][] = [
      [['map', '{"Kontakt":"phone_number","Wer":"name","Weg":null}']],
      [['map', 'Kontakt=phone_number\nWer=name\nWeg=']],
      [
        ['map', 'Kontakt=phone_number'],
        ['map', 'Wer=name'],
        ['map', 'Weg='],
      ],
      [['map', new Blob(['{"Kontakt":"phone_number","Wer":"name","Weg":""}'], { type: 'application/json' })]],
    ];
    for (const map of maps.slice(0, 3)) {
      const campaign = await newCampaign();
      const { status } = await send([['file', file], ['campaign_id', String(campaign)], ...map]);
      expect(status).toBe(201);
      expect(await leadsOf(campaign)).toMatchObject([{ phone_number: '+12025550101', variables: { name: 'Ana' } }]);
    }
  });

  test("a column named like the assistant's variable takes its spelling", async () => {
    const { body } = await importText('phone,Customer Name\n+12025550101,Ana\n');
    expect(await leadsOf(body.campaign_id)).toMatchObject([{ variables: { customerName: 'Ana' } }]);
  });

  test('rows beyond a batch, and reports beyond a thousand', async () => {
    const rows = Array.from({ length: 2600 }, (_, i) => (i % 2 === 0 ? `bad ${i}` : `+1202${String(5_500_000 + i)}`));
    const { body } = await importText(`phone\n${rows.join('\n')}\n`);
    expect(body.counts).toMatchObject({ rows: 2600, imported: 1300, failed: 1300 });
    expect(body.errors).toHaveLength(1000);
    expect(body.errors.at(-1).line).toBe(2000);
    expect((await t.api.get(`${PATH}/${body.id}`)).body).toEqual(body);
  });

  test('a header alone is an import of nothing', async () => {
    expect((await importText('phone,name\r\n')).body).toMatchObject({ status: 'completed', counts: { rows: 0 } });
  });

  test('an unclosed quote keeps the rows before it', async () => {
    const { status, body } = await importText('phone,name\n+12025550101,Ana\n+12025550102,"Ion\n+12025550103,Eva\n');
    expect(status).toBe(201);
    expect(body).toMatchObject({ status: 'failed', counts: { rows: 2, imported: 1, failed: 1 } });
    expect(body.errors).toMatchObject([{ line: 3, kind: 'malformed_csv', column: null }]);
  });

  test.each<[name: string, file: Uint8Array, city: string]>([
    ['Windows-1252', new Uint8Array([...bytes('phone;city\n+12025550101;K'), 0xf6, ...bytes('ln \n')]), 'Köln'],
    ['UTF-8 with a mark', bytes('\uFEFFphone\tcity\r\n+12025550101\tKöln\r\n'), 'Köln'],
    ['UTF-16', new Uint8Array([0xff, 0xfe, ...Buffer.from('phone\tcity\r\n+12025550101\tIași\r\n', 'utf16le')]), 'Iași'],
  ])('%s', async (_name, file, city) => {
    const { body } = await importText(file);
    expect(await leadsOf(body.campaign_id)).toMatchObject([{ variables: { city } }]);
  });

  test('text that no database keeps is a row error, never a failure', async () => {
    const { status, body } = await importText(
      `phone,name\n+12025550101,a\0b\n+1202555\x000102,x\n+12025550103,${'x'.repeat(2001)}\n+12025550104,ok\n'';--,x\n+12025550105,\uFFFF\x01\n`,
    );
    expect(status).toBe(201);
    expect(issues(body.errors)).toEqual(['2 invalid_text', '3 invalid_text', '4 too_long', '6 invalid_phone']);
    expect(body.counts).toMatchObject({ imported: 2, failed: 4 });
  });

  test('a byte that is no UTF-8 in a file that is: that cell is reported, the others are whole', async () => {
    const body = (
      await importText(new Uint8Array([...bytes('phone;city;name\n+12025550101;Iași;Ștefan\n+12025550102;K'), 0xf6, ...bytes('ln;Ana\n')]))
    ).body;
    expect(body.counts).toEqual({ rows: 2, imported: 2, duplicates: 0, blacklisted: 0, failed: 0, warnings: 1 });
    expect(body.warnings).toMatchObject([{ line: 3, kind: 'invalid_encoding', column: 'city' }]);
    expect(await leadsOf(body.campaign_id)).toMatchObject([
      { variables: { city: 'Iași', name: 'Ștefan' } },
      { variables: { city: 'K\uFFFDln', name: 'Ana' } },
    ]);
    expect((await t.api.get(`${PATH}/${body.id}`)).body).toEqual(body);
  });

  test('a first line that names the delimiter is no header', async () => {
    const { body } = await importText('sep=;\r\nphone;name\r\n+12025550101;Ana\r\nx;y\r\n');
    expect(issues(body.errors)).toEqual(['4 invalid_phone']);
    expect(await leadsOf(body.campaign_id)).toMatchObject([{ phone_number: '+12025550101', variables: { name: 'Ana' } }]);
  });

  test('bytes of no meaning are refused or reported', async () => {
    const noise = new Uint8Array(20_000).map((_, i) => (i * 2_654_435_761) >>> 13);
    const answer = await importText(noise);
    expect([201, 422]).toContain(answer.status);
    expect(answer.raw).not.toContain('\0');
  });
});

describe('rules for variables', () => {
  const TEXT = 'phone,name,age\n+12025550101,Ana,41\n+12025550102,,30\n+12025550103,Ion,old\n+12025550104,Eva,\n';

  test('say what a value is, and what may not be empty', async () => {
    const { status, body } = await importText(TEXT, { types: 'age=number', required: 'name' });
    expect(status).toBe(201);
    expect(issues(body.errors)).toEqual(['3 missing_required', '4 bad_type']);
    expect((await leadsOf(body.campaign_id)).map(({ variables }: { variables: object }) => variables)).toEqual([
      { name: 'Ana', age: 41 },
      { name: 'Eva' },
    ]);
    // What is told of the rows is for whoever corrects them.
    const report = await t.api.get(`${PATH}/${body.id}/report`);
    expect(report.raw).toContain('+12025550103,Ion,old,"The cell holds ""old"", which is no number."');
  });

  test('of what the file does not have are refused', async () => {
    const wrongType = await importText(TEXT, { types: 'age=date' });
    expect([wrongType.status, Object.keys(wrongType.body.errors)]).toEqual([422, ['types']]);
    const noColumn = await importText(TEXT, { required: 'city' });
    expect([noColumn.status, Object.keys(noColumn.body.errors)]).toEqual([422, ['required']]);
  });
});

describe('the example', () => {
  test('is imported as people would find it', async () => {
    const file = readFileSync(new URL('../../examples/contacts.csv', import.meta.url));
    const { status, body } = await importText(file, { country: 'RO' });
    expect(status).toBe(201);
    expect(body.counts).toMatchObject({ rows: 49, imported: 40, duplicates: 2, failed: 7, blacklisted: 0 });
    expect(issues(body.errors)).toEqual([
      '23 invalid_phone',
      '24 invalid_phone',
      '25 missing_required',
      '26 duplicate',
      '31 duplicate',
      '38 invalid_phone',
      '39 invalid_phone',
      '42 invalid_phone',
      '55 too_many_cells',
    ]);
    const leads = await leadsOf(body.campaign_id);
    expect(leads[0]).toMatchObject({ phone_number: '+40700000001', variables: { first_name: 'Ana', city: 'București' } });
    expect(leads[5].variables.notes).toBe('Straße gesperrt,\nbitte Hintereingang');
  });
});

const file = (): Part => ['file', bytes('phone\n+12025550101\n')];

describe('refusals', () => {
  const refused = async (parts: readonly Part[]): Promise<Answer> => {
    const before = (await t.api.get('/api/user/leads/imports')).body.total;
    const answer = await send(parts);
    expect((await t.api.get('/api/user/leads/imports')).body.total).toBe(before);
    return answer;
  };

  test('nothing sent', async () => {
    for (const answer of [await refused([]), await t.api.post(PATH)]) {
      expect(answer.status).toBe(422);
      expect(answer.body).toEqual({
        message: 'Validation failed',
        errors: { file: ['The file field is required.'], campaign_id: ['The campaign id field is required.'] },
      });
    }
  });

  test.each<[name: string, parts: Part[], errors: Record<string, unknown>]>([
    [
      'text in place of the file',
      [
        ['campaign_id', '1'],
        ['file', 'phone\n+12025550101'],
      ],
      { file: ['The file field must be a file.'] },
    ],
    [
      'the file under another name',
      [
        ['campaign_id', '1'],
        ['upload', bytes('a')],
      ],
      { file: ['The file field is required.'] },
    ],
    [
      'two files',
      [
        ['file', bytes('a')],
        ['file', bytes('b')],
      ],
      { file: ['The file field must be a single file.'] },
    ],
    [
      'no number for the campaign',
      [
        ['campaign_id', 'x'],
        ['file', bytes('a')],
      ],
      { campaign_id: ['The campaign id field must be an integer.'] },
    ],
    [
      'an empty file',
      [
        ['campaign_id', '1'],
        ['file', new Uint8Array()],
      ],
      { file: ['The file is empty.'] },
    ],
    [
      'country',
      [
        ['campaign_id', '1'],
        ['file', bytes('a')],
        ['country', 'XX'],
      ],
      { country: ['The selected country is invalid.'] },
    ],
    [
      'no such country name',
      [
        ['campaign_id', '1'],
        ['file', bytes('a')],
        ['country', '__proto__'],
      ],
      { country: ['The selected country is invalid.'] },
    ],
    [
      'map',
      [
        ['campaign_id', '1'],
        ['file', bytes('a')],
        ['map', '[1]'],
      ],
      { map: [expect.stringMatching(/must be a JSON object/)] },
    ],
    [
      'duplicates',
      [
        ['campaign_id', '1'],
        ['file', bytes('a')],
        ['allow_dupplicate', 'maybe'],
      ],
      { allow_dupplicate: ['The allow dupplicate field must be true or false.'] },
    ],
    [
      'NUL in a field',
      [
        ['campaign_id', '1\0'],
        ['file', bytes('a')],
      ],
      { campaign_id: [expect.stringMatching(/not allowed/)] },
    ],
  ])('%s', async (_name, parts, errors) => {
    const { status, body } = await refused(parts);
    expect([status, body.errors]).toEqual([422, errors]);
  });

  test.each<[name: string, file: string | Uint8Array, message: RegExp, field?: string, map?: string]>([
    ['only blank rows', '\n\n ,,\n', /^The file has no header row\.$/],
    ['no phone column', 'Name,City\nAna,Iași\n', /Its columns are: "Name", "City"\. Name one of them phone_number/],
    ['too many columns', `phone${',c'.repeat(200)}\n`, /^The file has 201 columns; 200 are allowed\.$/],
    ['a quote in the header that never ends', '"phone\n+12025550101\n', /line 1, and never closed/],
    ['a column name that lost a character', 'phone,nam\uFFFD\n', /^The name of column 2, "nam\uFFFD", holds .*: save the file as UTF-8\.$/],
    ['only a line that names the delimiter', 'sep=;\n', /^The file has no header row\.$/],
    ['a workbook that is cut off', new Uint8Array([0x50, 0x4b, 3, 4, 20, 0]), /^The workbook cannot be read: it is cut off or damaged\.$/],
    ['an old workbook', new Uint8Array([0xd0, 0xcf, 0x11, 0xe0, 1]), /save it as \.xlsx without a password/],
    ['a map to a column that is not there', 'phone\n', /"Tel", which the file does not have/, 'map', '{"Tel":"phone_number"}'],
  ])('%s', async (_name, file, message, field = 'file', map = '') => {
    const { status, body } = await importText(file, map === '' ? {} : { map });
    expect(status).toBe(422);
    expect(body.errors).toEqual({ [field]: [expect.stringMatching(message)] });
  });

  test('an unknown campaign, a foreign one, a deleted one', async () => {
    const foreign = await insertAssistant(t.db, t.other.account.id, t.clock());
    const theirs = (await t.other.post('/api/user/campaign', { name: 'Theirs', assistant_id: foreign.id })).body.data.id;
    const deleted = await newCampaign();
    await t.api.delete(`/api/user/campaigns/${deleted}`);
    for (const campaign of [999_999, theirs, deleted, '9007199254740993']) {
      const answer = await send([
        ['campaign_id', String(campaign)],
        ['file', bytes('phone\n+12025550101\n')],
      ]);
      expect([answer.status, answer.body]).toEqual([404, { message: 'Campaign not found' }]);
    }
  });

  test.each([251, 300, 1000])('%i fields', async (count) => {
    const fields: Part[] = Array.from({ length: count }, (_, i) => [`f${i}`, 'x']);
    for (const parts of [
      [...fields, file()],
      [file(), ...fields],
    ]) {
      const { status, body } = await refused(parts);
      expect([status, body]).toEqual([422, { message: 'The form has too many fields: 250 are allowed beside the file.' }]);
    }
  });

  test('250 fields are taken, unknown ones ignored', async () => {
    const fields: Part[] = Array.from({ length: 249 }, (_, i) => [`f${i}`, 'x']);
    expect((await send([...fields, ['campaign_id', String(await newCampaign())], file()])).status).toBe(201);
  });

  test('a file over the limit is 413, one over a megabyte but below it is not', async () => {
    const campaign = String(await newCampaign());
    const line = `+12025550101,${'x'.repeat(1000)}\n`;
    const fill = (size: number) => bytes(`phone,a\n${line.repeat(Math.floor((size - 8) / line.length))}`);
    expect(
      (
        await send([
          ['campaign_id', campaign],
          ['file', fill(1_500_000)],
        ])
      ).status,
    ).toBe(201);
    for (const size of [MAX_UPLOAD + 2000, MAX_UPLOAD + 2_000_000]) {
      const { status, body } = await refused([
        ['campaign_id', campaign],
        ['file', fill(size)],
      ]);
      expect([status, body]).toEqual([413, { message: 'The request body is too large.' }]);
    }
  });

  test.each([
    ['application/json', '{"campaign_id":1}'],
    ['text/csv', 'phone\n+12025550101\n'],
    ['application/x-www-form-urlencoded', 'campaign_id=1'],
  ])('%s is 415', async (type, payload) => {
    const { status, body } = await t.api.request({ method: 'POST', url: PATH, payload, headers: { 'content-type': type } });
    expect([status, body.message]).toEqual([415, 'Unsupported Media Type. Send the file as multipart/form-data.']);
  });

  test('multipart bodies elsewhere are 415', async () => {
    for (const path of ['/api/user/lead', '/api/user/campaign']) {
      expect(
        (
          await send(
            [
              ['campaign_id', '1'],
              ['file', bytes('phone\n')],
            ],
            path,
          )
        ).status,
      ).toBe(415);
    }
  });

  test.each<[name: string, type: string, payload: string]>([
    ['no boundary', 'multipart/form-data', 'x'],
    [
      'cut off',
      'multipart/form-data; boundary=b',
      '--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\nphone\n+1202',
    ],
    ['no parts', 'multipart/form-data; boundary=b', 'phone\n+12025550101\n'],
    [
      'a field named like a built-in',
      'multipart/form-data; boundary=b',
      '--b\r\nContent-Disposition: form-data; name="__proto__"\r\n\r\nx\r\n--b--\r\n',
    ],
    [
      'another one, behind the file',
      'multipart/form-data; boundary=b',
      '--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\nphone\n\r\n--b\r\nContent-Disposition: form-data; name="constructor"\r\n\r\nx\r\n--b--\r\n',
    ],
    [
      'a file named like a built-in',
      'multipart/form-data; boundary=b',
      '--b\r\nContent-Disposition: form-data; name="__proto__"; filename="a.csv"\r\n\r\nphone\n\r\n--b--\r\n',
    ],
    [
      'JSON that is none',
      'multipart/form-data; boundary=b',
      '--b\r\nContent-Disposition: form-data; name="map"\r\nContent-Type: application/json\r\n\r\n{\r\n--b--\r\n',
    ],
  ])('a broken body, %s, is 400', async (_name, type, payload) => {
    const { status, body } = await t.api.request({ method: 'POST', url: PATH, payload, headers: { 'content-type': type } });
    expect([status, body]).toEqual([400, { message: 'Malformed multipart body' }]);
  });

  test('leaves no file behind', async () => {
    await importText('phone\n+12025550101\n');
    await importText('name\n');
    expect(readdirSync(t.importFolder)).toEqual([]);
  });
});

describe('reading', () => {
  test('imports of others do not exist', async () => {
    const { body } = await importText('phone\n+12025550101\n');
    expect((await t.other.get(`${PATH}/${body.id}`)).status).toBe(404);
    expect((await t.other.get(`${PATH}/${body.id}`)).body).toEqual({ message: 'Import not found' });
    expect((await t.other.get('/api/user/leads/imports')).body).toMatchObject({ total: 0, data: [] });
    for (const id of ['0', 'x', '9223372036854775808', '1%00']) expect((await t.api.get(`${PATH}/${id}`)).status).toBe(404);
  });

  test('the list: newest first, without reports, a page at a time', async () => {
    const first = (await importText('phone\n+12025550101\n')).body;
    const second = (await importText('phone\n12025550101\nx\n')).body;
    const { body } = await t.api.get('/api/user/leads/imports?per_page=2');
    const { errors: _e, warnings: _w, ...summary } = second;
    expect(body.data[0]).toEqual(summary);
    expect(body.data.map(({ id }: { id: number }) => id)).toEqual([second.id, first.id]);
    expect((await t.api.get('/api/user/leads/imports?per_page=101')).status).toBe(422);
    expect((await t.api.get('/api/user/leads/imports?page=9223372036854775807')).body.data).toEqual([]);
  });

  test('imports go with their campaign', async () => {
    const { body } = await importText('phone\n+12025550101\n');
    await t.api.delete(`/api/user/campaigns/${body.campaign_id}`);
    expect((await t.api.get(`${PATH}/${body.id}`)).status).toBe(404);
  });
});

describe('trouble on the way', () => {
  test('a campaign that is deleted meanwhile: stopped, failed, said so', async () => {
    const campaign = await newCampaign();
    const numbers = Array.from({ length: 6000 }, (_, i) => `+1202${String(5_500_000 + i)}`);
    const running = importText(`phone\n${numbers.join('\n')}\n`, { campaign_id: String(campaign) });
    const added = () => t.db.selectFrom('leads').select('id').where('campaign_id', '=', campaign).limit(1).execute();
    while ((await added()).length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    expect((await t.api.delete(`/api/user/campaigns/${campaign}`)).status).toBe(200);
    const { status, body } = await running;
    expect([status, body.status]).toEqual([201, 'failed']);
    expect(body.errors).toMatchObject([{ kind: 'campaign_deleted', line: body.counts.imported + 2 }]);
    expect(body.counts.rows).toBe(body.counts.imported);
    expect(body.counts.rows % 1000).toBe(0);
  });

  test('a failure of the database: the batches before are kept, the import is failed and says where', async () => {
    const campaign = await newCampaign();
    await sql`create function refuse_lead() returns trigger language plpgsql as $$ begin raise exception 'disk full'; end $$`.execute(t.db);
    await sql`create trigger refuse_lead before insert on leads for each row when (new.phone_number = '+12025559999')
      execute function refuse_lead()`.execute(t.db);
    const numbers = Array.from({ length: 1200 }, (_, i) => `+1202${String(5_500_000 + i)}`);
    const { status, body, raw } = await importText(`phone\nbad\n${numbers.join('\n')}\n+12025559999\n`, { campaign_id: String(campaign) });
    await sql`drop trigger refuse_lead on leads`.execute(t.db);
    expect([status, body.status]).toEqual([201, 'failed']);
    expect(issues(body.errors)).toEqual(['1002 interrupted', '2 invalid_phone']);
    expect(body.counts).toMatchObject({ rows: 1000, imported: 999, failed: 1 });
    expect(raw).not.toContain('disk full');
    expect((await t.api.get(`${PATH}/${body.id}`)).body).toEqual(body);
    expect((await t.api.get(`/api/user/leads?campaign_id=${campaign}`)).body.total).toBe(999);
  });

  const leaveRunning = async (heartbeat: Date) => {
    const { body } = await importText('phone\nbad\n');
    await t.db
      .updateTable('imports')
      .set({ status: 'running', finished_at: null, heartbeat_at: heartbeat })
      .where('id', '=', body.id)
      .execute();
    return body;
  };
  const ago = (milliseconds: number) => new Date(t.clock().getTime() - milliseconds);
  const statusOf = async (id: number) => {
    const { data } = (await t.api.get('/api/user/leads/imports')).body;
    return [(await t.api.get(`${PATH}/${id}`)).body.status, data.find((one: { id: number }) => one.id === id).status];
  };

  test('an import without a file is left alone for a moment, and then it is failed: so it reads, and a start makes it so', async () => {
    const young = await leaveRunning(ago(15_000));
    await failInterruptedImports(t.db, t.clock());
    expect(await statusOf(young.id)).toEqual(['running', 'running']);
    expect((await t.api.get(`${PATH}/${young.id}`)).body).toMatchObject({
      finished_at: null,
      errors: [{ line: 2, kind: 'invalid_phone' }],
    });
    const { id, counts } = await leaveRunning(ago(15_001));
    const seen = (await t.api.get(`${PATH}/${id}`)).body;
    expect(await statusOf(id)).toEqual(['failed', 'failed']);
    expect(seen).toMatchObject({ status: 'failed', counts, finished_at: '2026-03-02T08:15:24.999000Z' });
    expect(issues(seen.errors)).toEqual(['0 interrupted', '2 invalid_phone']);
    await failInterruptedImports(t.db, t.clock());
    await failInterruptedImports(t.db, t.clock());
    const row = await t.db.selectFrom('imports').select('status').where('id', '=', id).executeTakeFirstOrThrow();
    expect(row.status).toBe('failed');
    expect((await t.api.get(`${PATH}/${id}`)).body).toEqual(seen);
  });
});

describe('odd headers and a campaign that goes', () => {
  test('a NUL in a header costs nothing: the good rows come in, the bad ones are reported', async () => {
    const { status, body } = await importText(`phone\0,first_name\0\n+12025550101,Mara\nzz,b\n+12025550102,${'x'.repeat(2001)}\n`);
    expect([status, body.status, body.counts.imported, body.counts.failed]).toEqual([201, 'completed', 1, 2]);
    expect(body.errors.map(({ column }: { column: string }) => column)).toEqual(['phone', 'first_name']);
  });

  test('a column name without end is refused', async () => {
    const { status, body } = await importText(`phone${'-'.repeat(300)}\n+12025550101\n`);
    expect([status, body.errors]).toEqual([422, { file: ['The name of column 1 is longer than 255 characters.'] }]);
  });

  test('an import that meets the deletion of its campaign is refused or ends failed, never a failure of ours', async () => {
    for (let round = 0; round < 10; round += 1) {
      const id = String(await newCampaign());
      const answers = await Promise.all([
        ...[1, 2, 3].map(() => importText('phone\n+12025550101\n', { campaign_id: id })),
        t.api.delete(`/api/user/campaign/${id}`),
      ]);
      for (const { status } of answers) expect([200, 201, 404]).toContain(status);
    }
  });
});
