// A disk whose power can be cut: a file system on a loop device. Its image holds what the file system has given to the disk, and
// nothing of what only stands in memory (the page cache), so that a copy of the image is what a power cut leaves. Needs root.
import { execFileSync } from 'node:child_process';
import { constants, copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SIZE_MB = 600;

const run = (program: string, ...args: string[]): void => {
  execFileSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
};

/** A mounted disk. */
export interface Disk {
  /** Where it is mounted. */
  path: string;
  /** Copies the disk as it is at this instant. Whoever writes to it has to be halted meanwhile. @returns the copy, to be mounted with mountDisk. */
  copy(): string;
  unmount(): void;
}

/** A folder for disks. `remove` comes after all of them are unmounted. */
export const createDisks = (): { make(): string; mount(image: string): Disk; remove(): void } => {
  const folder = mkdtempSync(join(tmpdir(), 'outdial-disks-'));
  const mounted = new Set<string>();
  let made = 0;
  const next = (): string => {
    made += 1;
    return join(folder, `disk-${made}`);
  };
  const mount = (image: string): Disk => {
    const path = `${image}.mounted`;
    mkdirSync(path);
    // By itself ext4 would write its journal every five seconds, and hide that nobody asked for it.
    run('mount', '-o', 'loop,commit=3600', image, path);
    mounted.add(path);
    return {
      path,
      copy: () => {
        const copied = next();
        copyFileSync(image, copied, constants.COPYFILE_FICLONE);
        return copied;
      },
      unmount: () => {
        if (mounted.delete(path)) run('umount', '--lazy', path);
      },
    };
  };
  return {
    make: () => {
      const image = next();
      run('truncate', '-s', `${SIZE_MB}M`, image);
      run('mkfs.ext4', '-q', '-F', image);
      return image;
    },
    mount,
    remove: () => {
      for (const path of mounted) run('umount', '--lazy', path);
      rmSync(folder, { recursive: true, force: true });
    },
  };
};
