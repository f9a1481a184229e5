import { buffer } from 'node:stream/consumers';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { writeCsv } from './csv.writer.ts';

const write = async (...rows: string[][]): Promise<string> => {
  const batches = async function* () {
    yield rows;
  };
  // As bytes: a decoder would drop the mark.
  return (await buffer(writeCsv(['a', 'b'], batches()))).toString();
};

test.each([
  ['plain', 'plain'],
  ['', ''],
  ['a,b', '"a,b"'],
  ['5" pipe', '"5"" pipe"'],
  ['a\nb', '"a\nb"'],
  ['a\rb', '"a\rb"'],
  ['a\r\nb', '"a\r\nb"'],
  ['a;b', '"a;b"'],
  ['a\tb', '"a\tb"'],
  [' a', '" a"'],
  ['a ', '"a "'],
  ["'=1", "'=1"],
])('%j is written %j', async (cell, written) => {
  expect(await write([cell, 'x'])).toBe(`\ufeffa,b\r\n${written},x\r\n`);
});

test('any cells are read as they were', async () => {
  const cell = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(fc.constantFrom('"', ',', '\r', '\n', ' ', 'x')).map((all) => all.join('')),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(cell, cell), { maxLength: 5 }), async (rows) => {
      expect(parse(await write(...rows), { bom: true, record_delimiter: '\r\n' })).toEqual([['a', 'b'], ...rows]);
    }),
  );
});
