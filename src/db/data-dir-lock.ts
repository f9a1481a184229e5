// One process at a time on a data folder. The embedded database has no lock of its own, and two writers would ruin it.
// The lock is the operating system's, taken through SQLite's file locking: it is gone the instant its process is,
// also after kill -9, and holds between containers that share the folder. A pid file can promise neither.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** The folder is in use by another process. `pid` is that process's, where it could be read. */
export class DataDirBusyError extends Error {
  readonly pid: string | undefined;

  constructor(dataDir: string, pid: string | undefined) {
    super(
      `The database in ${dataDir} is in use by another Outdial process${pid === undefined ? '' : ` (pid ${pid})`}: ` +
        'stop that one, or give this one its own DATA_DIR.',
    );
    this.pid = pid;
  }
}

/** The folder cannot be made, or not be written to. */
export class DataDirUnusableError extends Error {
  constructor(dataDir: string, cause: unknown) {
    super(
      `The data folder ${dataDir} cannot be used (${cause instanceof Error ? cause.message : String(cause)}): ` +
        'set DATA_DIR to a folder that can be made and written to.',
      { cause },
    );
  }
}

const readPid = (file: string): string | undefined => {
  try {
    return readFileSync(file, 'utf8').trim() || undefined;
  } catch {
    return undefined;
  }
};

// Not mkdir's own `recursive`: it tries for ever where a folder is there and yet takes no new one, as /proc does.
const makeFolder = (path: string): void => {
  if (existsSync(path)) return;
  makeFolder(dirname(path));
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // Another process may have been faster.
    if (!existsSync(path)) throw error;
  }
};

const isLocked = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ERR_SQLITE_ERROR' && /locked/i.test(error.message);

/**
 * Takes the lock of a data folder, which is created when absent.
 * @returns a function that gives the lock back.
 * @throws DataDirBusyError when another process holds it; DataDirUnusableError when there can be no such folder.
 */
export const lockDataDir = (dataDir: string): (() => void) => {
  const pidFile = join(dataDir, 'outdial.pid');
  let lock: DatabaseSync | undefined;
  try {
    makeFolder(resolve(dataDir));
    lock = new DatabaseSync(join(dataDir, 'outdial.lock'));
    lock.exec('pragma busy_timeout = 0; begin exclusive');
    writeFileSync(pidFile, `${process.pid}\n`);
  } catch (error) {
    lock?.close();
    throw isLocked(error) ? new DataDirBusyError(dataDir, readPid(pidFile)) : new DataDirUnusableError(dataDir, error);
  }
  const held = lock;
  return () => held.close();
};
