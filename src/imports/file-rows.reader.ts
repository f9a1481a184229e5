// The rows of a file of either kind.
import type { RandomAccessFile } from './archive.reader.ts';
import { type Encoding, readRowBatches } from './csv.reader.ts';
import type { CsvRow } from './import.ts';
import { readWorkbookBatches } from './xlsx.reader.ts';

/** A file whose rows can be read: a CSV in some encoding, or a workbook. */
export type RowsKind = Encoding | 'xlsx';

/** What reading rows needs of a file. */
export interface RowsFile extends RandomAccessFile {
  read(): AsyncIterable<Uint8Array>;
}

/**
 * Reads the rows of a file, the header first, some at a time; no batch is empty.
 * @throws MalformedCsvError after the last row that could be read.
 */
export const readFileRows = (file: RowsFile, kind: RowsKind): AsyncGenerator<CsvRow[], void> =>
  kind === 'xlsx' ? readWorkbookBatches(file) : readRowBatches(file.read(), kind);
