// Runs imports in the background: those whose files this process received, and those whose runners died and whose files are here.
import { randomUUID } from 'node:crypto';
import type { Clock } from './clock.ts';
import type { Db, ImportRow } from './db/schema.ts';
import { type RowsKind, readFileRows } from './imports/file-rows.reader.ts';
import { BATCH_ROWS, type Course, INTERRUPTED } from './imports/import.ts';
import {
  beatImport,
  claimImport,
  failInterruptedImports,
  findForgottenFiles,
  finishImport,
  foreseeBatch,
  type ImportJob,
  listWaitingImports,
  type Progress,
  releaseImport,
  type SeenNumbers,
  saveBatch,
} from './imports/import-runs.store.ts';
import type { ReadRow } from './imports/lead-csv.ts';
import { type ImportEnd, runImport } from './imports/run-import.ts';
import { isSpooled, listSpooled, openSpooled, removeSpooled, type SpooledFile } from './imports/spool.reader.ts';

/** The imports of one process. */
export interface Importer {
  /** Runs an import as soon as there is a place. Ends when the import has, or this process has nothing to do with it. Never throws. */
  run(id: number): Promise<void>;
  /** Looks for imports that nobody runs, now and from time to time. */
  watch(): void;
  /** Ends after the batches at hand; what is left waits for the next start. */
  stop(): Promise<void>;
}

/** Who counts what imports do. */
export interface ImportMeter {
  rows(count: number): void;
  ended(status: 'completed' | 'failed'): void;
}

/** What the importer works with. */
export interface ImporterDeps {
  db: Db;
  clock: Clock;
  /** The folder of the files. */
  folder: string;
  onError: (error: unknown, importId?: number) => void;
  /** Hears of rows that were dealt with, and of imports that have ended. Must not throw. */
  meter?: ImportMeter | undefined;
}

const AT_ONCE = 2;
const BEAT_MS = 3000;
const LOOK_MS = 5000;
// A file that nobody needs is an upload whose process died: long enough for the longest upload.
const FORGOTTEN_MS = 24 * 3_600_000;

/** Places for `count` at a time; whoever finds none waits. */
const createPlaces = (count: number) => {
  const waiting: (() => void)[] = [];
  let free = count;
  return async <Result>(work: () => Promise<Result>): Promise<Result> => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    }
  };
};

/** Makes an importer. */
export const createImporter = ({ db, clock, folder, onError, meter }: ImporterDeps): Importer => {
  const runner = randomUUID();
  const inPlace = createPlaces(AT_ONCE);
  const running = new Map<number, Promise<void>>();
  let stopping = false;
  let alarm: NodeJS.Timeout | undefined;
  let looking: Promise<void> | undefined;

  const runClaimed = async (row: ImportRow, file: SpooledFile): Promise<ImportEnd> => {
    // Stored by createImport alone, in this form.
    const course = row.course as Course;
    const job: ImportJob = {
      id: row.id,
      accountId: row.account_id,
      campaignId: row.campaign_id,
      allowDuplicate: course.allow_duplicate,
      runner,
    };
    const begun = performance.now();
    const seen: SeenNumbers = new Set();
    let rowsRead = 0;
    const save = async (rows: readonly ReadRow[]): Promise<void> => {
      const seconds = (performance.now() - begun) / 1000;
      rowsRead += rows.length;
      const progress: Progress = { bytesRead: file.bytesRead(), rowsPerSecond: rowsRead / seconds };
      if (row.dry_run) await foreseeBatch(db, job, rows, seen, progress, clock());
      else await saveBatch(db, job, rows, progress, clock());
      meter?.rows(rows.length);
    };
    return runImport({
      batches: readFileRows(file, course.kind as RowsKind),
      plan: course.plan,
      country: course.country ?? undefined,
      skip: row.counts.rows ?? 0,
      batchRows: BATCH_ROWS,
      isStopping: () => stopping,
      save,
      onFailure: (error) => onError(error, row.id),
    });
  };

  const runSpooled = async (row: ImportRow, spool: string): Promise<ImportEnd> => {
    if (!(await isSpooled(folder, spool))) return { status: 'failed', stop: INTERRUPTED };
    const file = await openSpooled(folder, spool);
    try {
      return await runClaimed(row, file);
    } finally {
      await file.close();
    }
  };

  const settle = async (id: number, spool: string, end: ImportEnd): Promise<void> => {
    if (end.status === 'lost') return;
    if (end.status === 'paused') {
      await releaseImport(db, id, runner);
      return;
    }
    await finishImport(db, { id, runner }, end, clock());
    meter?.ended(end.status);
    await removeSpooled(folder, spool);
  };

  const runOne = async (id: number): Promise<void> => {
    if (stopping) return;
    const row = await claimImport(db, id, runner, clock());
    if (row === undefined || row.spool === null) return;
    const { spool } = row;
    const beat = setInterval(() => {
      beatImport(db, id, runner, clock()).catch((error: unknown) => onError(error, id));
    }, BEAT_MS);
    try {
      await settle(id, spool, await runSpooled(row, spool));
    } finally {
      clearInterval(beat);
    }
  };

  const run = (id: number): Promise<void> => {
    const known = running.get(id);
    if (known !== undefined) return known;
    const done = inPlace(() => runOne(id))
      .catch((error: unknown) => onError(error, id))
      .finally(() => running.delete(id));
    running.set(id, done);
    return done;
  };

  const runWaiting = async (): Promise<void> => {
    for (const { id, spool } of await listWaitingImports(db, clock())) {
      if (spool !== null && (await isSpooled(folder, spool))) void run(id);
    }
  };

  const removeForgotten = async (): Promise<void> => {
    const old = await listSpooled(folder, new Date(clock().getTime() - FORGOTTEN_MS));
    for (const name of await findForgottenFiles(db, old)) await removeSpooled(folder, name);
  };

  // Each by itself: what fails keeps nothing else from being done.
  const look = async (): Promise<void> => {
    for (const act of [() => failInterruptedImports(db, clock()), runWaiting, removeForgotten]) {
      await act().catch((error: unknown) => onError(error));
    }
  };

  const watch = (): void => {
    if (stopping) return;
    looking = look().finally(() => {
      if (!stopping) alarm = setTimeout(watch, LOOK_MS);
    });
  };

  return {
    run,
    watch,
    stop: async () => {
      stopping = true;
      clearTimeout(alarm);
      await looking;
      await Promise.all(running.values());
    },
  };
};
