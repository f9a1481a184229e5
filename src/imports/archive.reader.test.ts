import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { asFile, buildWorkbook, packParts, workbookParts } from '../../test/support/build-workbook.ts';
import { ArchiveError, openArchive, type RandomAccessFile } from './archive.reader.ts';
import { MalformedCsvError } from './import.ts';
import { readWorkbookBatches } from './xlsx.reader.ts';

const MAX = 100_000_000;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;

/** Where the entries of the directory begin, and where it ends. */
const findMarks = (bytes: Buffer, mark: number): number[] => {
  const found: number[] = [];
  const searched = Buffer.alloc(4);
  searched.writeUInt32LE(mark);
  for (let at = bytes.indexOf(searched); at >= 0; at = bytes.indexOf(searched, at + 1)) found.push(at);
  return found;
};

/** A copy with some bytes of the directory changed. */
const patch = (bytes: Buffer, change: (copy: Buffer, entries: number[], end: number) => void): Buffer => {
  const copy = Buffer.from(bytes);
  change(copy, findMarks(copy, CENTRAL), findMarks(copy, END).at(-1) ?? 0);
  return copy;
};

const readPart = async (file: RandomAccessFile, name: string, maxBytes = MAX): Promise<number> => {
  const archive = await openArchive(file);
  let size = 0;
  for await (const chunk of archive.read(name, maxBytes)) size += chunk.length;
  return size;
};

const refused = async (bytes: Buffer, message: RegExp, name = 'a', maxBytes = MAX): Promise<void> => {
  const error: unknown = await readPart(asFile(bytes), name, maxBytes).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(ArchiveError);
  expect((error as ArchiveError).message).toMatch(message);
};

describe('an archive', () => {
  test('gives its parts, packed or not, by name in any case', async () => {
    const content = 'x'.repeat(200_000) + Math.random();
    for (const compress of [true, false]) {
      const file = asFile(await packParts({ 'A/b.xml': content, c: '' }, compress));
      expect(await readPart(file, 'a/B.xml')).toBe(content.length);
      expect(await readPart(file, 'c')).toBe(0);
    }
  });

  test('cut off anywhere is refused', async () => {
    const bytes = await buildWorkbook('<row><c><v>1</v></c></row>');
    for (let length = 0; length < bytes.length; length += 7) await refused(bytes.subarray(0, length), /cut off or damaged/);
  });

  test.each<[name: string, change: (copy: Buffer, entries: number[], end: number) => void, message: RegExp]>([
    ['a wrong checksum', (copy, [at = 0]) => copy.writeUInt32LE(1, at + 16), /^a part is damaged$/],
    ['more bytes than it says', (copy, [at = 0]) => copy.writeUInt32LE(10, at + 24), /^a part is larger than it says$/],
    ['fewer bytes than it says', (copy, [at = 0]) => copy.writeUInt32LE(1_000_001, at + 24), /^a part is damaged$/],
    ['a password', (copy, [at = 0]) => copy.writeUInt16LE(1, at + 8), /protected by a password/],
    ['strong encryption', (copy, [at = 0]) => copy.writeUInt16LE(0x41, at + 8), /cut off or damaged/],
    ['another way of packing', (copy, [at = 0]) => copy.writeUInt16LE(14, at + 10), /packed in a way that is not known/],
    ['a part behind the end', (copy, [at = 0]) => copy.writeUInt32LE(0xfffffff0, at + 42), /overlap/],
    ['a part that is not there', (copy, [at = 0]) => copy.writeUInt32LE(1, at + 42), /not where it says|overlap/],
    ['a part larger than the file', (copy, [at = 0]) => copy.writeUInt32LE(0xfffffff0, at + 20), /overlap/],
    ['parts in one place', (copy, [a = 0, b = 0]) => copy.copy(copy, b + 42, a + 42, a + 46), /overlap/],
    ['two parts of one name', (copy, [, b = 0]) => copy.write('A', b + 46), /two parts of one name/],
    ['a path to elsewhere', (copy, [, b = 0]) => copy.write('/', b + 46), /cut off or damaged/],
    ['more parts than there are', (copy, _entries, end) => copy.writeUInt16LE(9000, end + 10), /cut off or damaged/],
    ['too many parts', (copy, _entries, end) => copy.writeUInt16LE(60_000, end + 10), /60000 parts; 10000 are allowed/],
    ['a directory elsewhere', (copy, _entries, end) => copy.writeUInt32LE(0xfffffff0, end + 16), /cut off or damaged/],
    ['bytes that do not inflate', (copy) => copy.fill(0xff, 31, 60), /cannot be inflated/],
  ])('with %s is refused', async (_name, change, message) => {
    const bytes = await packParts({ a: 'x'.repeat(1_000_000), b: 'y' });
    await refused(patch(bytes, change), message);
  });

  test('that lacks a part, or whose part is larger than allowed', async () => {
    const bytes = await packParts({ a: 'x'.repeat(1000) });
    await refused(bytes, /a part is missing/, 'b');
    await refused(bytes, /would inflate to 1000 bytes; 999 are allowed/, 'a', 999);
  });

  test('whose part inflates to very much more than it is', async () => {
    const bytes = await packParts({ a: Buffer.alloc(30_000_000) });
    expect(bytes.length).toBeLessThan(50_000);
    await refused(bytes, /more than 200 times its size/);
  });

  test('that lies of the size of what inflates without end', async () => {
    const bytes = patch(await packParts({ a: Buffer.alloc(30_000_000) }), (copy, [at = 0]) => copy.writeUInt32LE(100_000, at + 24));
    await refused(bytes, /larger than it says/);
  });

  test('is read no further than somebody reads', async () => {
    const bytes = await packParts({ a: deflateRawSync(Buffer.from(Array.from({ length: 300_000 }, () => Math.random()).join())) });
    let asked = 0;
    const file = asFile(bytes);
    const counted: RandomAccessFile = {
      ...file,
      readAt: (position, length) => {
        asked += length;
        return file.readAt(position, length);
      },
    };
    const part = (await openArchive(counted)).read('a', MAX);
    await part.next();
    await part.return();
    expect(asked).toBeLessThan(bytes.length / 2);
  });

  test('on a disk that fails is no mistake of the file', async () => {
    const bytes = await packParts({ a: 'x' });
    const file = { size: bytes.length, readAt: () => Promise.reject(new Error('EIO')) };
    await expect(openArchive(file)).rejects.toThrow('EIO');
  });
});

test('a workbook with any bytes changed is read or refused, and never more', async () => {
  const rows = Array.from({ length: 50 }, (_, n) => `<row r="${n + 1}"><c r="A${n + 1}" t="s"><v>${n}</v></c></row>`).join('');
  const strings = `<sst>${Array.from({ length: 50 }, (_, n) => `<si><t>${n}</t></si>`).join('')}</sst>`;
  const parts = workbookParts(rows, { 'xl/sharedStrings.xml': strings });
  for (const compress of [true, false]) {
    const bytes = await packParts(parts, compress);
    const change = fc.tuple(fc.nat(bytes.length - 1), fc.nat(255));
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        const copy = Buffer.from(bytes);
        for (const [at, byte] of changes) copy[at] = byte;
        try {
          for await (const rows of readWorkbookBatches(asFile(copy))) expect(rows[0]?.line).toBeGreaterThan(0);
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedCsvError);
        }
      }),
      { numRuns: 300 },
    );
  }
});
