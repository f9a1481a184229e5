// The folder of the embedded database: DATA_DIR/database, which belongs to the server's user, with PostgreSQL's own folder in it.
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { DataDirUnusableError, NoDatabaseProgramError, OlderDataDirError } from './errors.ts';
import { findPrograms, majorOf, preparePrograms } from './programs.ts';
import { reachAs } from './reach.ts';
import { giveTo, namedUser, ownerOf, type RunAs, serverUser } from './run-as.ts';

/** The role that Outdial is, and the database that it uses. */
export const ROLE = 'outdial';
export const DATABASE = 'postgres';

/** Where things are. All paths are absolute. */
export interface ClusterFolder {
  dataDir: string;
  /** Belongs to the server's user, and no other user can look into it. */
  folder: string;
  /** PostgreSQL's own. */
  cluster: string;
  log: string;
  user: RunAs;
}

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

const refuseOlder = (dataDir: string): void => {
  if (existsSync(join(dataDir, 'database')) || !existsSync(join(dataDir, 'postgres', 'PG_VERSION'))) return;
  throw new OlderDataDirError(
    `The folder ${dataDir} holds a database of an earlier version of Outdial, in a form (PGlite) that this version cannot read. Nothing in it was ` +
      `touched. Take its leads out with that version (outdial leads export), set DATA_DIR to a new folder, and import them there; or remove ` +
      `${join(dataDir, 'postgres')} if it is not needed.`,
  );
};

/**
 * The folder of the embedded database, made where there is none yet.
 * @throws DataDirUnusableError, OlderDataDirError.
 */
export const openClusterFolder = (given: string): ClusterFolder => {
  const dataDir = resolve(given);
  const folder = join(dataDir, 'database');
  try {
    makeFolder(dataDir);
    refuseOlder(dataDir);
    const owner = ownerOf(folder);
    const user = serverUser(owner);
    makeFolder(folder);
    // New, or copied by root.
    if (user.uid !== undefined && owner !== user.uid) giveTo(user, folder);
    // Also where this process may not look into it, which is told here and not later.
    readdirSync(folder);
    return { dataDir, folder, cluster: join(folder, 'cluster'), log: join(folder, 'postgres.log'), user };
  } catch (error) {
    if (error instanceof OlderDataDirError || error instanceof NoDatabaseProgramError) throw error;
    throw new DataDirUnusableError(dataDir, error);
  }
};

// For small machines; a person may change them in postgresql.conf. What has to be as it is, is given at each start (keeper.ts).
const SIZES = {
  shared_buffers: '64MB',
  max_connections: '100',
  work_mem: '8MB',
  maintenance_work_mem: '64MB',
  max_wal_size: '512MB',
  min_wal_size: '32MB',
  wal_level: 'minimal',
  max_wal_senders: '0',
  // Workers of their own for reading would take memory for nothing.
  io_method: 'sync',
  max_worker_processes: '2',
  max_parallel_workers_per_gather: '0',
  max_parallel_maintenance_workers: '0',
  max_logical_replication_workers: '0',
  jit: 'off',
  random_page_cost: '1.1',
};

const PASSWORD_FILE = 'outdial-password';

const runInitdb = (initdb: string, staging: string, user: RunAs): void => {
  const reach = reachAs(staging, user);
  try {
    const sizes = Object.entries(SIZES).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
    const access = ['-U', ROLE, '-A', 'scram-sha-256', `--pwfile=${reach.path}/password`];
    const options = ['-D', `${reach.path}/cluster`, ...access, '-E', 'UTF8', '--locale=C', '--no-instructions', ...sizes];
    const { status, stderr, error } = spawnSync(initdb, options, {
      ...user,
      cwd: '/',
      encoding: 'utf8',
      stdio: ['ignore', 'ignore', 'pipe', 'ignore', reach.descriptor ?? 'ignore'],
    });
    if (status !== 0) throw error ?? new Error(stderr.trim().split('\n').at(-1) ?? 'initdb failed');
  } finally {
    reach.close();
  }
};

const LONGEST_INITDB_MS = 3_600_000;

// What a process that was killed meanwhile has left behind. `staging` is new: its time is that of the file system's clock.
const removeLeftovers = (dataDir: string, staging: string): void => {
  const oldest = statSync(staging).mtimeMs - LONGEST_INITDB_MS;
  for (const name of readdirSync(dataDir)) {
    const path = join(dataDir, name);
    if (name.startsWith('database.new-') && statSync(path).mtimeMs < oldest) rmSync(path, { recursive: true, force: true });
  }
};

const isTaken = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOTEMPTY' || error.code === 'EEXIST');

/** Makes the cluster if there is none. Of two processes that do so at once, one's becomes the cluster, and the other's is thrown away. */
export const initialiseCluster = async ({ dataDir, folder, cluster, user }: ClusterFolder): Promise<void> => {
  if (existsSync(join(cluster, 'PG_VERSION'))) return;
  const maker = namedUser();
  const programs = preparePrograms(await findPrograms(), maker, folder);
  const staging = mkdtempSync(join(dataDir, 'database.new-'));
  try {
    removeLeftovers(dataDir, staging);
    const password = randomBytes(24).toString('base64url');
    writeFileSync(join(staging, 'password'), password, { mode: 0o600 });
    giveTo(maker, staging);
    runInitdb(programs.initdb, staging, maker);
    const made = join(staging, 'cluster');
    writeFileSync(join(made, PASSWORD_FILE), password, { mode: 0o600 });
    chmodSync(made, 0o700);
    giveTo(user, made);
    renameSync(made, cluster);
  } catch (error) {
    if (!isTaken(error)) throw new DataDirUnusableError(dataDir, error);
  } finally {
    rmSync(staging, { recursive: true, force: true });
    if (programs.copy !== undefined) rmSync(programs.copy, { recursive: true, force: true });
  }
};

/** The password of the role. */
export const readPassword = ({ dataDir, cluster }: ClusterFolder): string => {
  try {
    return readFileSync(join(cluster, PASSWORD_FILE), 'utf8');
  } catch (error) {
    throw new DataDirUnusableError(dataDir, error, 'only the user that made it can use it');
  }
};

/** @throws OlderDataDirError where the cluster was made by another major version of PostgreSQL than that of the programs. */
export const checkVersion = ({ dataDir, cluster, user }: ClusterFolder, postgres: string): void => {
  const made = readFileSync(join(cluster, 'PG_VERSION'), 'utf8').trim();
  const ours = majorOf({ postgres, initdb: '' }, user);
  if (made === ours) return;
  throw new OlderDataDirError(
    `The database in ${dataDir} was made by PostgreSQL ${made}, and this version of Outdial brings PostgreSQL ${ours}. Nothing was changed. With the ` +
      'version of Outdial that made it run: outdial backup FILE. Then set DATA_DIR to a new folder, and with this version run: outdial restore FILE.',
  );
};
