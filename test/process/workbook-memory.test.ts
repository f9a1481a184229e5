// Reading a workbook in a process with little memory: a list that is held whole anywhere would not fit.
import { execFile } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { ZipFile } from 'yazl';
import { workbookParts } from '../support/build-workbook.ts';
import { temporaryFolder } from './outdial.ts';

const HEAP_MB = 40;
const PROGRAM = `
  import { open } from 'node:fs/promises';
  const { readWorkbookBatches } = await import(process.argv[2]);
  const handle = await open(process.argv[1]);
  const { size } = await handle.stat();
  const readAt = async (position, length) => {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(length), 0, length, position);
    return buffer.subarray(0, bytesRead);
  };
  let rows = 0;
  let last = '';
  let said = '';
  try {
    for await (const batch of readWorkbookBatches({ size, readAt })) {
      rows += batch.length;
      last = batch.at(-1).cells.map((cell) => cell.slice(0, 20)).join();
    }
  } catch (error) {
    said = error.message;
  }
  process.stdout.write(JSON.stringify({ rows, last, said }));
`;

const READER = new URL('../../src/imports/xlsx.reader.ts', import.meta.url).href;

/** Pieces of XML between two tags, gathered so that each is worth writing. */
const pieces = function* (start: string, count: number, piece: (index: number) => string, end: string) {
  let xml = start;
  for (let index = 0; index < count; index += 1) {
    xml += piece(index);
    if (xml.length < 65_536) continue;
    yield xml;
    xml = '';
  }
  yield xml + end;
};

const readInLittleMemory = async (sheet: Iterable<string>, strings: Iterable<string>) => {
  const zip = new ZipFile();
  const streamed: Record<string, Iterable<string>> = { 'xl/worksheets/sheet1.xml': sheet, 'xl/sharedStrings.xml': strings };
  for (const [path, content] of Object.entries(workbookParts('', { 'xl/sharedStrings.xml': '' }))) {
    const stream = streamed[path];
    if (stream === undefined) zip.addBuffer(Buffer.from(content), path);
    else zip.addReadStream(Readable.from(stream, { objectMode: false }), path, { compressionLevel: 1 });
  }
  zip.end();
  const path = join(temporaryFolder(), 'list.xlsx');
  await pipeline(zip.outputStream, createWriteStream(path));
  const flags = [`--max-old-space-size=${HEAP_MB}`, '--input-type=module', '--eval', PROGRAM];
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, path, READER], { timeout: 80_000 });
  return JSON.parse(stdout);
};

const sheetOf = (rows: number, cells: (row: number) => string) =>
  pieces('<worksheet><sheetData>', rows, (row) => `<row>${cells(row)}</row>`, '</sheetData></worksheet>');

test('many rows of many shared texts', async () => {
  const texts = 300_000;
  const strings = pieces('<sst>', texts, (n) => `<si><t>${n} ${'shared by some row '.repeat(8)}</t></si>`, '</sst>');
  const found = await readInLittleMemory(
    sheetOf(5000, (row) => `<c t="s"><v>${(row * 7919) % texts}</v></c><c t="s"><v>${row}</v></c><c><v>${row}</v></c>`),
    strings,
  );
  expect(found).toEqual({ rows: 5000, last: '287081 shared by som,4999 shared by some ,4999', said: '' });
});

test('long texts that all rows share', async () => {
  const strings = pieces('<sst>', 50, (n) => `<si><t>${n} ${Math.random().toString(36).repeat(7000)}</t></si>`, '</sst>');
  const { rows, said } = await readInLittleMemory(
    sheetOf(300, () => Array.from({ length: 15 }, (_, n) => `<c t="s"><v>${n}</v></c>`).join('')),
    strings,
  );
  expect([rows, said]).toEqual([300, '']);
});

test.each<[name: string, open: string, piece: string]>([
  ['a text', '<worksheet><sheetData><row><c><v>', 'x'],
  ['a tag', '<worksheet ', 'x'],
  ['a comment', '<worksheet><!--', 'x'],
  ['a document type', '<!DOCTYPE x [', ' '],
])('%s without end', async (_name, open, piece) => {
  // Random, so that it is no bomb by its ratio.
  const endless = pieces(open, 30_000, () => piece + Math.random().toString(36).slice(2).padEnd(1000, 'abcdefghij'), '');
  const { rows, said } = await readInLittleMemory(endless, ['<sst/>']);
  expect([rows, said]).toEqual([0, expect.stringMatching(/without end|not well-formed/)]);
});
