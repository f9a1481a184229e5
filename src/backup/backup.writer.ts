// Writes a backup as a stream of bytes (backup-file.ts says which), and takes care that a file appears when it is whole, and not before.
import { createHash, randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { type FileHandle, link, open, rename, rm, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createZstdCompress } from 'node:zlib';
import { type BackupHeader, type BackupTrailer, FIRST_LINE } from './backup-file.ts';

/** Takes bytes, and comes back when there is room for more. @throws whatever keeps it from writing them. */
export type Sink = (bytes: Uint8Array) => Promise<void>;

/** Writes one backup: the header, each table that it names, the trailer. */
export interface BackupWriter {
  header(header: BackupHeader): Promise<void>;
  /** `rows` is COPY's text form; `counter` sees it pass. */
  table(rows: Readable, counter: Transform): Promise<void>;
  trailer(trailer: BackupTrailer): Promise<void>;
  /** Bytes so far. */
  bytes(): number;
}

const CHUNK_BYTES = 256 * 1024;

/** Begins a backup that goes to `sink`. */
export const createBackupWriter = (sink: Sink): BackupWriter => {
  const digest = createHash('sha256');
  let bytes = 0;
  const put = async (chunk: Uint8Array): Promise<void> => {
    digest.update(chunk);
    bytes += chunk.length;
    await sink(chunk);
  };
  const frame = async (chunk: Uint8Array): Promise<void> => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(chunk.length);
    await put(Buffer.concat([length, chunk]));
  };
  const json = (value: object): Promise<void> => frame(Buffer.from(JSON.stringify(value)));
  return {
    header: async (header) => {
      await put(Buffer.from(FIRST_LINE));
      await json(header);
    },
    table: async (rows, counter) => {
      await pipeline(rows, counter, createZstdCompress({ chunkSize: CHUNK_BYTES }), async (chunks: AsyncIterable<Buffer>) => {
        for await (const chunk of chunks) if (chunk.length > 0) await frame(chunk);
      });
      await frame(Buffer.alloc(0));
    },
    trailer: async (trailer) => {
      await json(trailer);
      const sum = digest.digest();
      bytes += sum.length;
      await sink(sum);
    },
    bytes: () => bytes,
  };
};

/** A sink into a file. */
export const sinkInto =
  (file: Pick<FileHandle, 'write'>): Sink =>
  async (bytes) => {
    for (let done = 0; done < bytes.length; ) done += (await file.write(bytes, done)).bytesWritten;
  };

const forgetOnSignal = (path: string): (() => void) => {
  const remove = (signal: NodeJS.Signals): void => {
    rmSync(path, { force: true });
    stop();
    process.kill(process.pid, signal);
  };
  const stop = (): void => {
    process.removeListener('SIGINT', remove).removeListener('SIGTERM', remove);
  };
  process.once('SIGINT', remove).once('SIGTERM', remove);
  return stop;
};

// A rename would replace a file that has come meanwhile. Not every file system has links; there the look before has to do.
const giveName = async (part: string, path: string, replace: boolean): Promise<void> => {
  if (replace) return rename(part, path);
  try {
    await link(part, path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') throw error;
    return rename(part, path);
  }
  await unlink(part);
};

const syncFolder = async (folder: string): Promise<void> => {
  // Windows cannot open a folder; what was renamed is safe there in its own way.
  const handle = await open(folder, 'r').catch(() => undefined);
  await handle?.sync().catch(() => {});
  await handle?.close();
};

/**
 * Has a file written beside its name, for its owner alone, and gives it its name when it is whole and on the disk. After a failure
 * or a signal nothing is left; after kill -9 the file that ends with `.part`.
 * @throws the system's error: EEXIST where a file of that name is there and must not be replaced.
 */
export const writeNewFile = async (path: string, replace: boolean, write: (sink: Sink) => Promise<void>): Promise<void> => {
  const part = join(dirname(path), `.${basename(path)}.${randomBytes(4).toString('hex')}.part`);
  const file = await open(part, 'wx', 0o600);
  const stop = forgetOnSignal(part);
  try {
    try {
      await write(sinkInto(file));
      await file.sync();
    } finally {
      await file.close();
    }
    await giveName(part, path, replace);
    await syncFolder(dirname(path));
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  } finally {
    stop();
  }
};
