// Workbooks over HTTP: what they become, and what is said of those that cannot be read.
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { describe, expect, test } from 'vitest';
import { type Answer, startApp } from '../../test/support/app.ts';
import { buildCampaign } from '../../test/support/build.ts';
import { buildWorkbook, packParts } from '../../test/support/build-workbook.ts';

const t = await startApp();
const newCampaign = async (): Promise<number> => (await buildCampaign(t.mine)).id;

const importFile = async (file: Uint8Array, fields: Record<string, string | number>): Promise<Answer> => {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, String(value));
  // The name says nothing of what it is.
  form.append('file', new Blob([Buffer.from(file)]), 'contacts.csv');
  const response = new Response(form);
  const headers = { 'content-type': response.headers.get('content-type') ?? '' };
  return t.api.request({ method: 'POST', url: '/api/user/leads/import', payload: Buffer.from(await response.arrayBuffer()), headers });
};

const leadsOf = async (campaignId: number): Promise<Record<string, unknown>[]> =>
  (await t.api.get(`/api/user/leads?campaign_id=${campaignId}&per_page=100&sort=id`)).body.data;

const text = (value: string): string => `<c t="inlineStr"><is><t>${value}</t></is></c>`;
const HEADER = `<row>${text('Phone')}${text('Renewal date')}${text('Phone 2')}</row>`;

describe('a workbook', () => {
  test('adds its good rows and reports its bad ones by their numbers in the sheet', async () => {
    const campaign = await newCampaign();
    const file = await buildWorkbook(
      `${HEADER}<row r="3"><c><v>4.0741123456E10</v></c><c s="1"><v>45352</v></c></row><row r="5"><c t="e"><v>#N/A</v></c></row>
       <row r="9"><c t="s"><v>0</v></c><c/><c t="s"><v>1</v></c></row><row r="12"><c t="s"><v>0</v></c></row>`,
      {
        'xl/sharedStrings.xml': '<sst><si><t>+12025550101</t></si><si><r><t>+1202</t></r><r><t>5550102</t></r></si></sst>',
        'xl/styles.xml': '<styleSheet><cellXfs><xf/><xf numFmtId="14"/></cellXfs></styleSheet>',
      },
    );
    const { status, body } = await importFile(file, { campaign_id: campaign });
    expect([status, body.status]).toEqual([201, 'completed']);
    expect(body.counts).toMatchObject({ rows: 4, imported: 2, duplicates: 1, failed: 1 });
    expect(body.errors).toMatchObject([
      { line: 5, kind: 'invalid_phone', message: expect.stringContaining('#N/A') },
      { line: 12, kind: 'duplicate' },
    ]);
    expect(await leadsOf(campaign)).toMatchObject([
      { phone_number: '+40741123456', variables: { renewal_date: '2024-03-01' } },
      { phone_number: '+12025550101', secondary_contacts: [{ phone_number: '+12025550102' }] },
    ]);
  });

  test('that breaks off keeps what was read', async () => {
    const campaign = await newCampaign();
    const file = await buildWorkbook(`${HEADER}<row>${text('+12025550101')}</row><row r="ZZZZ"/>`);
    const { status, body } = await importFile(file, { campaign_id: campaign });
    expect([status, body.status, body.counts.imported]).toEqual([201, 'failed', 1]);
    expect(body.errors).toMatchObject([{ line: 3, message: expect.stringMatching(/"ZZZZ".*cannot be read from there on/) }]);
  });

  test.each<[name: string, file: () => Promise<Buffer>, message: RegExp]>([
    ['10,000 columns', () => buildWorkbook(`<row>${text('c').repeat(10_000)}</row>`), /^The file has 10000 columns; 200 are allowed\.$/],
    ['no rows', () => buildWorkbook('<row r="1"/><row r="7"><c r="B7" s="1"/></row>'), /^The file has no header row\.$/],
    ['no phone column', () => buildWorkbook(`<row>${text('Name')}</row>`), /Its columns are: "Name"/],
    ['other things in an archive', () => packParts({ 'contacts.csv': 'phone' }), /no Excel workbook/],
    ['a bomb', () => buildWorkbook(`${' '.repeat(40_000_000)}${HEADER}`), /without end|200 times its size/],
    ['a document type', () => buildWorkbook('', { 'xl/worksheets/sheet1.xml': '<!DOCTYPE a><a/>' }), /document type/],
    ['half a file', async () => (await buildWorkbook(HEADER)).subarray(0, 900), /cut off or damaged/],
    ['nothing in it', () => packParts({}), /no Excel workbook/],
  ])('of %s is refused', async (_name, file, message) => {
    const { status, body } = await importFile(await file(), { campaign_id: await newCampaign() });
    expect([status, body.errors]).toEqual([422, { file: [expect.stringMatching(message)] }]);
  });

  test('leaves nothing open or behind, however it ends', async () => {
    const openFiles = (): number => (process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0);
    const strings = { 'xl/sharedStrings.xml': `<sst>${'<si><t>Phone</t></si>'.repeat(1000)}</sst>` };
    const header = '<row><c t="s"><v>0</v></c></row>';
    const rows = [
      header,
      '<row><c t="s"><v>5000</v></c></row>',
      `${header}<row><c t="s"><v>5000</v></c></row>`,
      `<row>${text('Name')}</row>`,
    ];
    const campaign = await newCampaign();
    const files = await Promise.all(rows.map((row) => buildWorkbook(row, strings)));
    await importFile(await buildWorkbook(header, strings), { campaign_id: campaign });
    const before = openFiles();
    for (let n = 0; n < 5; n += 1) for (const file of files) await importFile(file, { campaign_id: campaign });
    expect(openFiles()).toBeLessThan(before + 10);
    // Others may have one for the blink of an eye.
    await expect.poll(() => readdirSync(tmpdir()).filter((name) => name.startsWith('outdial-texts-'))).toEqual([]);
  });
});
