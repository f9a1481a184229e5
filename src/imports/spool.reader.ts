// The folder in which the files of imports wait until they are read to their end.
import { open, readdir, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';

const CHUNK_BYTES = 262_144;

/** Whether the file is here, and not on another server. */
export const isSpooled = (folder: string, name: string): Promise<boolean> =>
  stat(join(folder, name)).then(
    () => true,
    () => false,
  );

/** The bytes of a file from its start; `onRead` hears how many were read so far. It is closed when the reading ends, however it does. */
export const readSpooled = async function* (
  folder: string,
  name: string,
  onRead: (bytes: number) => void,
): AsyncGenerator<Uint8Array, void> {
  const handle = await open(join(folder, name), 'r');
  try {
    for (let position = 0; ; ) {
      const { bytesRead, buffer } = await handle.read(new Uint8Array(CHUNK_BYTES), 0, CHUNK_BYTES, position);
      if (bytesRead === 0) return;
      position += bytesRead;
      onRead(position);
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
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
