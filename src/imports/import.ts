// An import: what it counts, what it says of single lines, and how the wire shows it. Quotes of cells stay in here:
// they are the client's own data, for the client alone, never for a log.                                        [pure]
import type { ImportIssueRow, ImportRow } from '../db/schema.ts';
import { toIsoMicro } from '../http/wire-time.ts';
import type { CountryCode } from '../phone.ts';
import type { ColumnPlan } from './column-mapping.ts';

/** Issues of each severity that are kept and shown. The counts are always whole. */
export const ISSUES_SHOWN = 1000;

/** Rows that are stored in one transaction. A fifth faster than 500, as measured: a large batch goes through the indexes in their order. */
export const BATCH_ROWS = 1000;

/** Characters of cells after which a batch is stored even if it has fewer rows. */
export const BATCH_CHARACTERS = 4_000_000;

/** How the rows of a file are read: fixed when its import begins, so that whoever goes on with it reads the same. */
export interface Course {
  /** CSV in some encoding, or a workbook. */
  kind: string;
  header: string[];
  plan: ColumnPlan;
  country: CountryCode | null;
  allow_duplicate: boolean;
}

/** A row that was not added, as it stood in the file, and why. */
export interface Reject {
  line: number;
  cells: string[];
  error: string;
}

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
 * How long an import may be silent before another runner takes it over: the one that had it shows life every few seconds, and loses
 * nothing but its turn if it was only slow, since a batch is taken from the runner of the day alone.
 */
export const LEASE_MS = 15_000;

/** How long an import may wait for a server that has its file. */
export const GIVE_UP_MS = 7 * 24 * 3_600_000;

/** What is said of an import with which nobody can go on. */
export const INTERRUPTED: Issue = {
  line: 0,
  kind: 'interrupted',
  column: null,
  message:
    'The server was stopped while the import ran, and its file is lost. The rows that it had added were kept: import the file again, they will be reported as duplicates.',
};

// Without a file nobody goes on; with one its server may come back. Judged when it is read, since that server is gone.
const isInterrupted = ({ status, heartbeat_at, spool }: ImportRow, now: Date): boolean =>
  status === 'running' && heartbeat_at.getTime() < now.getTime() - (spool === null ? LEASE_MS : GIVE_UP_MS);

const asOf = (row: ImportRow, now: Date): ImportRow =>
  isInterrupted(row, now) ? { ...row, status: 'failed', finished_at: row.heartbeat_at } : row;

/** How far an import is: percent of the file's bytes, rows per second, and the seconds left if it goes on like that. */
const progressOf = ({ status, counts, bytes_read: read, bytes_total: total, rows_per_second: rate }: ImportRow) => {
  const share = status === 'completed' ? 1 : Math.min(1, total === 0 ? 0 : read / total);
  const rows = counts.rows ?? 0;
  const isKnown = status === 'running' && rate !== null && rate > 0 && share > 0;
  return {
    percent: Math.floor(share * 1000) / 10,
    rows_per_second: rate === null ? null : Math.round(rate),
    seconds_left: isKnown ? Math.ceil((rows / share - rows) / rate) : null,
  };
};

/** An import as lists show it: without its report. */
export const presentImportSummary = (stored: ImportRow, now: Date) => {
  const row = asOf(stored, now);
  return {
    id: row.id,
    campaign_id: row.campaign_id,
    status: row.status,
    // Stored by saveBatch alone, in this form.
    counts: { ...NO_ROWS, ...row.counts },
    dry_run: row.dry_run,
    progress: progressOf(row),
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
