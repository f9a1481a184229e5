// Workbooks by hand, honest and hostile ones: any parts under any names, packed as an archive.
import { buffer } from 'node:stream/consumers';
import { ZipFile } from 'yazl';
import { WORKBOOK_PARTS } from '../../src/exports/sheet-xml.ts';
import type { RandomAccessFile } from '../../src/imports/archive.reader.ts';

const OFFICE = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';

/** An archive of these parts. */
export const packParts = (parts: Readonly<Record<string, string | Buffer>>, compress = true): Promise<Buffer> => {
  const zip = new ZipFile();
  for (const [path, content] of Object.entries(parts)) zip.addBuffer(Buffer.from(content), path, { compress });
  zip.end();
  return buffer(zip.outputStream);
};

/** A relation of the workbook to another part. */
export const relation = (id: string, type: string, target: string): string =>
  `<Relationship Id="${id}" Type="${OFFICE}/${type}" Target="${target}"/>`;

/** The relations of a workbook. */
export const relations = (...all: string[]): string => `<Relationships>${all.join('')}</Relationships>`;

/** The parts of a workbook whose only sheet has these rows, written as XML. `extra` adds to them or takes their place. */
export const workbookParts = (rows: string, extra: Readonly<Record<string, string | Buffer>> = {}): Record<string, string | Buffer> => ({
  ...WORKBOOK_PARTS,
  ...('xl/sharedStrings.xml' in extra
    ? {
        'xl/_rels/workbook.xml.rels': relations(
          relation('rId1', 'worksheet', 'worksheets/sheet1.xml'),
          relation('rId2', 'styles', 'styles.xml'),
          relation('rId3', 'sharedStrings', 'sharedStrings.xml'),
        ),
      }
    : {}),
  'xl/worksheets/sheet1.xml': `<worksheet><sheetData>${rows}</sheetData></worksheet>`,
  ...extra,
});

/** Such a workbook, packed. */
export const buildWorkbook = (rows: string, extra: Readonly<Record<string, string | Buffer>> = {}): Promise<Buffer> =>
  packParts(workbookParts(rows, extra));

/** Bytes as a file that can be read anywhere. */
export const asFile = (bytes: Uint8Array): RandomAccessFile => ({
  size: bytes.length,
  readAt: async (position, length) => bytes.subarray(position, position + length),
});
