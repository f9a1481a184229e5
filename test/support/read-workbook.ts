// The cells of a workbook's first sheet, read with other programs' parsers: what a test finds is what they find.
import { text } from 'node:stream/consumers';
import { SaxesParser } from 'saxes';
import { fromBuffer, type ZipFile } from 'yauzl';

const open = (file: Buffer): Promise<ZipFile> =>
  new Promise((resolve, reject) => fromBuffer(file, { lazyEntries: true }, (error, zip) => (zip ? resolve(zip) : reject(error))));

/** The files of an archive as text, by their paths. */
export const readArchive = async (file: Buffer): Promise<Map<string, string>> => {
  const zip = await open(file);
  const parts = new Map<string, string>();
  return new Promise((resolve, reject) => {
    zip.on('error', reject).on('end', () => resolve(parts));
    zip.on('entry', (entry) =>
      zip.openReadStream(entry, (error, stream) => {
        if (error) return reject(error);
        text(stream).then((content) => {
          parts.set(entry.fileName, content);
          zip.readEntry();
        }, reject);
      }),
    );
    zip.readEntry();
  });
};

const columnOf = (reference: string): number =>
  [...reference.replace(/\d/g, '')].reduce((sum, letter) => sum * 26 + letter.charCodeAt(0) - 64, 0) - 1;

const readEscapes = (cell: string): string =>
  cell.replace(/_x([0-9A-F]{4})_/g, (_, code: string) => String.fromCharCode(parseInt(code, 16)));

/** The rows of a workbook's sheet as text. */
export const readWorkbook = async (file: Buffer): Promise<string[][]> => {
  const parts = await readArchive(file);
  const rows: string[][] = [];
  let column = 0;
  let cell: string | undefined;
  const parser = new SaxesParser();
  parser.on('opentag', ({ name, attributes }) => {
    if (name === 'row') rows.push([]);
    if (name === 'c') column = columnOf(String(attributes.r));
    if (name === 't' || name === 'v') cell = '';
  });
  parser.on('text', (found) => {
    if (cell !== undefined) cell += found;
  });
  parser.on('closetag', ({ name }) => {
    const row = rows.at(-1);
    if ((name !== 't' && name !== 'v') || row === undefined) return;
    while (row.length < column) row.push('');
    row.push(readEscapes(cell ?? ''));
    cell = undefined;
  });
  parser.write(parts.get('xl/worksheets/sheet1.xml') ?? '').close();
  for (const row of rows) while (row.length < (rows[0]?.length ?? 0)) row.push('');
  return rows;
};
