// The course of an import: rows are read, gathered into batches and saved, until the file ends or cannot go on.
// What was saved stays, whatever comes after. Storage is an argument.                                            [pure]
import { DomainError } from '../errors.ts';
import type { CountryCode } from '../phone.ts';
import type { ColumnPlan } from './column-mapping.ts';
import {
  addCounts,
  BATCH_CHARACTERS,
  BATCH_ROWS,
  type CsvRow,
  type ImportCounts,
  type ImportReport,
  ISSUES_SHOWN,
  type Issue,
  MalformedCsvError,
  NO_ROWS,
} from './import.ts';
import { type BatchOutcome, type ReadRow, readLeadRow } from './lead-csv.ts';

/** How an import ended. `stop` says why, where it ended before the file did. */
export interface ImportEnd {
  status: 'completed' | 'failed';
  stop: Issue | undefined;
  counts: ImportCounts;
  report: ImportReport;
}

/** What an import needs. `save` stores a batch whole or not at all; `onFailure` hears of unexpected failures. */
export interface ImportCourse {
  rows: AsyncIterable<CsvRow>;
  plan: ColumnPlan;
  country: CountryCode | undefined;
  save: (rows: readonly ReadRow[]) => Promise<BatchOutcome>;
  onFailure: (error: unknown) => void;
}

const DELETED = 'The campaign was deleted while the import ran: it stopped here.';
const FAILED = 'The server failed here. The rows before were kept: import the file again, they will be reported as duplicates.';

const stopIssue = (error: unknown, line: number): Issue => {
  const deleted = error instanceof DomainError && error.code === 'campaign_not_found';
  return { line, kind: deleted ? 'campaign_deleted' : 'interrupted', column: null, message: deleted ? DELETED : FAILED };
};

const malformedRow = ({ line, message }: MalformedCsvError): ReadRow => ({
  line,
  error: { line, kind: 'malformed_csv', column: null, message: `${message} The file cannot be read from there on.` },
});

/** Runs an import to its end. It never throws: a failure is part of the result. */
export const runImport = async ({ rows, plan, country, save, onFailure }: ImportCourse): Promise<ImportEnd> => {
  const end: ImportEnd = { status: 'completed', stop: undefined, counts: NO_ROWS, report: { errors: [], warnings: [] } };
  const { errors, warnings } = end.report;
  let batch: ReadRow[] = [];
  let characters = 0;
  let line = 1;
  const flush = async (): Promise<void> => {
    if (batch.length === 0) return;
    line = batch[0]?.line ?? line;
    const outcome = await save(batch);
    batch = [];
    characters = 0;
    end.counts = addCounts(end.counts, outcome.counts);
    errors.push(...outcome.errors.slice(0, ISSUES_SHOWN - errors.length));
    warnings.push(...outcome.warnings.slice(0, ISSUES_SHOWN - warnings.length));
  };
  const readAll = async (): Promise<void> => {
    try {
      for await (const row of rows) {
        batch.push(readLeadRow(row, plan, country));
        characters += row.cells.reduce((sum, cell) => sum + cell.length, 0);
        if (batch.length >= BATCH_ROWS || characters >= BATCH_CHARACTERS) await flush();
      }
    } catch (error) {
      if (!(error instanceof MalformedCsvError)) throw error;
      end.status = 'failed';
      batch.push(malformedRow(error));
    }
    await flush();
  };
  try {
    await readAll();
  } catch (error) {
    end.status = 'failed';
    end.stop = stopIssue(error, line);
    errors.unshift(end.stop);
    errors.splice(ISSUES_SHOWN);
    if (end.stop.kind === 'interrupted') onFailure(error);
  }
  return end;
};
