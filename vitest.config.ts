// What runs where: pure tests; everything that touches HTTP or a database, on a real PostgreSQL; servers as processes.
import { configDefaults, defineConfig } from 'vitest/config';
import { createClosingLine } from './test/support/closing-line.ts';

const WITH_DATABASE = ['src/**/*.{store,routes}.test.ts', 'test/**/*.test.ts'];
const IN_MEMORY = ['test/simulation/{simulation,sabotage,promise-checker}.test.ts'];
const ELSEWHERE = [
  ...configDefaults.exclude,
  'test/unit/**',
  'test/process/**',
  'test/crash/**',
  'test/power/**',
  'test/contract/**',
  ...IN_MEMORY,
  'test/walls.test.ts',
];

// The files of a worker share one process and its modules: loading those anew for each file took a third of the time. Nothing of ours
// is mocked, and what modules hold begins anew in begin-file.ts, so files pass in any order (--sequence.shuffle.files).
const TOGETHER = { isolate: false };

const project = (name: string, test: object) => ({ extends: true as const, test: { name, ...test } });

export default defineConfig({
  test: {
    reporters: ['default', createClosingLine()],
    // Vitest would leave one processor free; tests mostly wait for a database.
    maxWorkers: '100%',
    testTimeout: 30_000,
    hookTimeout: 60_000,
    projects: [
      project('unit', {
        ...TOGETHER,
        include: ['src/**/*.test.ts', 'test/{unit,contract}/**/*.test.ts', ...IN_MEMORY, 'test/walls.test.ts'],
        exclude: [...configDefaults.exclude, 'src/**/*.{store,routes}.test.ts'],
      }),
      project('postgres', {
        ...TOGETHER,
        include: WITH_DATABASE,
        exclude: ELSEWHERE,
        globalSetup: 'test/support/prepare-postgres.ts',
        setupFiles: 'test/support/begin-file.ts',
      }),
      // Servers, started for real: after all of the above, and two files at a time, since each fills a processor or two.
      project('process', {
        include: ['test/process/**/*.test.ts'],
        sequence: { groupOrder: 1 },
        maxWorkers: 2,
        testTimeout: 90_000,
        globalSetup: ['test/support/prepare-postgres.ts', 'test/support/prepare-program.ts'],
        setupFiles: 'test/support/begin-file.ts',
      }),
      // Needs root and loop devices: a disk of its own, whose power is cut.
      project('power', {
        include: ['test/power/**/*.test.ts'],
        fileParallelism: false,
        testTimeout: 180_000,
        globalSetup: 'test/support/prepare-postgres.ts',
        setupFiles: 'test/support/begin-file.ts',
      }),
      // Processes that are killed in the middle of things; CONTRIBUTING.md and docs/guarantees.md say how to have more of it.
      project('crash', {
        include: ['test/crash/**/*.test.ts'],
        fileParallelism: false,
        maxConcurrency: 2,
        testTimeout: 180_000,
        globalSetup: 'test/support/prepare-postgres.ts',
        setupFiles: 'test/support/begin-file.ts',
      }),
    ],
  },
});
