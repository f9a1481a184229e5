// How a folder is named to a program that cannot walk to it, because the folders above it are closed to its user, or that cannot take a name so long.
import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { DataDirUnusableError } from './errors.ts';
import type { RunAs } from './run-as.ts';

/** A folder as a child process reaches it: its path, or an open descriptor that the child gets as number 4. */
export interface Reach {
  path: string;
  descriptor: number | undefined;
  close(): void;
}

/** The number that a child knows the descriptor by. */
export const CHILD_DESCRIPTOR = 4;

// A socket's address holds 108 bytes, on macOS 104, with "/.s.PGSQL.5432" and a zero.
const LONGEST_SOCKET_FOLDER = 85;

const isReachable = (folder: string, user: RunAs): boolean =>
  user.uid === undefined ||
  spawnSync('/bin/sh', ['-c', 'cd "$0" && test -w .', folder], { ...user, cwd: '/', stdio: 'ignore' }).status === 0;

const isShort = (folder: string): boolean => Buffer.byteLength(folder) <= LONGEST_SOCKET_FOLDER;

const openFolder = (folder: string): number => {
  // Only Linux leads through a descriptor into its folder.
  if (process.platform !== 'linux')
    throw new DataDirUnusableError(
      folder,
      'its path is too long, or closed to the user that the database runs as',
      'choose another DATA_DIR',
    );
  return openSync(folder, 'r');
};

/** How a user's process reaches an absolute folder. To be closed when the child has started. */
export const reachAs = (folder: string, user: RunAs): Reach => {
  if (isShort(folder) && isReachable(folder, user)) return { path: folder, descriptor: undefined, close: () => {} };
  const descriptor = openFolder(folder);
  return { path: `/proc/self/fd/${CHILD_DESCRIPTOR}`, descriptor, close: () => closeSync(descriptor) };
};

/** A name of the folder for sockets of this process, to be closed when nobody connects any more. */
export const reachSockets = (folder: string): Reach => {
  if (isShort(folder)) return { path: folder, descriptor: undefined, close: () => {} };
  const descriptor = openFolder(folder);
  return { path: `/proc/self/fd/${descriptor}`, descriptor, close: () => closeSync(descriptor) };
};
