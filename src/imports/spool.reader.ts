// The folder in which the files of imports wait until they are read to their end.
import { open, readdir, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { RowsFile } from './file-rows.reader.ts';

// All rows of a chunk are in memory at once.
const CHUNK_BYTES = 65_536;

/** Whether the file is here, and not on another server. */
export const isSpooled = (folder: string, name: string): Promise<boolean> =>
  stat(join(folder, name)).then(
    () => true,
    () => false,
  );

/** An open file that knows how much of it was read. It has to be closed. */
export interface SpooledFile extends RowsFile {
  bytesRead(): number;
  close(): Promise<void>;
}

/** Opens a file. */
export const openSpooled = async (folder: string, name: string): Promise<SpooledFile> => {
  const handle = await open(join(folder, name), 'r');
  const { size } = await handle.stat();
  let total = 0;
  const readAt = async (position: number, length: number): Promise<Uint8Array> => {
    const bytes = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const { bytesRead } = await handle.read(bytes, done, length - done, position + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    total += done;
    return bytes.subarray(0, done);
  };
  const read = async function* (): AsyncGenerator<Uint8Array, void> {
    for (let position = 0; position < size; position += CHUNK_BYTES) yield await readAt(position, CHUNK_BYTES);
  };
  return { size, read, readAt, bytesRead: () => Math.min(total, size), close: () => handle.close() };
};

/** Removes a file; one that is gone already is no failure. */
export const removeSpooled = (folder: string, name: string): Promise<void> =>
  unlink(join(folder, name)).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });

/** The names of files that nobody has written to since `before`. */
export const listSpooled = async (folder: string, before: Date): Promise<string[]> => {
  const names = await readdir(folder).catch(() => []);
  const old = await Promise.all(
    names.map((name) =>
      stat(join(folder, name)).then(
        ({ mtime }) => mtime < before,
        () => false,
      ),
    ),
  );
  return names.filter((_, index) => old[index]);
};
