import { buffer } from 'node:stream/consumers';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { asFile, buildWorkbook, packParts, relation, relations, workbookParts } from '../../test/support/build-workbook.ts';
import { writeXlsx } from '../exports/xlsx.writer.ts';
import { type CsvRow, MalformedCsvError } from './import.ts';
import { readWorkbookBatches } from './xlsx.reader.ts';

interface Outcome {
  rows: CsvRow[];
  failure: string | undefined;
  line: number | undefined;
}

const read = async (bytes: Uint8Array): Promise<Outcome> => {
  const rows: CsvRow[] = [];
  try {
    for await (const batch of readWorkbookBatches(asFile(bytes))) {
      expect(batch.length).toBeGreaterThan(0);
      rows.push(...batch);
    }
  } catch (error) {
    if (!(error instanceof MalformedCsvError)) throw error;
    return { rows, failure: error.message, line: error.line };
  }
  return { rows, failure: undefined, line: undefined };
};

const cellsOf = async (rows: string, extra: Record<string, string> = {}): Promise<string[][]> => {
  const { rows: found, failure } = await read(await buildWorkbook(rows, extra));
  expect(failure).toBeUndefined();
  return found.map(({ cells }) => cells);
};

const text = (at: string, value: string): string => `<c r="${at}" t="inlineStr"><is><t>${value}</t></is></c>`;
const HEADER = `<row r="1">${text('A1', 'phone')}${text('B1', 'name')}</row>`;
const ROW = `<row r="2">${text('A2', '+12025550101')}${text('B2', 'Ana')}</row>`;

describe('rows', () => {
  test('have the numbers that they have in the sheet; empty ones are left out', async () => {
    const workbook = await buildWorkbook(`<row r="3">${text('A3', ' phone ')}</row><row r="4"/><row r="5">${text('B5', ' ')}</row>
      <row><c><v>7</v></c><c/><c t="str"><v>x</v></c></row><row r="1048576">${text('C1048576', 'last')}</row>`);
    expect((await read(workbook)).rows).toEqual([
      { line: 3, cells: ['phone'] },
      { line: 6, cells: ['7', '', 'x'] },
      { line: 1_048_576, cells: ['', '', 'last'] },
    ]);
  });

  test('may lack the places of their cells, or name them in any order', async () => {
    expect(await cellsOf(`<row>${text('C1', 'c')}${text('A1', 'a')}<c><v>2</v></c></row>`)).toEqual([['a', '2', 'c']]);
  });

  test('come from a workbook whose elements have prefixes, and that is not packed', async () => {
    const sheet = '<x:worksheet xmlns:x="m"><x:sheetData><x:row r="1"><x:c r="A1"><x:v>1</x:v></x:c></x:row></x:sheetData></x:worksheet>';
    const parts = workbookParts('', { 'xl/worksheets/sheet1.xml': sheet });
    expect((await read(await packParts(parts, false))).rows).toEqual([{ line: 1, cells: ['1'] }]);
  });

  test('come from a part in UTF-16', async () => {
    const sheet = `\uFEFF<?xml version="1.0" encoding="UTF-16"?><worksheet><sheetData><row>${text('A1', 'ș😀')}</row></sheetData></worksheet>`;
    const parts = workbookParts('', { 'xl/worksheets/sheet1.xml': Buffer.from(sheet, 'utf16le') });
    expect((await read(await packParts(parts))).rows).toEqual([{ line: 1, cells: ['ș😀'] }]);
  });
});

