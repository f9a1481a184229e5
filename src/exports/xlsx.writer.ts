// Rows as a workbook of one sheet, written as it is read: nothing of it is held but the batch that is being written.
import { PassThrough, pipeline, Readable } from 'node:stream';
import { ZipFile } from 'yazl';
import { columnLetters, SHEET_END, SHEET_PATH, SHEET_START, sheetRow, WORKBOOK_PARTS } from './sheet-xml.ts';

// Rows are alike: more effort takes time and saves little.
const COMPRESSION = 2;

/** A file of a header and batches of rows, which are asked for as fast as somebody reads. `numeric`: which columns are numbers. */
export const writeXlsx = (
  header: readonly string[],
  batches: AsyncIterable<string[][]>,
  { numeric, at }: { numeric: readonly boolean[]; at: Date },
): Readable => {
  const letters = header.map((_, index) => columnLetters(index));
  const write = async function* (): AsyncGenerator<string, void> {
    yield SHEET_START + sheetRow(1, header, letters, []);
    let row = 1;
    for await (const rows of batches) {
      let xml = '';
      for (const cells of rows) {
        row += 1;
        xml += sheetRow(row, cells, letters, numeric);
      }
      yield xml;
    }
    yield SHEET_END;
  };
  const sheet = Readable.from(write(), { objectMode: false });
  const file = new PassThrough();
  const zip = new ZipFile();
  // Neither end hears of the other's failure by itself.
  sheet.on('error', (error) => file.destroy(error));
  zip.on('error', (error: Error) => file.destroy(error));
  pipeline(zip.outputStream, file, () => sheet.destroy());
  const options = { mtime: at, compressionLevel: COMPRESSION };
  for (const [path, xml] of Object.entries(WORKBOOK_PARTS)) zip.addBuffer(Buffer.from(xml), path, options);
  zip.addReadStream(sheet, SHEET_PATH, options);
  zip.end();
  return file;
};
