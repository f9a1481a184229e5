// The XML of a sheet as rows of cells, of which some are but the number of a shared text: those are looked up later.
import { MalformedCsvError } from './import.ts';
import { createTextCollector } from './text-collector.ts';
import {
  type CellStyles,
  columnOf,
  decodeEscapes,
  isoText,
  MAX_SHEET_COLUMNS,
  MAX_SHEET_ROWS,
  readIndex,
  styledNumber,
} from './xlsx-cells.ts';
import { refuseLength, type XmlListener } from './xml.reader.ts';

const QUOTED_CHARACTERS = 20;

/** A row with the cells that it has, in the order in which they stand: a text, or the number of a shared one. */
export interface SheetRow {
  line: number;
  columns: number[];
  values: (string | number)[];
}

interface Cell {
  column: number;
  type: string;
  style: number;
  value: string;
}

const quote = (text: string): string => JSON.stringify(text.length > QUOTED_CHARACTERS ? `${text.slice(0, QUOTED_CHARACTERS)}…` : text);

const isTrue = (value: string): boolean => ['1', 'true'].includes(value.trim());

// An error (#N/A) is what a person sees in the cell, and what the sheet has when it is saved as CSV.
const cellText = ({ type, style, value }: Cell, inline: string, styles: CellStyles): string => {
  switch (type) {
    case 'inlineStr':
      return decodeEscapes(inline);
    case 'b':
      return value === '' ? '' : isTrue(value) ? 'TRUE' : 'FALSE';
    case 'd':
      return isoText(value);
    case 'n':
      return value === '' ? '' : styledNumber(value, style, styles);
    default:
      return decodeEscapes(value);
  }
};

/** Gathers rows from what it hears. `take` gives those that are whole; `line` is the first that is not. */
export const createSheetListener = (texts: number, styles: CellStyles) => {
  const collector = createTextCollector('is');
  let rows: SheetRow[] = [];
  let line = 0;
  let row: SheetRow | undefined;
  let cell: Cell | undefined;
  let isValue = false;

  const beginRow = (reference: string | undefined): void => {
    const next = reference === undefined ? line + 1 : readIndex(reference, 1, MAX_SHEET_ROWS);
    if (next === undefined || next > MAX_SHEET_ROWS) {
      throw new MalformedCsvError(line + 1, `The sheet has a row ${quote(reference ?? String(next))}, which no sheet can have.`);
    }
    if (next <= line) throw new MalformedCsvError(line + 1, `The sheet has row ${next} behind row ${line}: its rows are not in order.`);
    line = next;
    row = { line, columns: [], values: [] };
  };

  const beginCell = ({ columns }: SheetRow, { r, t = 'n', s = '0' }: Readonly<Record<string, string>>): void => {
    const column = r === undefined ? (columns.at(-1) ?? -1) + 1 : columnOf(r);
    if (column === undefined || column >= MAX_SHEET_COLUMNS || columns.length >= MAX_SHEET_COLUMNS) {
      throw new MalformedCsvError(line, `Row ${line} of the sheet has a cell ${quote(r ?? 'beyond its last')}, which no sheet can have.`);
    }
    columns.push(column);
    cell = { column, type: t, style: readIndex(s, 0, 1_000_000) ?? 0, value: '' };
    collector.begin();
  };

  const readShared = ({ value }: Cell): string | number => {
    if (value.trim() === '') return '';
    const index = readIndex(value.trim(), 0, texts - 1);
    if (index !== undefined) return index;
    throw new MalformedCsvError(
      line,
      `A cell in row ${line} of the sheet refers to text ${quote(value)}, which the workbook does not have.`,
    );
  };

  const listener: XmlListener = {
    open: (name, attributes, parents) => {
      const parent = parents.at(-1);
      if (row === undefined) {
        if (name === 'row' && parent === 'sheetData') beginRow(attributes.r);
      } else if (cell === undefined) {
        if (name === 'c' && parent === 'row') beginCell(row, attributes);
      } else {
        isValue = name === 'v' && parent === 'c';
        collector.open(name, parents);
      }
    },
    text: (text) => {
      if (cell === undefined) return;
      if (isValue) cell.value += text;
      else collector.add(text);
      refuseLength(cell.value.length + collector.length());
    },
    close: (name, parents) => {
      const parent = parents.at(-1);
      if (row === undefined) return;
      if (name === 'row' && parent === 'sheetData') {
        if (row.columns.length > 0) rows.push(row);
        row = undefined;
      } else if (cell !== undefined) {
        if (name === 'v') isValue = false;
        collector.close(name);
        if (name !== 'c' || parent !== 'row') return;
        row.values.push(cell.type === 's' ? readShared(cell) : cellText(cell, collector.end(), styles));
        cell = undefined;
      }
    },
  };
  return {
    listener,
    line: () => (row === undefined ? line + 1 : line),
    take: (): SheetRow[] => {
      const taken = rows;
      rows = [];
      return taken;
    },
  };
};