describe('cells', () => {
  const STRINGS =
    '<sst><si><t>plain</t></si><si><r><t>ri</t></r><r><rPr><b/></rPr><t xml:space="preserve">ch </t></r><rPh sb="0" eb="1"><t>no</t></rPh>' +
    '<phoneticPr/></si><si/><si><t>_x000D_\n&amp;&#233;<![CDATA[<x>]]></t></si></sst>';

  test.each<[name: string, cell: string, expected: string]>([
    ['a shared text', '<c t="s"><v>0</v></c>', 'plain'],
    ['rich text without how it is said', '<c t="s"><v>1</v></c>', 'rich'],
    ['an empty shared text', '<c t="s"><v>2</v></c>', ''],
    ['escapes, entities and sections', '<c t="s"><v>3</v></c>', '&é<x>'],
    ['no shared text', '<c t="s"/>', ''],
    ['rich text in the cell', '<c t="inlineStr"><is><r><t>a</t></r><r><t>b</t></r><rPh><t>no</t></rPh></is></c>', 'ab'],
    ['a formula that gives text', '<c t="str"><f>A1&amp;"x"</f><v>cached</v></c>', 'cached'],
    ['a formula that gives a number', '<c><f>1+1</f><v>2</v></c>', '2'],
    ['a formula that was never computed', '<c><f>1+1</f></c>', ''],
    ['a phone number as a number', '<c><v>4.0741123456E10</v></c>', '40741123456'],
    ['true', '<c t="b"><v>1</v></c>', 'TRUE'],
    ['false', '<c t="b"><v>0</v></c>', 'FALSE'],
    ['an error', '<c t="e"><v>#N/A</v></c>', '#N/A'],
    ['a date of its own kind', '<c t="d"><v>2026-03-01T00:00:00</v></c>', '2026-03-01'],
    ['a number in the style of a date', '<c s="1"><v>45352</v></c>', '2024-03-01'],
    ['a number in a style of our own', '<c s="2"><v>45352.5</v></c>', '2024-03-01 12:00:00'],
    ['a number in a style that is not there', '<c s="99"><v>45352</v></c>', '45352'],
    ['what an extension says', '<c><v>1</v><extLst><ext><v>9</v></ext></extLst></c>', '1'],
  ])('%s', async (_name, cell, expected) => {
    const styles =
      '<styleSheet><numFmts><numFmt numFmtId="164" formatCode="dd/mm/yyyy hh:mm"/></numFmts><cellStyleXfs><xf numFmtId="14"/></cellStyleXfs>' +
      '<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/></cellXfs></styleSheet>';
    const [cells] = await cellsOf(`<row>${cell}<c><v>1</v></c></row>`, { 'xl/sharedStrings.xml': STRINGS, 'xl/styles.xml': styles });
    expect(cells?.[0]).toBe(expected);
  });

  test('hold any of very many shared texts', async () => {
    const count = 40_000;
    // More than is kept in memory.
    const name = (n: number): string => `${n} ${'long '.repeat(n % 400)}end`;
    const strings = Array.from({ length: count }, (_, n) => `<si><t>${name(n)}</t></si>`).join('');
    const asked = Array.from({ length: 3000 }, (_, n) => (n * 7919) % count);
    const rows = asked.map((n) => `<row><c t="s"><v>${n}</v></c></row>`).join('');
    expect(await cellsOf(rows, { 'xl/sharedStrings.xml': `<sst>${strings}</sst>` })).toEqual(asked.map((n) => [name(n)]));
  });
});

describe('the sheet', () => {
  const sheet = (value: string): string => `<worksheet><sheetData><row><c t="str"><v>${value}</v></c></row></sheetData></worksheet>`;
  const names = (...sheets: string[]): string => `<workbook xmlns:r="x"><sheets>${sheets.join('')}</sheets></workbook>`;
  const PARTS = {
    'xl/worksheets/sheet1.xml': sheet('one'),
    'xl/worksheets/sheet2.xml': sheet('two'),
    'xl/_rels/workbook.xml.rels': relations(
      relation('a', 'worksheet', '/xl/worksheets/sheet1.xml'),
      relation('b', 'worksheet', '../xl/./Worksheets/Sheet2.xml'),
      relation('c', 'chartsheet', 'chartsheets/sheet1.xml'),
    ),
  };

  test.each<[name: string, sheets: string[], expected: string]>([
    ['is the first in order, whatever its file is called', ['<sheet r:id="b"/>', '<sheet r:id="a"/>'], 'two'],
    ['is none that is hidden', ['<sheet r:id="b" state="hidden"/>', '<sheet r:id="a"/>'], 'one'],
    ['is the first where all are hidden', ['<sheet r:id="b" state="veryHidden"/>', '<sheet r:id="a" state="hidden"/>'], 'two'],
    ['is no chart', ['<sheet r:id="c"/>', '<sheet r:id="a"/>'], 'one'],
  ])('%s', async (_name, sheets, expected) => {
    expect(await cellsOf('', { ...PARTS, 'xl/workbook.xml': names(...sheets) })).toEqual([[expected]]);
  });

  test('may count its days from 1904', async () => {
    const workbook = '<workbook xmlns:r="x"><workbookPr date1904="1"/><sheets><sheet r:id="rId1"/></sheets></workbook>';
    const styles = '<styleSheet><cellXfs><xf numFmtId="14"/></cellXfs></styleSheet>';
    expect(await cellsOf('<row><c s="0"><v>43890</v></c></row>', { 'xl/workbook.xml': workbook, 'xl/styles.xml': styles })).toEqual([
      ['2024-03-01'],
    ]);
  });
});

