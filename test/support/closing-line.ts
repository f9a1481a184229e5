// A reporter: the last line of a run is `N passed, N failed`, with `, N skipped` where some were. Scripts read it.
import { writeSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';

interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

/** The line of a tally. */
export const closingLine = ({ passed, failed, skipped }: Tally): string =>
  `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;

// A file or suite that broke outside its tests (an import, a hook) counts as one failure: it must not read as success.
const tally = (modules: readonly TestModule[], otherErrors: number): Tally => {
  const count: Tally = { passed: 0, failed: otherErrors, skipped: 0 };
  for (const module of modules) {
    count.failed += module.errors().length;
    for (const suite of module.children.allSuites()) count.failed += suite.errors().length;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      if (state === 'pending') count.skipped += 1;
      else count[state] += 1;
    }
  }
  return count;
};

/** Makes the reporter. It speaks when the process ends, after every other reporter and after the databases have gone. */
export const createClosingLine = (): Reporter => {
  let count: Tally = { passed: 0, failed: 0, skipped: 0 };
  const speak = (exitCode: number) => {
    // A run can break where no test is: in its preparation, or in its end.
    if (exitCode !== 0 && count.failed === 0) count.failed = 1;
    writeSync(1, `${closingLine(count)}\n`);
  };
  return {
    onInit: () => {
      process.once('exit', speak);
    },
    onTestRunEnd: (modules, errors) => {
      count = tally(modules, errors.length);
    },
  };
};
