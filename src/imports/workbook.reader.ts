// What an archive is, and where in it the first sheet, its texts and its styles are: by the relations of its parts, whose names say
// nothing.
import { type Archive, ArchiveError } from './archive.reader.ts';
import { NO_SHARED_STRINGS, readSharedStrings, type SharedStrings } from './shared-strings.reader.ts';
import { type CellStyles, type NumberStyle, readFormat, readIndex } from './xlsx-cells.ts';
import { hearXml, XmlError } from './xml.reader.ts';

/** The file is no workbook that can be read. */
export class NoWorkbookError extends Error {}

/** Bytes that the small parts may inflate to. */
const MAX_SMALL_BYTES = 33_554_432;
/** Bytes of shared texts. They go to the disk meanwhile. */
const MAX_TEXT_BYTES = 536_870_912;
/** Relations of a part, and sheets of a workbook. */
const MAX_RELATIONS = 10_000;
/** Styles and formats of a workbook; spreadsheets have at most 65,490. */
const MAX_STYLES = 100_000;

const SAVE_AS = 'save it as .xlsx or as CSV, and import that file';

/** A workbook's first sheet, and what its cells refer to. */
export interface Workbook {
  sheet: string;
  styles: CellStyles;
  strings: SharedStrings;
}

interface Relation {
  id: string;
  type: string;
  target: string;
}

// Relative to the folder of the part that has the relation; one may lead outside nowhere, since it is but a name in the archive.
const resolvePath = (from: string, target: string): string => {
  const path = target.startsWith('/') ? target : `${from.slice(0, from.lastIndexOf('/') + 1)}${target}`;
  const steps: string[] = [];
  for (const step of path.split('/')) {
    if (step === '..') steps.pop();
    else if (step !== '' && step !== '.') steps.push(step);
  }
  return steps.join('/');
};

const relationsPath = (part: string): string => {
  const at = part.lastIndexOf('/') + 1;
  return `${part.slice(0, at)}_rels/${part.slice(at)}.rels`;
};

const readRelations = async (archive: Archive, part: string): Promise<Relation[]> => {
  const path = relationsPath(part);
  const relations: Relation[] = [];
  if (!archive.has(path)) return relations;
  await hearXml(archive.read(path, MAX_SMALL_BYTES), {
    open: (name, { Id = '', Type = '', Target = '', TargetMode }) => {
      if (name !== 'Relationship' || TargetMode === 'External') return;
      if (relations.length >= MAX_RELATIONS) throw new XmlError(`a part has more than ${MAX_RELATIONS} relations`);
      // The two editions of the format name their types differently, but for the last word.
      relations.push({ id: Id, type: Type.slice(Type.lastIndexOf('/') + 1), target: resolvePath(part, Target) });
    },
  });
  return relations;
};

const OTHERS: readonly [part: string, what: string][] = [
  ['xl/workbook.bin', 'a binary workbook (.xlsb)'],
  ['content.xml', 'an OpenDocument file (.ods)'],
  ['word/document.xml', 'a text document'],
  ['index/document.iwa', 'a Numbers document'],
];

const refuse = (archive: Archive): NoWorkbookError => {
  const what = OTHERS.find(([part]) => archive.has(part))?.[1];
  return new NoWorkbookError(
    what === undefined
      ? `The file is a ZIP archive, but no Excel workbook: unpack it and import what is in it, or ${SAVE_AS}.`
      : `The file is ${what}, which cannot be read: ${SAVE_AS}.`,
  );
};

interface SheetList {
  sheets: { id: string; hidden: boolean }[];
  is1904: boolean;
}

const readSheetList = async (archive: Archive, path: string): Promise<SheetList> => {
  const list: SheetList = { sheets: [], is1904: false };
  await hearXml(archive.read(path, MAX_SMALL_BYTES), {
    open: (name, attributes, parents) => {
      if (name === 'workbookPr') list.is1904 = ['1', 'true'].includes(attributes.date1904 ?? '');
      if (name !== 'sheet' || parents.at(-1) !== 'sheets') return;
      if (list.sheets.length >= MAX_RELATIONS) throw new XmlError(`it has more than ${MAX_RELATIONS} sheets`);
      const [, id = ''] = Object.entries(attributes).find(([key]) => key.endsWith(':id')) ?? [];
      list.sheets.push({ id, hidden: (attributes.state ?? 'visible') !== 'visible' });
    },
  });
  return list;
};

const readStyles = async (archive: Archive, path: string): Promise<NumberStyle[]> => {
  const codes = new Map<number, string>();
  const formats: number[] = [];
  const idOf = (text = ''): number => readIndex(text, 0, 1_000_000) ?? 0;
  await hearXml(archive.read(path, MAX_SMALL_BYTES), {
    open: (name, { numFmtId, formatCode = '' }, parents) => {
      if (codes.size + formats.length > MAX_STYLES) throw new XmlError(`it has more than ${MAX_STYLES} styles`);
      // A pattern of more characters than a spreadsheet allows shows no date.
      if (name === 'numFmt' && parents.at(-1) === 'numFmts') codes.set(idOf(numFmtId), formatCode.slice(0, 255));
      if (name === 'xf' && parents.at(-1) === 'cellXfs') formats.push(idOf(numFmtId));
    },
  });
  return formats.map((id) => readFormat(id, codes.get(id)));
};

const NO_SHEET = `The workbook has no sheet of cells: ${SAVE_AS}.`;

/**
 * Finds the first sheet that is not hidden, or the first one. The workbook's texts have to be closed.
 * @throws NoWorkbookError, ArchiveError, XmlError
 */
export const openWorkbook = async (archive: Archive): Promise<Workbook> => {
  const path = (await readRelations(archive, '')).find(({ type }) => type === 'officeDocument')?.target;
  // A binary workbook has such a relation, too.
  if (path === undefined || !archive.has(path) || !/\.xml$/i.test(path)) throw refuse(archive);
  const relations = await readRelations(archive, path);
  if (path.startsWith('word/') || path.startsWith('ppt/')) throw refuse(archive);
  const { sheets, is1904 } = await readSheetList(archive, path);
  const worksheets = new Map(relations.flatMap(({ id, type, target }) => (type === 'worksheet' ? [[id, target] as const] : [])));
  const tables = sheets.filter(({ id }) => worksheets.has(id));
  const sheet = worksheets.get((tables.find(({ hidden }) => !hidden) ?? tables[0])?.id ?? '');
  if (sheet === undefined) throw new NoWorkbookError(NO_SHEET);
  if (!archive.has(sheet)) throw new ArchiveError('its first sheet is missing');
  const existing = (wanted: string): string | undefined =>
    relations.find(({ type, target }) => type === wanted && archive.has(target))?.target;
  const stylesPath = existing('styles');
  const styles = stylesPath === undefined ? [] : await readStyles(archive, stylesPath);
  const texts = existing('sharedStrings');
  const strings = texts === undefined ? NO_SHARED_STRINGS : await readSharedStrings(archive.read(texts, MAX_TEXT_BYTES));
  return { sheet, styles: { is1904, styleOf: (style) => styles[style] }, strings };
};
