// Rows as a CSV file: UTF-8 with its mark, which Excel needs, CRLF, and quotes where RFC 4180 wants them.
import { Readable } from 'node:stream';
import { stringify } from 'csv-stringify/sync';

// With CRLF between rows the package would leave a line end of another kind bare. The others an import could take for a delimiter,
// or would trim.
const QUOTED = /[;\t\r\n]|^\s|\s$/;
const OPTIONS = { record_delimiter: '\r\n' as const, quoted_match: QUOTED };

/** A file of a header and batches of rows, which are asked for as fast as somebody reads. */
export const writeCsv = (header: readonly string[], batches: AsyncIterable<string[][]>): Readable => {
  const write = async function* (): AsyncGenerator<string, void> {
    yield `\ufeff${stringify([header], OPTIONS)}`;
    for await (const rows of batches) yield stringify(rows, OPTIONS);
  };
  return Readable.from(write(), { objectMode: false });
};
