// The form of a backup file, and what its parts say. A frame is a length (4 bytes, big-endian) and as many bytes.           [pure]
//
//   outdial-backup 1\n     so that a person who looks into it knows what it is
//   frame                  the header, JSON: BackupHeader
//   frames                 for each table of the header, in its order: COPY's text form, compressed, in as many frames as it takes;
//   frame of length 0      ... and the end of that table
//   frame                  the trailer, JSON: BackupTrailer
//   32 bytes               SHA-256 of everything before
import { isRecord } from '../is-record.ts';

export const FIRST_LINE = 'outdial-backup 1\n';
export const DIGEST_BYTES = 32;
/** A data frame is far smaller. A length beyond this is damage, and must not become memory. */
export const MAX_FRAME_BYTES = 64 * 1_048_576;

/** A table as it was in the snapshot. `checksum` is the sum over its rows' hashes, whatever their order. */
export interface TableCopy {
  name: string;
  columns: string[];
  rows: number;
  checksum: string;
}

/** The last value that a column's sequence has given; null: none yet. */
export interface SequenceState {
  table: string;
  column: string;
  last: number | null;
}

/** What stands at the beginning of a backup. */
export interface BackupHeader {
  /** The version of Outdial that wrote it. */
  outdial: string;
  /** The instant of the snapshot, by the database's clock, in ISO 8601. */
  taken_at: string;
  /** The migrations that the database had seen: what the tables look like. */
  migrations: string[];
  compression: 'zstd';
  tables: TableCopy[];
}

/** What stands at its end, since it has to be read after the rows. */
export interface BackupTrailer {
  sequences: SequenceState[];
}

/** The file is no backup, or is damaged, or of another version. */
export class BackupFileError extends Error {}

/** What is said of every kind of damage. */
export const damaged = (what: string): BackupFileError =>
  new BackupFileError(`The backup is damaged: ${what}. Nothing was restored; take another copy of it, or an earlier backup.`);

const parse = (bytes: Uint8Array, part: string): Record<string, unknown> => {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    if (isRecord(value)) return value;
  } catch {
    // Said below.
  }
  throw damaged(`its ${part} cannot be read`);
};

const isText = (value: unknown): value is string => typeof value === 'string';
const isTexts = (value: unknown): value is string[] => Array.isArray(value) && value.every(isText);

const isTable = (value: unknown): value is TableCopy =>
  isRecord(value) && isText(value.name) && isTexts(value.columns) && Number.isSafeInteger(value.rows) && isText(value.checksum);

const isSequence = (value: unknown): value is SequenceState =>
  isRecord(value) && isText(value.table) && isText(value.column) && (value.last === null || Number.isSafeInteger(value.last));

/** Reads a header. @throws BackupFileError */
export const parseHeader = (bytes: Uint8Array): BackupHeader => {
  const { outdial, taken_at, migrations, compression, tables } = parse(bytes, 'header');
  const isWhole = isText(outdial) && isText(taken_at) && isTexts(migrations) && compression === 'zstd';
  if (!isWhole || !Array.isArray(tables) || !tables.every(isTable)) throw damaged('its header is not whole');
  return { outdial, taken_at, migrations, compression, tables };
};

/** Reads a trailer. @throws BackupFileError */
export const parseTrailer = (bytes: Uint8Array): BackupTrailer => {
  const { sequences } = parse(bytes, 'end');
  if (!Array.isArray(sequences) || !sequences.every(isSequence)) throw damaged('its end is not whole');
  return { sequences };
};

/** Checks the first line. @throws BackupFileError */
export const checkFirstLine = (bytes: Uint8Array): void => {
  const line = new TextDecoder('latin1').decode(bytes);
  if (line === FIRST_LINE) return;
  if (/^outdial-backup \d/.test(line)) {
    throw new BackupFileError(
      'The backup is of a form that this version does not know: restore it with the version that wrote it, or a newer one.',
    );
  }
  throw new BackupFileError('This is no backup: outdial backup has not written it.');
};

/** Refuses a backup that this version cannot read: of a database with migrations that it does not know. @throws BackupFileError */
export const refuseNewer = ({ outdial, migrations }: BackupHeader, known: readonly string[]): void => {
  const unknown = migrations.filter((name) => !known.includes(name));
  if (unknown.length === 0) return;
  throw new BackupFileError(
    `The backup was written by a newer version of Outdial (${outdial}, with ${unknown.join(', ')}): restore it with that version or a newer one.`,
  );
};

/** How far a copy is. */
export interface CopyProgress {
  step: 'count' | 'copy' | 'index' | 'check';
  table: string;
  /** Rows, or tables for the other steps, that are done and that there are. */
  done: number;
  total: number;
}

export type OnProgress = (progress: CopyProgress) => void;
