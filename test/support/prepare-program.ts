// Before the tests that start the program: what each start would do anew. Node keeps the compiled sources, which halves the time
// of a start, and a data folder is initialised and migrated once; copying it takes a tenth of the time.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';

/** Where it is. */
export interface PreparedProgram {
  /** For NODE_COMPILE_CACHE. */
  compileCache: string;
  /** A DATA_DIR with the whole schema and no rows, to be copied. */
  dataDir: string;
}

declare module 'vitest' {
  interface ProvidedContext {
    program: PreparedProgram;
  }
}

const PROGRAM = fileURLToPath(new URL('../../bin/outdial.js', import.meta.url));

/** Vitest's hook: the function that it gives back runs after the tests. */
export const setup = async (project: TestProject): Promise<() => void> => {
  const folder = mkdtempSync(join(tmpdir(), 'outdial-program-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  // Ctrl-C ends the runner without the tear-down.
  process.once('exit', remove);
  const [compileCache, dataDir] = [join(folder, 'cache'), join(folder, 'data')];
  const env = { PATH: process.env.PATH ?? '', HOME: tmpdir(), DATA_DIR: dataDir, NODE_COMPILE_CACHE: compileCache };
  await promisify(execFile)(process.execPath, [PROGRAM, 'migrate'], { env, cwd: tmpdir() });
  project.provide('program', { compileCache, dataDir });
  return remove;
};
