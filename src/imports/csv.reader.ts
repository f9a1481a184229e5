// From the bytes of a CSV file to rows of cells with their line numbers, one chunk at a time: no file is ever held whole.
import { type CsvError, parse } from 'csv-parse';
import { type CsvRow, MalformedCsvError } from './import.ts';
import { isMostlyUtf8, NO_BYTES, tallyUtf8 } from './utf8-tally.ts';

/** The encodings that are told apart. UTF-16 is what Excel's "Unicode text" is. */
export type Encoding = 'utf-8' | 'utf-16le' | 'utf-16be' | 'windows-1252';

/** What a file is, by its bytes. */
export type FileKind = Encoding | 'xlsx' | 'xls' | 'empty';

/**
 * Bytes of a row: 200 cells of 2000 characters of 4 bytes, with room for their quotes. Guards against a quote without end, and
 * against a line without end: so many characters in which no row ends are refused, whatever they are.
 */
const MAX_ROW_BYTES = 2_000_000;
const DELIMITERS = [',', ';', '\t'] as const;
// .xlsx is a ZIP archive, of which an empty one has a mark of its own; .xls is a compound file, as a workbook with a password is.
const WORKBOOKS = [
  ['xlsx', [0x50, 0x4b, 0x03, 0x04]],
  ['xlsx', [0x50, 0x4b, 0x05, 0x06]],
  ['xls', [0xd0, 0xcf, 0x11, 0xe0]],
] as const;

const startsWith = (bytes: Uint8Array, mark: readonly number[]): boolean => mark.every((byte, at) => bytes[at] === byte);

const kindByMark = (bytes: Uint8Array): FileKind | undefined => {
  const workbook = WORKBOOKS.find(([, mark]) => startsWith(bytes, mark));
  if (workbook !== undefined) return workbook[0];
  if (startsWith(bytes, [0xef, 0xbb, 0xbf])) return 'utf-8';
  if (startsWith(bytes, [0xff, 0xfe])) return 'utf-16le';
  return startsWith(bytes, [0xfe, 0xff]) ? 'utf-16be' : undefined;
};

/**
 * Reads a file once to tell its encoding: the one that it is marked with; else UTF-8 when all of it is, or more of its
 * characters beyond ASCII are than are not; else Windows-1252.
 */
export const detectFileKind = async (chunks: AsyncIterable<Uint8Array>): Promise<FileKind> => {
  let tally = NO_BYTES;
  let head = new Uint8Array();
  for await (const chunk of chunks) {
    if (head.length < 4) head = new Uint8Array([...head, ...chunk.subarray(0, 4)]);
    const kind = kindByMark(head);
    if (kind !== undefined) return kind;
    tally = tallyUtf8(tally, chunk);
  }
  if (head.length === 0) return 'empty';
  return isMostlyUtf8(tally) ? 'utf-8' : 'windows-1252';
};

/** Text with LF as its only line end. A byte order mark is dropped; bytes that mean nothing arrive as U+FFFD. */
const decodeText = async function* (chunks: AsyncIterable<Uint8Array>, encoding: Encoding): AsyncGenerator<string, void> {
  const decoder = new TextDecoder(encoding);
  let heldReturn = false;
  const unify = (text: string, last: boolean): string => {
    const whole = heldReturn ? `\r${text}` : text;
    // A CR at the end may be the first half of a CRLF.
    heldReturn = !last && whole.endsWith('\r');
    return (heldReturn ? whole.slice(0, -1) : whole).replace(/\r\n?/g, '\n');
  };
  for await (const chunk of chunks) yield unify(decoder.decode(chunk, { stream: true }), false);
  yield unify(decoder.decode(), true);
};

/** The delimiter of a header: the candidate that stands most often outside quotes, the comma where none does. */
export const detectDelimiter = (header: string): string => {
  const plain = header.replace(/"[^"]*"/g, '');
  const counts = DELIMITERS.map((delimiter) => plain.split(delimiter).length);
  return DELIMITERS[counts.indexOf(Math.max(...counts))] ?? ',';
};

// Excel names the delimiter on a line of its own before the header.
const DELIMITER_LINE = /^("?)sep=(?!")([\t\p{P}\p{S}])\1 *(?=\n|$)/iu;