test('what an export writes is read', async () => {
  const cells = [
    ["'=1+1", 'a\nb', ''],
    ['', '_x0041_', '😀'],
    ['\u0001', '<&>', "it's"],
  ];
  const batches = async function* () {
    yield cells;
  };
  const file = await buffer(writeXlsx(['a', 'b', 'c'], batches(), { numeric: [], at: new Date('2026-03-01T10:00:00Z') }));
  expect((await read(file)).rows.map((row) => row.cells)).toEqual([['a', 'b', 'c'], ["'=1+1", 'a\nb'], ['', '_x0041_', '😀'], cells[2]]);
});

test('any cells that are written are read, but for blanks around them and line ends', async () => {
  const cell = fc.oneof(fc.string({ unit: 'binary', maxLength: 12 }), fc.constantFrom('', '_x0041_', '\r\n', 'a\r', '<&>"', ']]>'));
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(cell, cell, cell, cell), { minLength: 1, maxLength: 8 }), async (rows) => {
      const batches = async function* () {
        yield rows.slice(1);
      };
      const file = await buffer(writeXlsx(rows[0] ?? [], batches(), { numeric: [], at: new Date('2026-03-01T10:00:00Z') }));
      const expected = rows.map((cells, at) => {
        const texts = cells.map((one) => one.toWellFormed().replace(/\r\n?/g, '\n').trim());
        return { line: at + 1, cells: texts.slice(0, texts.findLastIndex((one) => one !== '') + 1) };
      });
      expect(await read(file)).toEqual({ rows: expected.filter(({ cells }) => cells.length > 0), failure: undefined, line: undefined });
    }),
    { numRuns: 200 },
  );
});

describe('what is no workbook', () => {
  test.each<[name: string, parts: Record<string, string>, message: RegExp]>([
    [
      '.xlsb',
      { 'xl/workbook.bin': 'x', '_rels/.rels': relations(relation('a', 'officeDocument', 'xl/workbook.bin')) },
      /\(\.xlsb\).*save it as \.xlsx or as CSV/,
    ],
    ['.ods', { mimetype: 'x', 'content.xml': '<x/>' }, /\(\.ods\).*save it as \.xlsx/],
    [
      '.docx',
      { 'word/document.xml': '<x/>', '_rels/.rels': relations(relation('a', 'officeDocument', 'word/document.xml')) },
      /a text document/,
    ],
    ['any archive', { 'contacts.csv': 'phone' }, /no Excel workbook: unpack it/],
    ['an empty archive', {}, /no Excel workbook/],
  ])('%s', async (_name, parts, message) => {
    expect(await read(await packParts(parts))).toEqual({ rows: [], failure: expect.stringMatching(message), line: 1 });
  });

  test.each<[name: string, extra: Record<string, string>, message: RegExp]>([
    ['no sheets', { 'xl/workbook.xml': '<workbook/>' }, /has no sheet of cells/],
    ['a sheet without relation', { 'xl/_rels/workbook.xml.rels': relations() }, /has no sheet of cells/],
    [
      'a sheet that is missing',
      { 'xl/_rels/workbook.xml.rels': relations(relation('rId1', 'worksheet', 'gone.xml')) },
      /first sheet is missing/,
    ],
    [
      'a sheet elsewhere',
      { 'xl/_rels/workbook.xml.rels': relations(relation('rId1', 'worksheet', '../../../../etc/passwd')) },
      /first sheet is missing/,
    ],
  ])('%s', async (_name, extra, message) => {
    expect(await read(await buildWorkbook(HEADER, extra))).toEqual({ rows: [], failure: expect.stringMatching(message), line: 1 });
  });
});

