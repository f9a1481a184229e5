// How far a copy is, for whoever sits at a terminal.
import { SingleBar } from 'cli-progress';
import type { CopyProgress, OnProgress } from '../backup/backup-file.ts';

const STEPS: Readonly<Record<CopyProgress['step'], string>> = {
  count: 'counting',
  copy: 'copying',
  index: 'indexing',
  check: 'comparing',
};

/** Runs `act` with a bar on standard error, where that is a terminal. */
export const withProgress = async <Result>(act: (onProgress: OnProgress) => Promise<Result>): Promise<Result> => {
  if (!process.stderr.isTTY) return act(() => {});
  const bar = new SingleBar({
    format: '{step} {table} {bar} {percentage}%',
    stream: process.stderr,
    hideCursor: true,
    clearOnComplete: true,
  });
  bar.start(100, 0, { step: '', table: '' });
  try {
    return await act(({ step, table, done, total }) => {
      bar.update(total === 0 ? 100 : Math.min(100, Math.floor((done / total) * 100)), { step: STEPS[step], table });
    });
  } finally {
    bar.stop();
  }
};
