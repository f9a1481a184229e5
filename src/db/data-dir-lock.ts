// One process at a time on a data folder. The embedded database has no lock of its own, and two writers would ruin it.
// The lock is the operating system's, taken through SQLite's file locking: it is gone the instant its process is,
// also after kill -9, and holds between containers that share the folder. A pid file can promise neither.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
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

const readPid = (file: string): string | undefined => {
  try {
    return readFileSync(file, 'utf8').trim() || undefined;
  } catch {
    return undefined;
  }
};

/**
 * Takes the lock of a data folder, which is created when absent.
 * @returns a function that gives the lock back.
 * @throws DataDirBusyError when another process holds it.
 */
export const lockDataDir = (dataDir: string): (() => void) => {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const pidFile = join(dataDir, 'outdial.pid');
  const lock = new DatabaseSync(join(dataDir, 'outdial.lock'));
  try {
    lock.exec('pragma busy_timeout = 0; begin exclusive');
  } catch (error) {
    lock.close();
    if (error instanceof Error && /locked/i.test(error.message)) throw new DataDirBusyError(dataDir, readPid(pidFile));
    throw error;
  }
  writeFileSync(pidFile, `${process.pid}\n`);
  return () => lock.close();
};
