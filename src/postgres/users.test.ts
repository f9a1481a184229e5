// Real pipes in a real folder: who uses a server, who may start one, and that a process that dies is out.
import { closeSync, constants, mkdtempSync, openSync, readdirSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Founding, foundUsers, joinUsers } from './users.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'outdial-users-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const found = (): Founding => {
  const founding = foundUsers(folder, {});
  if (founding === undefined) throw new Error('somebody else was faster');
  return founding;
};

/** What the keeper and the server hold. */
const read = ({ name }: Founding): number => openSync(join(folder, name), constants.O_RDONLY | constants.O_NONBLOCK);

test('nobody joins where nobody has begun', () => {
  expect(joinUsers(folder)).toBeUndefined();
});

test('a server that lives is joined, and one that is dead is not', () => {
  const founding = found();
  const server = read(founding);
  founding.handOver();
  const use = joinUsers(folder);
  expect(use?.isAlive()).toBe(true);
  closeSync(server);
  expect(use?.isAlive()).toBe(false);
  expect(joinUsers(folder)).toBeUndefined();
  use?.leave();
  founding.leave();
});

test('while one is starting, others join and nobody else starts', () => {
  const founding = found();
  const use = joinUsers(folder);
  expect(use?.isAlive()).toBe(true);
  use?.leave();
  founding.leave();
});

test('a process that dies while it starts is followed by the next, which takes the next number and clears up', () => {
  const first = found();
  first.leave();
  const second = found();
  expect([first.name, second.name]).toEqual(['users-1', 'users-2']);
  expect(readdirSync(folder)).toEqual(['users-2']);
  second.leave();
});

test('the end of the pipe comes with the last user, however often one leaves', () => {
  const founding = found();
  const server = read(founding);
  founding.handOver();
  const use = joinUsers(folder);
  const isWritten = (): boolean => {
    // A pipe without writers reads as its end; with one, as nothing yet.
    try {
      return readSync(server, Buffer.alloc(1)) !== 0;
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'EAGAIN') return true;
      throw error;
    }
  };
  founding.leave();
  founding.leave();
  expect(isWritten()).toBe(true);
  use?.leave();
  expect(isWritten()).toBe(false);
  closeSync(server);
});
