// From the bytes of an .xlsx file to the rows of its first sheet, as those of a CSV file come: a batch at a time, in bounded memory
// whatever the file claims to be.
import { type Archive, ArchiveError, openArchive, type RandomAccessFile } from './archive.reader.ts';
import { MAX_COLUMNS } from './column-mapping.ts';
import { type CsvRow, MalformedCsvError } from './import.ts';
import type { SharedStrings } from './shared-strings.reader.ts';
import { createSheetListener, type SheetRow } from './sheet-rows.reader.ts';
import { NoWorkbookError, openWorkbook, type Workbook } from './workbook.reader.ts';
import { readXml, XmlError } from './xml.reader.ts';

/** Bytes that a sheet may inflate to: a million rows of 40 cells of 50. */
const MAX_SHEET_BYTES = 2_147_483_648;
/** Characters of a row, as many as a CSV file may have. Cells may share a long text, so the sheet's own size says little. */
const MAX_ROW_CHARACTERS = 2_000_000;
const BATCH_CHARACTERS = 1_000_000;

const lookUp = async (strings: SharedStrings, index: number): Promise<string> => {
  const found = strings.peek(index);
  if (found !== undefined) return found;
  await strings.fetch(index);
  return strings.peek(index) ?? '';
};

// Of a row of leads, cells beyond the last allowed column only matter as the one too many that they are: the last cell of a
// row may be the 16,384th, and no row is to cost that.
const fill = (cells: string[], column: number, cell: string, width: number, line: number): void => {
  const at = Math.min(column, width);
  while (cells.length < at) cells.push('');
  if (at < width && (cells[at] ?? '') !== '') throw new MalformedCsvError(line, `Row ${line} of the sheet has two cells in one place.`);
  cells[at] = cell;
};

const toCells = async ({ line, columns, values }: SheetRow, strings: SharedStrings, width: number): Promise<string[]> => {
  const cells: string[] = [];
  let characters = 0;
  for (const [index, value] of values.entries()) {
    const cell = (typeof value === 'number' ? await lookUp(strings, value) : value).trim();
    if (cell === '') continue;
    characters += cell.length;
    if (characters > MAX_ROW_CHARACTERS) throw new MalformedCsvError(line, `Row ${line} of the sheet is too large.`);
    fill(cells, columns[index] ?? 0, cell, width, line);
  }
  return cells;
};

// Yields what it has before it throws.
const toBatches = async function* (rows: readonly SheetRow[], strings: SharedStrings, state: SheetState): AsyncGenerator<CsvRow[], void> {
  let batch: CsvRow[] = [];
  let characters = 0;
  let failure: { error: unknown } | undefined;
  for (const row of rows) {
    try {
      const cells = await toCells(row, strings, state.hasHeader ? MAX_COLUMNS : Number.POSITIVE_INFINITY);
      if (cells.length === 0) continue;
      state.hasHeader = true;
      batch.push({ line: row.line, cells });
      characters += cells.reduce((sum, cell) => sum + cell.length, 0);
    } catch (error) {
      failure = { error };
      break;
    }
    if (characters < BATCH_CHARACTERS) continue;
    yield batch;
    batch = [];
    characters = 0;
  }
  if (batch.length > 0) yield batch;
  if (failure !== undefined) throw failure.error;
};

interface SheetState {
  line: number;
  hasHeader: boolean;
}

const readSheet = async function* (archive: Archive, workbook: Workbook, state: SheetState): AsyncGenerator<CsvRow[], void> {
  const { sheet, strings, styles } = workbook;
  const { listener, take, line } = createSheetListener(strings.count, styles);
  const document = readXml(archive.read(sheet, MAX_SHEET_BYTES), listener);
  try {
    for (;;) {
      const step = await document.next().catch((error: unknown) => ({ error }));
      state.line = line();
      yield* toBatches(take(), strings, state);
      if ('error' in step) throw step.error;
      if (step.done === true) return;
    }
  } finally {
    await document.return();
  }
};

const toMalformed = (error: unknown, line: number): unknown => {
  if (error instanceof NoWorkbookError) return new MalformedCsvError(line, error.message);
  if (error instanceof ArchiveError || error instanceof XmlError) {
    return new MalformedCsvError(line, `The workbook cannot be read: ${error.message}.`);
  }
  return error;
};

/**
 * Reads the rows of a workbook's first sheet, the header first, some at a time; no batch is empty. `line` is the row's number in the
 * sheet. Empty rows are left out.
 * @throws MalformedCsvError after the last row that could be read.
 */
export const readWorkbookBatches = async function* (file: RandomAccessFile): AsyncGenerator<CsvRow[], void> {
  const state: SheetState = { line: 1, hasHeader: false };
  let workbook: Workbook | undefined;
  try {
    const archive = await openArchive(file);
    workbook = await openWorkbook(archive);
    yield* readSheet(archive, workbook, state);
  } catch (error) {
    throw toMalformed(error, state.line);
  } finally {
    await workbook?.strings.close();
  }
};
