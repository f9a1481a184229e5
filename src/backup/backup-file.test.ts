// The file by itself: what is written is read again, and every single byte of it counts.
import { constants, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterAll, expect, test } from 'vitest';
import { openBackup, verifyBackup } from './backup.reader.ts';
import { createBackupWriter, writeNewFile } from './backup.writer.ts';
import { BackupFileError, type BackupHeader, refuseNewer } from './backup-file.ts';

const HEADER: BackupHeader = {
  outdial: '1.2.3',
  taken_at: '2026-06-01T12:00:00.000Z',
  migrations: ['0001_init.sql'],
  compression: 'zstd',
  tables: [
    { name: 'empty', columns: ['id'], rows: 0, checksum: '0' },
    { name: 'full', columns: ['id', 'text'], rows: 2000, checksum: '-12' },
  ],
};
const ROWS = Array.from({ length: 2000 }, (_, n) => `${n}\trow ${(n * 7919) % 1000}\n`).join('');
const SEQUENCES = { sequences: [{ table: 'full', column: 'id', last: 2001 }] };

const writeOne = async (): Promise<Buffer> => {
  const parts: Buffer[] = [];
  const writer = createBackupWriter(async (bytes) => void parts.push(Buffer.from(bytes)));
  await writer.header(HEADER);
  await writer.table(Readable.from([]), new PassThrough());
  await writer.table(Readable.from([Buffer.from(ROWS)]), new PassThrough());
  await writer.trailer(SEQUENCES);
  const all = Buffer.concat(parts);
  expect(writer.bytes()).toBe(all.length);
  return all;
};

const inPieces = async function* (bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
};

test.each([1, 7, 65_536])('it is read as it was written, in pieces of %i bytes', async (size) => {
  const backup = await openBackup(inPieces(await writeOne(), size));
  expect(backup.header).toEqual(HEADER);
  expect(await buffer(backup.table())).toEqual(Buffer.alloc(0));
  expect((await buffer(backup.table())).toString()).toBe(ROWS);
  expect(await backup.trailer()).toEqual(SEQUENCES);
});

test('no byte of it can change or be missing without being found', async () => {
  const bytes = await writeOne();
  expect(await verifyBackup(inPieces(bytes, 1000))).toEqual(HEADER);
  for (let at = 0; at < bytes.length; at += 13) {
    const flipped = Buffer.from(bytes);
    flipped[at] = (flipped[at] ?? 0) ^ 0x10;
    await expect(verifyBackup(inPieces(flipped, 1000))).rejects.toThrow(BackupFileError);
    await expect(verifyBackup(inPieces(bytes.subarray(0, at), 1000))).rejects.toThrow(BackupFileError);
  }
});

test.each([
  ['', /This is no backup/],
  ['id,phone_number\n1,+12025550100\n', /This is no backup/],
  ['outdial-backup 2\nwhatever', /a form that this version does not know/],
])('what is no backup of ours is told: %j', async (text, message) => {
  await expect(verifyBackup(inPieces(Buffer.from(text), 10))).rejects.toThrow(message);
});

test('a length that cannot be does not become memory', async () => {
  const bytes = await writeOne();
  bytes.writeUInt32BE(0xffff_ffff, 'outdial-backup 1\n'.length);
  await expect(verifyBackup(inPieces(bytes, 1000))).rejects.toThrow(/a length in it is impossible/);
});

test('a newer version is named', () => {
  expect(() => refuseNewer(HEADER, [])).toThrow('newer version of Outdial (1.2.3, with 0001_init.sql)');
  refuseNewer(HEADER, ['0001_init.sql', '0002.sql']);
});

const folder = mkdtempSync(join(tmpdir(), 'outdial-backup-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('a file appears when it is whole, for its owner alone, and replaces nothing unasked', async () => {
  mkdirSync(join(folder, 'a'));
  const file = join(folder, 'a', 'x.backup');
  await writeNewFile(file, false, async (sink) => {
    await sink(Buffer.from('one'));
    expect(existsSync(file)).toBe(false);
    await sink(Buffer.from('two'));
  });
  expect(readFileSync(file, 'utf8')).toBe('onetwo');
  expect(statSync(file).mode & (constants.S_IRWXG | constants.S_IRWXO)).toBe(0);
  // It came while the backup was being written.
  await expect(writeNewFile(file, false, (sink) => sink(Buffer.from('other')))).rejects.toThrow(/EEXIST/);
  expect(readFileSync(file, 'utf8')).toBe('onetwo');
  const full = async () => {
    throw Object.assign(new Error('full'), { code: 'ENOSPC' });
  };
  await expect(writeNewFile(file, true, full)).rejects.toThrow('full');
  expect(readFileSync(file, 'utf8')).toBe('onetwo');
  await writeNewFile(file, true, (sink) => sink(Buffer.from('new')));
  expect([readFileSync(file, 'utf8'), readdirSync(join(folder, 'a'))]).toEqual(['new', ['x.backup']]);
  writeFileSync(file, '');
});
