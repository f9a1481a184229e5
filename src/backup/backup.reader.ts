// Reads a backup from a stream of bytes and finds every damage: the digest at the end is over all that is before it.
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { createZstdDecompress } from 'node:zlib';
import {
  type BackupHeader,
  type BackupTrailer,
  checkFirstLine,
  DIGEST_BYTES,
  damaged,
  FIRST_LINE,
  MAX_FRAME_BYTES,
  parseHeader,
  parseTrailer,
} from './backup-file.ts';

/** A backup whose header was read. Its tables are read in their order, each to its end; then the trailer. */
export interface OpenedBackup {
  header: BackupHeader;
  /** The rows of the next table, in COPY's text form. */
  table(): Readable;
  /** Passes over the next table. */
  skip(): Promise<void>;
  /** @throws BackupFileError where anything at all is not as it was written. */
  trailer(): Promise<BackupTrailer>;
}

const CUT_SHORT = 'it ends before its end, so it was cut short';

// Gives exactly as many bytes as are asked for, and keeps the digest of them.
const createTaker = (source: AsyncIterable<Buffer>) => {
  const chunks = source[Symbol.asyncIterator]();
  const digest = createHash('sha256');
  let rest: Buffer = Buffer.alloc(0);
  const takeRaw = async (length: number): Promise<Buffer> => {
    const parts = [rest];
    let have = rest.length;
    while (have < length) {
      const { done, value } = await chunks.next();
      if (done === true) throw damaged(CUT_SHORT);
      parts.push(value);
      have += value.length;
    }
    const all = parts.length === 1 ? rest : Buffer.concat(parts);
    rest = all.subarray(length);
    return all.subarray(0, length);
  };
  const take = async (length: number): Promise<Buffer> => {
    const bytes = await takeRaw(length);
    digest.update(bytes);
    return bytes;
  };
  const end = async (): Promise<void> => {
    const expected = digest.digest();
    if (!expected.equals(await takeRaw(DIGEST_BYTES))) throw damaged('its digest does not match what is in it');
    if (rest.length > 0 || (await chunks.next()).done !== true) throw damaged('something follows its end');
  };
  return { take, end };
};

/** Begins to read a backup. @throws BackupFileError where it is none. */
export const openBackup = async (source: AsyncIterable<Buffer>): Promise<OpenedBackup> => {
  const { take, end } = createTaker(source);
  const frame = async (): Promise<Buffer> => {
    const length = (await take(4)).readUInt32BE();
    if (length > MAX_FRAME_BYTES) throw damaged('a length in it is impossible');
    return take(length);
  };
  const frames = async function* (): AsyncGenerator<Buffer> {
    for (let bytes = await frame(); bytes.length > 0; bytes = await frame()) yield bytes;
  };
  const first = await take(FIRST_LINE.length).catch(() => Buffer.alloc(0));
  checkFirstLine(first);
  const header = parseHeader(await frame());
  return {
    header,
    table: () => {
      const rows = createZstdDecompress();
      const compressed = Readable.from(frames(), { objectMode: false });
      compressed.on('error', (error) => rows.destroy(error));
      rows.on('close', () => compressed.destroy());
      return compressed.pipe(rows);
    },
    skip: async () => {
      for await (const _ of frames());
    },
    trailer: async () => {
      const trailer = parseTrailer(await frame());
      await end();
      return trailer;
    },
  };
};

/** Reads a whole backup for damage, without unpacking it. @returns its header. @throws BackupFileError */
export const verifyBackup = async (source: AsyncIterable<Buffer>): Promise<BackupHeader> => {
  const backup = await openBackup(source);
  for (const _ of backup.header.tables) await backup.skip();
  await backup.trailer();
  return backup.header;
};
