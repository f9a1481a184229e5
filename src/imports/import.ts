// An import: what it counts, what it says of single lines, and how the wire shows it. Quotes of cells stay in here:
// they are the client's own data, for the client alone, never for a log.                                        [pure]
import type { ImportIssueRow, ImportRow } from '../db/schema.ts';
import { toIsoMicro } from '../http/wire-time.ts';

/** Issues of each severity that are kept and shown. The counts are always whole. */
export const ISSUES_SHOWN = 1000;

/** Rows that are stored in one transaction. */
export const BATCH_ROWS = 500;

/** Characters of cells after which a batch is stored even if it has fewer rows. */
export const BATCH_CHARACTERS = 4_000_000;

/** The cells of a row, trimmed. `line`: the physical line on which it begins, from 1. */
export interface CsvRow {
  line: number;
  cells: string[];
}

/** The file breaks the rules of CSV in the row that begins on `line`; nothing after it can be read. */
export class MalformedCsvError extends Error {
  readonly line: number;

  constructor(line: number, reason: string) {
    super(reason);
    this.line = line;
  }
}

/** Why a row was not added, or what was done to one that was. */
export type IssueKind = ImportIssueRow['kind'];

/** What an import says of a cell or a row. `line` counts from 1 in the file as it was sent; 0: the import as a whole. */
export interface Issue {
  line: number;
  kind: IssueKind;
  /** The header of the column as written, where one column is at fault. */
  column: string | null;
  message: string;
}

/** rows = imported + duplicates + failed; the blacklisted ones are among the imported. `warnings` counts warnings, not rows. */
export interface ImportCounts {
  rows: number;
  imported: number;
  duplicates: number;
  blacklisted: number;
  failed: number;
  warnings: number;
}

export const NO_ROWS: ImportCounts = { rows: 0, imported: 0, duplicates: 0, blacklisted: 0, failed: 0, warnings: 0 };

/** The sum of two counts. */
export const addCounts = (a: ImportCounts, b: ImportCounts): ImportCounts => ({
  rows: a.rows + b.rows,
  imported: a.imported + b.imported,
  duplicates: a.duplicates + b.duplicates,
  blacklisted: a.blacklisted + b.blacklisted,
  failed: a.failed + b.failed,
  warnings: a.warnings + b.warnings,
});

/** The issues of an import, the first of each severity. */
export interface ImportReport {
  errors: Issue[];
  warnings: Issue[];
}

/**
 * How long a running import may be silent before it is taken for one that its server left behind. Several servers may
 * share a database, so a start alone says nothing of the imports of others; a batch takes seconds at most.
 */
const SILENCE_MS = 120_000;

/** The instant before which the last sign of life of an import that still runs does not lie. */
export const aliveSince = (now: Date): Date => new Date(now.getTime() - SILENCE_MS);

/** What is said of an import whose server stopped. */
export const INTERRUPTED: Issue = {
  line: 0,
  kind: 'interrupted',
  column: null,
  message:
    'The server was stopped while the import ran. The rows that it had added were kept: import the file again, they will be reported as duplicates.',
};

// Judged when it is read, since the server that should end the import is gone, and another start may be far off.
const isInterrupted = ({ status, heartbeat_at }: ImportRow, now: Date): boolean => status === 'running' && heartbeat_at < aliveSince(now);

const asOf = (row: ImportRow, now: Date): ImportRow =>
  isInterrupted(row, now) ? { ...row, status: 'failed', finished_at: row.heartbeat_at } : row;

/** An import as lists show it: without its report. */
export const presentImportSummary = (stored: ImportRow, now: Date) => {
  const row = asOf(stored, now);
  return {
    id: row.id,
    campaign_id: row.campaign_id,
    status: row.status,
    // Stored by saveBatch alone, in this form.
    counts: { ...NO_ROWS, ...row.counts },
    created_at: toIsoMicro(row.created_at),
    finished_at: row.finished_at === null ? null : toIsoMicro(row.finished_at),
  };
};

/** An import with its report. */
export const presentImport = (row: ImportRow, { errors, warnings }: ImportReport, now: Date) => ({
  ...presentImportSummary(row, now),
  errors: isInterrupted(row, now) ? [INTERRUPTED, ...errors].slice(0, ISSUES_SHOWN) : errors,
  warnings,
});
