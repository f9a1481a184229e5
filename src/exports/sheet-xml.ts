// The parts of a workbook as XML: one sheet, whose texts stand in its cells so that it can be written row by row.       [pure]

/** Rows that a sheet can have, the header included. */
export const MAX_ROWS = 1_048_576;

/** Whether a sheet holds so many rows beside its header. */
export const fitsSheet = (rows: number): boolean => rows < MAX_ROWS;

/** Characters that a cell can have. */
const MAX_CHARACTERS = 32_767;

const DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';
const MAIN = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main';
const RELATIONS = 'http://schemas.openxmlformats.org/package/2006/relationships';
const OFFICE = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
const TYPES = 'application/vnd.openxmlformats-officedocument.spreadsheetml';

/** The file that holds the rows. */
export const SHEET_PATH = 'xl/worksheets/sheet1.xml';

/** All other files of the workbook, by their paths. */
export const WORKBOOK_PARTS: Readonly<Record<string, string>> = {
  '[Content_Types].xml':
    `${DECLARATION}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">` +
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>' +
    '<Default Extension="xml" ContentType="application/xml"/>' +
    `<Override PartName="/xl/workbook.xml" ContentType="${TYPES}.sheet.main+xml"/>` +
    `<Override PartName="/xl/styles.xml" ContentType="${TYPES}.styles+xml"/>` +
    `<Override PartName="/${SHEET_PATH}" ContentType="${TYPES}.worksheet+xml"/></Types>`,
  '_rels/.rels':
    `${DECLARATION}<Relationships xmlns="${RELATIONS}">` +
    `<Relationship Id="rId1" Type="${OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
  'xl/workbook.xml':
    `${DECLARATION}<workbook xmlns="${MAIN}" xmlns:r="${OFFICE}">` +
    '<sheets><sheet name="Leads" sheetId="1" r:id="rId1"/></sheets></workbook>',
  'xl/_rels/workbook.xml.rels':
    `${DECLARATION}<Relationships xmlns="${RELATIONS}">` +
    `<Relationship Id="rId1" Type="${OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>` +
    `<Relationship Id="rId2" Type="${OFFICE}/styles" Target="styles.xml"/></Relationships>`,
  // Style 1 is text, so that a cell stays what it is when somebody edits it: 0049 would become 49.
  'xl/styles.xml':
    `${DECLARATION}<styleSheet xmlns="${MAIN}">` +
    '<fonts count="1"><font><sz val="11"/><name val="Calibri"/></font></fonts>' +
    '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>' +
    '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>' +
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>' +
    '<cellXfs count="2"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>' +
    '<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/></cellXfs></styleSheet>',
};

/** What stands before the rows: the first of them stays in sight. */
export const SHEET_START =
  `${DECLARATION}<worksheet xmlns="${MAIN}"><sheetViews><sheetView workbookViewId="0">` +
  '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><sheetData>';

/** What stands behind the rows. */
export const SHEET_END = '</sheetData></worksheet>';

/** The letters of a column, counted from 0. */
export const columnLetters = (index: number): string =>
  (index >= 26 ? columnLetters(Math.floor(index / 26) - 1) : '') + String.fromCharCode(65 + (index % 26));

// XML has no way to write most control characters, and reads CR as LF; workbooks write them as _x000D_, and what only looks
// like that with its first underscore so.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what has to be found.
const SPECIAL = /[&<>\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)/g;
const NAMED: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

const escapeCharacter = (char: string): string => NAMED[char] ?? `_x${char.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}_`;

/** Text as it stands in a cell. What is longer than a cell can be ends in an ellipsis. */
export const escapeText = (text: string): string => {
  const cut = text.length > MAX_CHARACTERS ? `${text.slice(0, MAX_CHARACTERS - 1)}…` : text;
  return cut.toWellFormed().replace(SPECIAL, escapeCharacter);
};

const textCell = (at: string, text: string): string =>
  `<c r="${at}" s="1" t="inlineStr"><is><t${/^\s|\s$|\n/.test(text) ? ' xml:space="preserve"' : ''}>${escapeText(text)}</t></is></c>`;

/** A row of the sheet, counted from 1. Empty cells are left out; `letters` and `numeric` are those of the columns. */
export const sheetRow = (row: number, cells: readonly string[], letters: readonly string[], numeric: readonly boolean[]): string => {
  let xml = `<row r="${row}">`;
  for (const [index, cell] of cells.entries()) {
    if (cell === '') continue;
    const at = `${letters[index]}${row}`;
    xml += numeric[index] ? `<c r="${at}"><v>${cell}</v></c>` : textCell(at, cell);
  }
  return `${xml}</row>`;
};
