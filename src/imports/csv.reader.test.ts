import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { detectDelimiter, detectFileKind, type Encoding, readRowBatches } from './csv.reader.ts';
import { type CsvRow, MalformedCsvError } from './import.ts';
import { endTally, NO_BYTES, tallyUtf8 } from './utf8-tally.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

const inChunks = async function* (data: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < data.length; at += size) yield data.subarray(at, at + size);
};

const collect = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
};

const readRows = async function* (chunks: AsyncIterable<Uint8Array>, encoding: Encoding): AsyncGenerator<CsvRow> {
  for await (const rows of readRowBatches(chunks, encoding)) yield* rows;
};

const read = async (data: Uint8Array, size = 7, encoding: Encoding = 'utf-8'): Promise<CsvRow[]> =>
  collect(readRows(inChunks(data, size), encoding));

const rowsOf = async (text: string) => (await read(bytes(text))).map(({ line, cells }) => [line, ...cells]);

describe('rows', () => {
  test.each<[name: string, text: string, rows: unknown[][]]>([
    [
      'commas',
      'a,b\n1,2\n',
      [
        [1, 'a', 'b'],
        [2, '1', '2'],
      ],
    ],
    [
      'no line end at the end',
      'a,b\n1,2',
      [
        [1, 'a', 'b'],
        [2, '1', '2'],
      ],
    ],
    [
      'semicolons',
      'a;b\n1,5;2\n',
      [
        [1, 'a', 'b'],
        [2, '1,5', '2'],
      ],
    ],
    [
      'tabs, empty cells kept',
      'a\tb\tc\n\t\t3\n',
      [
        [1, 'a', 'b', 'c'],
        [2, '', '', '3'],
      ],
    ],
    [
      'a delimiter in a quoted header',
      '"a,b,c";d\n1;2\n',
      [
        [1, 'a,b,c', 'd'],
        [2, '1', '2'],
      ],
    ],
    [
      'CRLF, also inside quotes',
      'a,b\r\n"x\r\ny",2\r\n3,4\r\n',
      [
        [1, 'a', 'b'],
        [2, 'x\ny', '2'],
        [4, '3', '4'],
      ],
    ],
    [
      'CR alone',
      'a,b\r1,2\r3,4',
      [
        [1, 'a', 'b'],
        [2, '1', '2'],
        [3, '3', '4'],
      ],
    ],
    [
      'mixed line ends',
      'a\r\n1\n2\r3\r\n',
      [
        [1, 'a'],
        [2, '1'],
        [3, '2'],
        [4, '3'],
      ],
    ],
    [
      'empty rows are left out and counted as lines',
      '\n\na,b\n\n,\n  , \n1,2\n',
      [
        [3, 'a', 'b'],
        [7, '1', '2'],
      ],
    ],
    [
      'doubled quotes',
      'a\n"say ""hi"""\n',
      [
        [1, 'a'],
        [2, 'say "hi"'],
      ],
    ],
    [
      'a blank before a quote',
      'a,b\n1, "x, y"\n',
      [
        [1, 'a', 'b'],
        [2, '1', 'x, y'],
      ],
    ],
    [
      'a quote inside a cell',
      'a,b\n5" pipe,2\n',
      [
        [1, 'a', 'b'],
        [2, '5" pipe', '2'],
      ],
    ],
    [
      'text after a closing quote',
      'a,b\n"Ion" P,2\n3,4\n',
      [
        [1, 'a', 'b'],
        [2, '"Ion" P', '2'],
        [3, '3', '4'],
      ],
    ],
    [
      'ragged rows',
      'a,b\n1\n1,2,3\n',
      [
        [1, 'a', 'b'],
        [2, '1'],
        [3, '1', '2', '3'],
      ],
    ],
    [
      'cells are trimmed',
      'a,b\n  x  ,"  y  "\n',
      [
        [1, 'a', 'b'],
        [2, 'x', 'y'],
      ],
    ],
    [
      'byte order mark before a quoted header',
      '\uFEFF"a","b"\n1,2\n',
      [
        [1, 'a', 'b'],
        [2, '1', '2'],
      ],
    ],
    [
      'NUL stays for the rules to refuse',
      'a\nx\0y\n',
      [
        [1, 'a'],
        [2, 'x\0y'],
      ],
    ],
    [
      "Excel's first line names the delimiter",
      'sep=;\nname,first;b\n1;2\n',
      [
        [2, 'name,first', 'b'],
        [3, '1', '2'],
      ],
    ],
    [
      'a mark before it, CRLF, another delimiter',
      '\uFEFFSEP=|\r\na|b\r\n"x\r\ny"|2\r\n3|4\r\n',
      [
        [2, 'a', 'b'],
        [3, 'x\ny', '2'],
        [5, '3', '4'],
      ],
    ],
    ['it may be a tab, and stand in quotes', '"sep=\t"\n\na\tb,c\n', [[3, 'a', 'b,c']]],
    [
      'a header that only begins like it',
      'sep=x;sep=\n1;2\n',
      [
        [1, 'sep=x', 'sep='],
        [2, '1', '2'],
      ],
    ],
    ['nothing behind it', 'sep=;\n', []],
    ['nothing behind it, not even a line end', 'sep=;', []],
    ['only blank', '\n \n,,\n', []],
    ['nothing', '', []],
  ])('%s', async (_name, text, expected) => {
    expect(await rowsOf(text)).toEqual(expected);
  });

  test('an unclosed quote keeps the rows before it and names its line', async () => {
    const rows: CsvRow[] = [];
    const failure = (async () => {
      for await (const row of readRows(inChunks(bytes('a,b\n1,2\n3,4\n"x,5\n6,7\n'), 1000), 'utf-8')) rows.push(row);
    })();
    await expect(failure).rejects.toThrow(MalformedCsvError);
    await expect(failure).rejects.toMatchObject({ line: 4 });
    expect(rows.map(({ cells }) => cells[0])).toEqual(['a', '1', '3']);
  });

  test('a quote without end in a large file is refused before the file is in memory', async () => {
    let sent = 0;
    const endless = async function* () {
      yield bytes('a\n1\n"');
      for (; sent < 1000; sent += 1) yield new Uint8Array(64_000).fill(0x41);
    };
    await expect(collect(readRows(endless(), 'utf-8'))).rejects.toMatchObject({ line: 3 });
    expect(sent).toBeLessThan(40);
  });

  test('a header without end is refused as well', async () => {
    const endless = async function* () {
      for (let i = 0; i < 100; i += 1) yield new Uint8Array(64_000).fill(0x41);
    };
    await expect(collect(readRows(endless(), 'utf-8'))).rejects.toThrow(MalformedCsvError);
  });

  test.each([
    ['letters', 'a'],
    ['delimiters', ','],
    ['blanks', ' '],
    ['quotes', '"'],
  ])('a line of two gigabytes of %s is refused after the rows before it, and hardly read', async (_name, character) => {
    const block = new Uint8Array(65_536).fill(character.charCodeAt(0));
    let sent = 0;
    const line = async function* () {
      yield bytes('a,b\n1,2\n');
      for (; sent < 32_768; sent += 1) yield block;
    };
    const rows: CsvRow[] = [];
    const failure = (async () => {
      for await (const row of readRows(line(), 'utf-8')) rows.push(row);
    })();
    await expect(failure).rejects.toThrow(MalformedCsvError);
    await expect(failure).rejects.toMatchObject({ line: 3 });
    expect(rows.map(({ cells }) => cells[0])).toEqual(['a', '1']);
    expect(sent).toBeLessThan(80);
  });

  test('a header that comes in small pieces is looked through once', async () => {
    const pieces = async function* () {
      for (let sent = 0; sent < 2_100_000; sent += 512) yield new Uint8Array(512).fill(0x41);
    };
    await expect(collect(readRows(pieces(), 'utf-8'))).rejects.toThrow(MalformedCsvError);
  }, 5_000);

  test('arbitrary cells come back, whatever the delimiter, line end and chunk size', async () => {
    const cell = fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => text.replace(/\r\n?/g, '\n').trim());
    const awkward = fc.constantFrom('', '"', '""', 'a"b', ',', ';', '\t', 'x\ny', '"x"', 'é,ș', '+40 700', '😀');
    const table = fc
      .integer({ min: 1, max: 5 })
      .chain((width) => fc.array(fc.array(fc.oneof(cell, awkward), { minLength: width, maxLength: width }), { maxLength: 8 }));
    const clean = (text: string) => text.trim();
    await fc.assert(
      fc.asyncProperty(
        table,
        fc.constantFrom(',', ';', '\t'),
        fc.constantFrom('\n', '\r\n', '\r'),
        fc.integer({ min: 1, max: 40 }),
        async (rows, delimiter, lineEnd, size) => {
          const width = rows[0]?.length ?? 1;
          const header = Array.from({ length: width }, (_, i) => `h${i}`);
          const quote = (text: string) => `"${text.replaceAll('"', '""').replaceAll('\n', lineEnd)}"`;
          const text = [header.join(delimiter), ...rows.map((row) => row.map(quote).join(delimiter))].join(lineEnd);
          const expected = rows.map((row) => row.map(clean)).filter((row) => row.some((value) => value !== ''));
          const found = await read(bytes(text), size);
          expect(found.slice(1).map(({ cells }) => cells)).toEqual(expected);
          // Every row begins on the line that it says: line ends inside the cells before it count.
          let line = 2;
          const starts = rows.map((row) => {
            const start = line;
            line += 1 + row.join('').split('\n').length - 1;
            return start;
          });
          const kept = starts.filter((_, i) => rows[i]?.some((value) => value.trim() !== ''));
          expect(found.slice(1).map((row) => row.line)).toEqual(kept);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('encoding', () => {
  test.each<[name: string, data: Uint8Array, kind: string]>([
    ['ASCII', bytes('a,b'), 'utf-8'],
    ['UTF-8', bytes('ș,ü'), 'utf-8'],
    ['UTF-8 with a mark', bytes('\uFEFFa'), 'utf-8'],
    ['a cut character at the end', bytes('aș').subarray(0, 2), 'windows-1252'],
    ['UTF-8 with a mark and a byte that is none', new Uint8Array([0xef, 0xbb, 0xbf, 0x61, 0xfc, 0x2c, 0x62]), 'utf-8'],
    ['UTF-8 with a byte that is none', new Uint8Array([...bytes('șț,'), 0xfc, ...bytes(',a')]), 'utf-8'],
    ['UTF-8 with a byte that is none before the rest', new Uint8Array([0xfc, 0x2c, ...bytes('ș,€')]), 'utf-8'],
    ['UTF-8 whose last character is cut', bytes('șț😀').subarray(0, 7), 'utf-8'],
    ['Windows-1252 with bytes that look like UTF-8', new Uint8Array([...bytes('a '), 0xab, 0x43, 0x41, 0x46, 0xc9, 0xbb]), 'windows-1252'],
    ['Windows-1252', new Uint8Array([0x4d, 0xfc, 0x6c, 0x6c, 0x65, 0x72]), 'windows-1252'],
    ['UTF-16, as Excel saves Unicode text', new Uint8Array([0xff, 0xfe, 0x61, 0x00]), 'utf-16le'],
    ['a workbook', new Uint8Array([0x50, 0x4b, 0x03, 0x04, 0x14]), 'xlsx'],
    ['an empty archive', new Uint8Array([0x50, 0x4b, 0x05, 0x06, 0x00]), 'xlsx'],
    ['an old workbook', new Uint8Array([0xd0, 0xcf, 0x11, 0xe0, 0xa1]), 'xls'],
    ['nothing', new Uint8Array(), 'empty'],
  ])('%s', async (_name, data, kind) => {
    for (const size of [1, 3, 100]) expect(await detectFileKind(inChunks(data, size))).toBe(kind);
  });

  test('what the bytes are is the same in whatever chunks, and as the decoder has it', () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 4 }),
      fc.string({ unit: 'binary', maxLength: 3 }).map((text) => bytes(text.replaceAll('\uFFFD', ''))),
      fc.constantFrom(
        [0xed, 0xa0, 0x80],
        [0xf4, 0x90, 0x80, 0x80],
        [0xc0, 0x80],
        [0xe0, 0x9f, 0xbf],
        [0xf0, 0x8f, 0xbf, 0xbf],
        [0xe2, 0x82],
      ),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), fc.integer({ min: 1, max: 9 }), (pieces, size) => {
        const data = new Uint8Array(pieces.flatMap((part) => [...part]));
        const chunks = Array.from({ length: Math.ceil(data.length / size) }, (_, at) => data.subarray(at * size, (at + 1) * size));
        const { wellFormed, malformed } = endTally(chunks.reduce(tallyUtf8, NO_BYTES));
        const text = [...new TextDecoder('utf-8', { ignoreBOM: true }).decode(data)];
        const replaced = text.filter((character) => character === '\uFFFD').length;
        fc.pre(!Buffer.from(data).includes('\uFFFD'));
        expect([wellFormed, malformed]).toEqual([text.filter((character) => character > '\x7f').length - replaced, replaced]);
      }),
      { numRuns: 3000 },
    );
  });

  test('Windows-1252 is read, its own characters too', async () => {
    const data = new Uint8Array([...bytes('a\n'), 0x80, 0x20, 0xe9, 0x8a]);
    expect(await read(data, 2, 'windows-1252')).toEqual([
      { line: 1, cells: ['a'] },
      { line: 2, cells: ['€ éŠ'] },
    ]);
  });

  test('UTF-16 is read', async () => {
    const data = new Uint8Array([0xff, 0xfe, ...Buffer.from('a\tb\r\nș\t2', 'utf16le')]);
    expect(await read(data, 3, 'utf-16le')).toEqual([
      { line: 1, cells: ['a', 'b'] },
      { line: 2, cells: ['ș', '2'] },
    ]);
  });
});

test.each([
  ['a,b', ','],
  ['a;b', ';'],
  ['a\tb', '\t'],
  ['a', ','],
  ['"x;y;z",b', ','],
  ['name;"city, country";phone', ';'],
])('delimiter of %j', (header, delimiter) => {
  expect(detectDelimiter(header)).toBe(delimiter);
});