// Looks for the end of the first line that is not blank, outside quotes, in text that comes piece by piece: its place in all
// of it, or -1. No piece is looked at twice.
const scanHeader = (): ((piece: string) => number) => {
  let quoted = false;
  let blank = true;
  let before = 0;
  return (piece) => {
    for (let at = 0; at < piece.length; at += 1) {
      const char = piece[at];
      if (char === '"') quoted = !quoted;
      if (char === '\n' && !quoted && !blank) return before + at;
      if (blank && char !== undefined && char.trim() !== '') blank = false;
    }
    before += piece.length;
    return -1;
  };
};

// One parser for the whole text. Rows are taken from its callback: as a stream it would drop those it has not yet
// handed out when it meets an error.
const startParser = (delimiter: string) => {
  const rows: CsvRow[] = [];
  let lastLine = 0;
  let failure: CsvError | undefined;
  // The parser counts what stands in cells: to it a line of nothing but delimiters, or of blanks, has no size.
  let unfinished = 0;
  const parser = parse({
    delimiter,
    record_delimiter: '\n',
    // A quote inside an unquoted cell (5" pipe) is a plain character.
    relax_quotes: true,
    relax_column_count: true,
    ltrim: true,
    max_record_size: MAX_ROW_BYTES,
    on_record: (cells: string[], { lines }) => {
      rows.push({ line: lastLine + 1, cells: cells.map((cell) => cell.trim()) });
      lastLine = lines;
      return null;
    },
  });
  parser.on('error', (error: CsvError) => {
    failure = error;
  });
  parser.resume();
  const settle = (act: (done: () => void) => void): Promise<void> => new Promise((resolve) => act(() => resolve()));
  return {
    write: async (text: string): Promise<void> => {
      await settle((done) => parser.write(text, done));
      unfinished = rows.length > 0 ? 0 : unfinished + text.length;
    },
    end: () => settle((done) => parser.on('close', done).end()),
    take: (): CsvRow[] => rows.splice(0),
    refuse: (): void => {
      if (failure === undefined && unfinished <= MAX_ROW_BYTES) return;
      const line = lastLine + 1;
      throw failure?.code === 'CSV_QUOTE_NOT_CLOSED'
        ? new MalformedCsvError(line, `A quote is opened in the row that begins on line ${line}, and never closed.`)
        : new MalformedCsvError(line, `The row that begins on line ${line} is too large: a quote may not be closed there.`);
    },
  };
};

const isBlank = ({ cells }: CsvRow): boolean => cells.every((cell) => cell === '');

/**
 * Reads the rows of a file, the header first, as many at a time as a chunk brings; no batch is empty. Empty rows are left out. Line ends
 * may be mixed and arrive as LF inside cells.
 * @throws MalformedCsvError after the last row that could be read.
 */
export const readRowBatches = async function* (chunks: AsyncIterable<Uint8Array>, encoding: Encoding): AsyncGenerator<CsvRow[], void> {
  let parser: ReturnType<typeof startParser> | undefined;
  let head = '';
  let end = -1;
  const findEnd = scanHeader();
  const begin = async (): Promise<ReturnType<typeof startParser>> => {
    const [named, , delimiter] = DELIMITER_LINE.exec(head) ?? ['', '', detectDelimiter(end < 0 ? head : head.slice(0, end))];
    const started = startParser(delimiter ?? ',');
    // The line's end stays, so that the lines behind it keep their numbers.
    await started.write(head.slice(named.length));
    return started;
  };
  for await (const text of decodeText(chunks, encoding)) {
    if (parser === undefined) {
      head += text;
      end = findEnd(text);
      if (end < 0 && head.length < MAX_ROW_BYTES) continue;
      parser = await begin();
      head = '';
    } else if (text !== '') await parser.write(text);
    const rows = parser.take().filter((row) => !isBlank(row));
    if (rows.length > 0) yield rows;
    parser.refuse();
  }
  parser ??= await begin();
  await parser.end();
  const rows = parser.take().filter((row) => !isBlank(row));
  if (rows.length > 0) yield rows;
  parser.refuse();
};
