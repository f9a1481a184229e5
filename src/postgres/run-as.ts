// Whom the server runs as. PostgreSQL refuses root, so that root hands it to a user of its own.
import { execFileSync } from 'node:child_process';
import { lchownSync, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { NoDatabaseProgramError } from './errors.ts';

/** A user for a child process. Empty: whoever runs this process. */
export interface RunAs {
  uid?: number;
  gid?: number;
}

const isRoot = (): boolean => process.getuid?.() === 0;

const idOf = (flag: '-u' | '-g', name: string): number | undefined => {
  try {
    return Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
  } catch {
    return undefined;
  }
};

/** The user that initdb runs as: it looks its user up by name, so that a number alone would not do. These are on every Unix. */
export const namedUser = (): RunAs => {
  if (!isRoot()) return {};
  for (const name of ['nobody', 'daemon', 'bin']) {
    const [uid, gid] = [idOf('-u', name), idOf('-g', name)];
    if (uid !== undefined && gid !== undefined) return { uid, gid };
  }
  throw new NoDatabaseProgramError('PostgreSQL refuses to run as root, and this machine has no user nobody, daemon or bin');
};

// Below the numbers that systems give to nobody (65534), and above those that they give to people and services.
const FIRST_FREE_ID = 65_432;
const LAST_FREE_ID = 65_000;

const isTaken = (id: number): boolean => idOf('-u', String(id)) !== undefined;

/**
 * The user that the server runs as: the owner of its folder where there is one. A new folder gets a number that no user of the machine has: what
 * belongs to `nobody` would be open to every other service that runs as nobody.
 */
export const serverUser = (ownerId: number | undefined): RunAs => {
  if (!isRoot()) return {};
  if (ownerId !== undefined && ownerId !== 0) return { uid: ownerId, gid: ownerId };
  for (let id = FIRST_FREE_ID; id >= LAST_FREE_ID; id -= 1) if (!isTaken(id)) return { uid: id, gid: id };
  return namedUser();
};

/** The owner of a folder; undefined where there is none. */
export const ownerOf = (folder: string): number | undefined => lstatSync(folder, { throwIfNoEntry: false })?.uid;

/** Gives a file or folder to a user, with all that is in it. Nothing happens for oneself. */
export const giveTo = ({ uid, gid }: RunAs, path: string): void => {
  if (uid === undefined || gid === undefined) return;
  lchownSync(path, uid, gid);
  if (!lstatSync(path).isDirectory()) return;
  for (const entry of readdirSync(path, { recursive: true, withFileTypes: true })) lchownSync(join(entry.parentPath, entry.name), uid, gid);
};