describe('a hostile sheet', () => {
  const MANY = '<a>'.repeat(100);
  test.each<[name: string, rows: string, message: RegExp]>([
    ['a cell that no sheet has', `<row r="3">${text('ZZZZ99999999', 'x')}</row>`, /Row 3 of the sheet has a cell "ZZZZ99999999"/],
    ['a row that no sheet has', '<row r="1048577"/>', /a row "1048577", which no sheet can have/],
    ['a row that is no number', '<row r="-3"/>', /a row "-3"/],
    ['rows that go back', '<row r="2"/>', /row 2 behind row 2/],
    ['a cell twice', `<row r="3">${text('A3', 'x')}${text('A3', 'y')}</row>`, /two cells in one place/],
    ['too many cells', `<row r="3">${'<c/>'.repeat(16_385)}</row>`, /which no sheet can have/],
    ['a text that is not there', '<row r="3"><c t="s"><v>0</v></c></row>', /refers to text "0"/],
    ['a text by a negative number', '<row r="3"><c t="s"><v>-1</v></c></row>', /refers to text "-1"/],
    ['an endless text', `<row r="3">${text('A3', 'x'.repeat(600_000))}</row>`, /text or a tag without end/],
    ['a text that is too long', `<row r="3">${text('A3', 'x'.repeat(100_001))}</row>`, /text of more than 100000 characters/],
    ['a long text in pieces', `<row r="3"><c><v>${'x<!---->'.repeat(100_001)}</v></c></row>`, /text of more than 100000 characters/],
    ['an endless tag', `<row r="3" ${Array.from({ length: 60_000 }, (_, n) => `a${n}="x"`).join(' ')}/>`, /text or a tag without end/],
    ['an endless name', `<${'x'.repeat(600_000)}/>`, /text or a tag without end/],
    ['an endless comment', `<!--${'x'.repeat(600_000)}-->`, /text or a tag without end/],
    ['blanks without end', ' '.repeat(600_000), /text or a tag without end/],
    ['elements without end', MANY, /nested too deeply/],
    ['an entity', '<row r="3"><c><v>&lol;</v></c></row>', /not well-formed XML/],
    ['no XML', '<row r="3"><', /not well-formed XML/],
    [
      'a row of large cells',
      `<row r="3">${text('A3', 'x'.repeat(99_000))
        .replace(/ r="A3"/, '')
        .repeat(21)}</row>`,
      /Row 3 of the sheet is too large/,
    ],
  ])('%s', async (_name, rows, message) => {
    const outcome = await read(await buildWorkbook(HEADER + ROW + rows));
    expect(outcome.failure).toMatch(message);
    expect([outcome.rows.length, outcome.line]).toEqual([2, 3]);
  });

  test.each<[name: string, part: string]>([
    ['sheet', 'xl/worksheets/sheet1.xml'],
    ['shared texts', 'xl/sharedStrings.xml'],
    ['workbook', 'xl/workbook.xml'],
    ['relations', 'xl/_rels/workbook.xml.rels'],
    ['styles', 'xl/styles.xml'],
  ])('a document type in the %s', async (_name, part) => {
    const lol = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c SYSTEM "file:///etc/passwd">]><x>&b;&c;</x>';
    const { failure } = await read(
      await buildWorkbook(HEADER, { 'xl/sharedStrings.xml': '<sst/>', ...workbookRelations(part), [part]: lol }),
    );
    expect(failure).toMatch(/has a document type/);
  });

  // Where the relations themselves are what is replaced, nothing of the sort is added.
  const workbookRelations = (part: string): Record<string, string> =>
    part.endsWith('.rels')
      ? {}
      : {
          'xl/_rels/workbook.xml.rels': relations(
            relation('rId1', 'worksheet', 'worksheets/sheet1.xml'),
            relation('rId2', 'styles', 'styles.xml'),
            relation('rId3', 'sharedStrings', 'sharedStrings.xml'),
          ),
        };

  test('ten thousand columns are counted, and only in the header', async () => {
    const wide = (row: number): string =>
      `<row r="${row}">${Array.from({ length: 10_000 }, () => '<c t="str"><v>c</v></c>').join('')}</row>`;
    const header = await read(await buildWorkbook(wide(1)));
    expect(header.rows.map(({ cells }) => cells.length)).toEqual([10_000]);
    const later = await read(await buildWorkbook(`${HEADER}${wide(2)}<row r="3">${text('XFD3', 'far')}</row>`));
    expect(later.rows.map(({ cells }) => cells.length)).toEqual([2, 201, 201]);
    expect(later.rows[2]?.cells[200]).toBe('far');
  });

  test('shared texts are as many as there are, not as many as they claim', async () => {
    const strings = '<sst count="1000000000" uniqueCount="1000000000"><si><t>a</t></si></sst>';
    expect(await cellsOf('<row><c t="s"><v>0</v></c></row>', { 'xl/sharedStrings.xml': strings })).toEqual([['a']]);
    const runs = `<sst><si>${'<r><t>0123456789</t></r>'.repeat(10_001)}</si></sst>`;
    expect((await read(await buildWorkbook(HEADER, { 'xl/sharedStrings.xml': runs }))).failure).toMatch(/more than 100000 characters/);
  });
});
