// Who uses the server of a folder, kept by the kernel, so that no kill can leave a wrong count behind. All of it is one named pipe:
// each Outdial process that uses the server holds it open for writing, the server and its keeper hold it open for reading.
// - The keeper reads the end of the pipe when the last user has gone, however it went, and then stops the server.
// - Without a reader no process of the server lives any more, also not in another container that shares the folder.
// A pipe is not used again: each start has a number of its own, and whoever makes the pipe with the next number is the one to start.
import { spawnSync } from 'node:child_process';
import { closeSync, constants, linkSync, openSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DataDirUnusableError } from './errors.ts';
import { giveTo, type RunAs } from './run-as.ts';

/** One process's use of a server. */
export interface Use {
  /** Whether any process of the server lives. */
  isAlive(): boolean;
  /** The use ends; the server ends with its last one. */
  leave(): void;
}

/** The right to start the server. */
export interface Founding extends Use {
  /** The pipe's name within the folder, which the keeper opens for reading. */
  name: string;
  /** The keeper has the pipe open: ours, which only held it until then, is closed. */
  handOver(): void;
}

const NAME = /^users-(\d+)$/;

const numbersIn = (folder: string): number[] =>
  readdirSync(folder)
    .flatMap((name) => NAME.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => b - a);

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined);

// Undefined: nobody reads it, or it is gone.
const openForWriting = (path: string): number | undefined => {
  try {
    return openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (codeOf(error) === 'ENXIO' || codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
};

const isRead = (path: string): boolean => {
  const descriptor = openForWriting(path);
  if (descriptor === undefined) return false;
  closeSync(descriptor);
  return true;
};

const closeOnce = (descriptor: number): (() => void) => {
  let isOpen = true;
  return () => {
    if (isOpen) closeSync(descriptor);
    isOpen = false;
  };
};

/** Uses the server that runs in the folder; undefined when none does. */
export const joinUsers = (folder: string): Use | undefined => {
  const [latest] = numbersIn(folder);
  if (latest === undefined) return undefined;
  const path = join(folder, `users-${latest}`);
  const descriptor = openForWriting(path);
  return descriptor === undefined ? undefined : { isAlive: () => isRead(path), leave: closeOnce(descriptor) };
};

const makePipe = (folder: string, user: RunAs): string => {
  const path = join(folder, `pipe-${process.pid}-${Math.random().toString(36).slice(2)}`);
  const { status, stderr, error } = spawnSync('mkfifo', ['-m', '600', path], { encoding: 'utf8' });
  if (status !== 0) throw new DataDirUnusableError(folder, error ?? `it takes no named pipe: ${stderr.trim()}`);
  giveTo(user, path);
  return path;
};

const tryLink = (from: string, to: string): boolean => {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
};

/** Takes the right to start a server in the folder, to be asked for when none runs; undefined when another process was faster. */
export const foundUsers = (folder: string, user: RunAs): Founding | undefined => {
  const seen = numbersIn(folder);
  const number = (seen[0] ?? 0) + 1;
  const made = makePipe(folder, user);
  // Opened before anybody can see it: a pipe that has a name has a reader, or its process has died.
  const reading = openSync(made, constants.O_RDONLY | constants.O_NONBLOCK);
  const writing = openSync(made, constants.O_WRONLY | constants.O_NONBLOCK);
  const [handOver, stopWriting] = [closeOnce(reading), closeOnce(writing)];
  const leave = (): void => {
    handOver();
    stopWriting();
  };
  const name = `users-${number}`;
  const path = join(folder, name);
  const isFirst = tryLink(made, path);
  rmSync(made, { force: true });
  // A higher number: this process looked long ago, and others have started and ended a server since.
  if (!isFirst || numbersIn(folder)[0] !== number) {
    leave();
    if (isFirst) rmSync(path, { force: true });
    return undefined;
  }
  for (const old of seen) rmSync(join(folder, `users-${old}`), { force: true });
  return { name, isAlive: () => isRead(path), leave, handOver };
};
