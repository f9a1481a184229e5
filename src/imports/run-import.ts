// The course of an import: rows are read, gathered into batches and saved, until the file ends or cannot go on. While a batch is
// saved the next one is read. What was saved stays, whatever comes after. Storage is an argument.                        [pure]
import { DomainError } from '../errors.ts';
import { isRecord } from '../is-record.ts';
import type { CountryCode } from '../phone.ts';
import type { ColumnPlan } from './column-mapping.ts';
import { BATCH_CHARACTERS, type CsvRow, type Issue, MalformedCsvError } from './import.ts';
import { type ReadRow, readLeadRow } from './lead-csv.ts';

/** Another runner has taken the import over. */
export class LostImportError extends Error {}

/**
 * How an import ended. `stop` says why, where it ended before the file did. `paused`: somebody is to go on, since it was
 * asked to stop, or somebody else holds what it needs;
 * `lost`: somebody does already.
 */
export type ImportEnd = FinalEnd | { status: 'paused' } | { status: 'lost' };

/** The end of an import with which nobody goes on. */
export type FinalEnd = { status: 'completed' } | { status: 'failed'; stop: Issue | undefined };

/** What an import needs. */
export interface ImportCourse {
  /** The rows of the file, its header first. */
  batches: AsyncIterable<readonly CsvRow[]>;
  plan: ColumnPlan;
  country: CountryCode | undefined;
  /** Rows behind the header that were dealt with before. */
  skip: number;
  /** Rows that a batch has at most. */
  batchRows: number;
  isStopping: () => boolean;
  /** Stores a batch whole or not at all. */
  save: (rows: readonly ReadRow[]) => Promise<void>;
  /** Hears of unexpected failures. */
  onFailure: (error: unknown) => void;
}

const DELETED = 'The campaign was deleted while the import ran: it stopped here.';
const FAILED = 'The server failed here. The rows before were kept: import the file again, they will be reported as duplicates.';

// PostgreSQL's code where a lock was waited for in vain. What was saved is counted, so whoever comes next goes on behind it.
const LOCK_NOT_AVAILABLE = '55P03';
const isLockedOut = (error: unknown): boolean => isRecord(error) && error.code === LOCK_NOT_AVAILABLE;

const stopIssue = (error: unknown, line: number): Issue => {
  const deleted = error instanceof DomainError && error.code === 'campaign_not_found';
  return { line, kind: deleted ? 'campaign_deleted' : 'interrupted', column: null, message: deleted ? DELETED : FAILED };
};

const malformedRow = ({ line, message }: MalformedCsvError): ReadRow => ({
  line,
  cells: [],
  error: { line, kind: 'malformed_csv', column: null, message: `${message} The file cannot be read from there on.` },
});

const countCharacters = ({ cells }: CsvRow): number => {
  let sum = 0;
  for (const cell of cells) sum += cell.length;
  return sum;
};

/** Saves one batch at a time, and lets the caller go on meanwhile. */
const createSaving = (save: ImportCourse['save']) => {
  let saving: Promise<void> = Promise.resolve();
  let line = 1;
  const saveOne = async (rows: readonly ReadRow[]): Promise<void> => {
    line = rows[0]?.line ?? line;
    await save(rows);
  };
  return {
    line: (): number => line,
    /** @throws what the batch before has failed with. */
    begin: async (rows: readonly ReadRow[]): Promise<void> => {
      await saving;
      saving = saveOne(rows);
      // Whoever comes next hears of it.
      saving.catch(() => {});
    },
    end: (): Promise<void> => saving,
  };
};

/** Runs an import to its end. It never throws: a failure is part of the result. */
export const runImport = async (course: ImportCourse): Promise<ImportEnd> => {
  const { plan, country, skip, batchRows, isStopping, save, onFailure } = course;
  const saving = createSaving(save);
  let batch: ReadRow[] = [];
  let characters = 0;
  // The header is passed over like the rows that are done.
  let passed = -1;
  const flush = async (): Promise<void> => {
    const rows = batch;
    batch = [];
    characters = 0;
    if (rows.length > 0) await saving.begin(rows);
  };
  const take = async (row: CsvRow): Promise<void> => {
    if (passed < skip) {
      passed += 1;
      return;
    }
    batch.push(readLeadRow(row, plan, country));
    characters += countCharacters(row);
    if (batch.length >= batchRows || characters >= BATCH_CHARACTERS) await flush();
  };
  const readAll = async (): Promise<ImportEnd> => {
    let end: ImportEnd = { status: 'completed' };
    try {
      for await (const rows of course.batches) {
        for (const row of rows) {
          await take(row);
          if (isStopping()) return { status: 'paused' };
        }
      }
    } catch (error) {
      if (!(error instanceof MalformedCsvError)) throw error;
      end = { status: 'failed', stop: undefined };
      // Counted as a row: it may have been, before somebody else went on.
      if (passed === skip) batch.push(malformedRow(error));
    }
    await flush();
    return end;
  };
  try {
    const end = await readAll();
    await saving.end();
    return end;
  } catch (error) {
    await saving.end().catch(() => {});
    if (error instanceof LostImportError) return { status: 'lost' };
    if (isLockedOut(error)) {
      onFailure(error);
      return { status: 'paused' };
    }
    const stop = stopIssue(error, saving.line());
    if (stop.kind === 'interrupted') onFailure(error);
    return { status: 'failed', stop };
  }
};
