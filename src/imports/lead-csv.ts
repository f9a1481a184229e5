// From a row of cells to a lead, or to the reason why it is none. A bad secondary contact does not cost the lead. [pure]
import type { Variables } from '../db/schema.ts';
import { dropGuard } from '../leads/formula-guard.ts';
import type { NewContact, NewLead } from '../leads/lead.ts';
import type { CountryCode } from '../phone.ts';
import type { Column, ColumnPlan, VariableColumn } from './column-mapping.ts';
import { type CsvRow, type ImportCounts, type Issue, type IssueKind, NO_ROWS, type Reject } from './import.ts';
import { quoteCell, readPhoneCell } from './phone-cell.ts';
import { readValue } from './variable-rules.ts';

/** Characters that a cell may have. */
export const MAX_CELL = 2000;

/** A row that is read: a lead with what was noticed about it, or an error. */
export type ReadRow = { line: number; cells: string[] } & ({ lead: NewLead; warnings: Issue[]; phoneHeader: string } | { error: Issue });

/** What the database said to a lead. */
export type InsertResult = { status: 'created' | 'blacklisted' } | 'duplicate';

/** What became of a batch of rows. The warnings are those of leads that were added. */
export interface BatchOutcome {
  counts: ImportCounts;
  errors: Issue[];
  warnings: Issue[];
  rejects: Reject[];
}

interface CellProblem {
  kind: IssueKind;
  column: string;
  /** The end of a sentence that begins with the cell. */
  problem: string;
}

const cellOf = ({ cells }: CsvRow, { index }: Column): string => dropGuard(cells[index] ?? '');

// What the person asks of a variable.
const checkValue = (cell: string, { header, required, type }: VariableColumn): CellProblem | undefined => {
  if (cell === '') return required ? { kind: 'missing_required', column: header, problem: 'is empty, and it is required' } : undefined;
  if (readValue(cell, type) !== undefined) return undefined;
  return { kind: 'bad_type', column: header, problem: `holds ${quoteCell(cell)}, which is no ${type}` };
};

const checkCell = (row: CsvRow, column: Column | VariableColumn): CellProblem | undefined => {
  const cell = cellOf(row, column);
  const { header } = column;
  if (cell.length > MAX_CELL) {
    return { kind: 'too_long', column: header, problem: `has ${cell.length} characters; ${MAX_CELL} are allowed` };
  }
  const bad = cell.includes('\0') || !cell.isWellFormed();
  if (bad) return { kind: 'invalid_text', column: header, problem: 'holds a character that cannot be stored' };
  return 'name' in column ? checkValue(cell, column) : undefined;
};

const firstProblem = (row: CsvRow, columns: readonly (Column | VariableColumn)[]): CellProblem | undefined => {
  for (const column of columns) {
    const problem = checkCell(row, column);
    if (problem !== undefined) return problem;
  }
  return undefined;
};

const variablesOf = (row: CsvRow, columns: readonly VariableColumn[]): Variables =>
  Object.fromEntries(
    columns.flatMap((column) => {
      const cell = cellOf(row, column);
      return cell === '' ? [] : [[column.name, readValue(cell, column.type)]];
    }),
  );

// What stands where bytes are no character of the file's encoding, or where an earlier program could read none.
const LOST = '\uFFFD';

/** A lost character costs neither the cell nor the row, but it is said. */
const warnOfLost = (row: CsvRow, columns: readonly Column[]): Issue[] =>
  columns
    .filter((column) => cellOf(row, column).includes(LOST))
    .map((column) => ({
      line: row.line,
      kind: 'invalid_encoding',
      column: column.header,
      message: `${quoteCell(cellOf(row, column))} holds ${LOST} in place of what could not be read as text; it was imported as it is.`,
    }));

type ContactReading = { contact: NewContact | undefined; warnings: Issue[] };

const readContact = (
  row: CsvRow,
  { phone, variables }: ColumnPlan['contacts'][number],
  country: CountryCode | undefined,
  taken: ReadonlySet<string>,
): ContactReading => {
  const warn = (kind: IssueKind, column: string, message: string): Issue => ({ line: row.line, kind, column, message });
  const drop = (kind: IssueKind, column: string, message: string): ContactReading => ({
    contact: undefined,
    warnings: [warn(kind, column, message)],
  });
  const problem = firstProblem(row, [phone, ...variables]);
  if (problem !== undefined) {
    return drop('secondary_invalid', problem.column, `The secondary contact was left out: a cell ${problem.problem}.`);
  }
  const own = variablesOf(row, variables);
  const cell = cellOf(row, phone);
  if (cell === '') {
    if (Object.keys(own).length === 0) return { contact: undefined, warnings: [] };
    return drop('secondary_invalid', phone.header, 'The secondary contact was left out: it has variables but no phone number.');
  }
  const reading = readPhoneCell(cell, country);
  if ('problem' in reading) {
    return drop('secondary_invalid', phone.header, `The secondary contact was left out: ${quoteCell(cell)} ${reading.problem}.`);
  }
  if (taken.has(reading.number)) {
    return drop('secondary_duplicate', phone.header, `${reading.number} was left out: the lead has this number already.`);
  }
  const warnings = reading.remarks.map(({ kind, message }) => warn(kind, phone.header, message));
  return { contact: { phone_number: reading.number, variables: own }, warnings: [...warnings, ...warnOfLost(row, variables)] };
};

const readContacts = (row: CsvRow, plan: ColumnPlan, country: CountryCode | undefined, primary: string) => {
  const taken = new Set<string>([primary]);
  const contacts: NewContact[] = [];
  const warnings: Issue[] = [];
  for (const columns of plan.contacts) {
    const reading = readContact(row, columns, country, taken);
    warnings.push(...reading.warnings);
    if (reading.contact === undefined) continue;
    contacts.push(reading.contact);
    taken.add(reading.contact.phone_number);
  }
  return { contacts, warnings };
};

/** Reads a row by the plan of its file. Values stay text where nothing else was asked; empty cells are no variables. */
export const readLeadRow = (row: CsvRow, plan: ColumnPlan, country: CountryCode | undefined): ReadRow => {
  const fail = (kind: IssueKind, column: string | null, message: string): ReadRow => ({
    line: row.line,
    cells: row.cells,
    error: { line: row.line, kind, column, message },
  });
  const cells = row.cells.findLastIndex((cell) => cell !== '') + 1;
  if (cells > plan.width) {
    return fail(
      'too_many_cells',
      null,
      `The row has ${cells} cells, but the header has ${plan.width}: a cell with a delimiter may lack its quotes.`,
    );
  }
  const problem = firstProblem(row, [plan.phone, ...plan.variables]);
  if (problem !== undefined) return fail(problem.kind, problem.column, `The cell ${problem.problem}.`);
  const { header } = plan.phone;
  const cell = cellOf(row, plan.phone);
  if (cell === '') return fail('missing_required', header, 'The phone number is empty.');
  const phone = readPhoneCell(cell, country);
  if ('problem' in phone) return fail('invalid_phone', header, `${quoteCell(cell)} ${phone.problem}.`);
  const { contacts, warnings } = readContacts(row, plan, country, phone.number);
  const remarks = phone.remarks.map(({ kind, message }): Issue => ({ line: row.line, kind, column: header, message }));
  return {
    line: row.line,
    cells: row.cells,
    lead: { phone_number: phone.number, variables: variablesOf(row, plan.variables), contacts },
    warnings: [...remarks, ...warnOfLost(row, plan.variables), ...warnings],
    phoneHeader: header,
  };
};

/** The leads among the rows of a batch, in their order. */
export const leadsOf = (rows: readonly ReadRow[]): NewLead[] => rows.flatMap((row) => ('lead' in row ? [row.lead] : []));

/** Joins the rows of a batch with what the database said to its leads, in the order of leadsOf. */
export const settleBatch = (rows: readonly ReadRow[], results: readonly InsertResult[]): BatchOutcome => {
  const outcome: BatchOutcome = { counts: { ...NO_ROWS, rows: rows.length }, errors: [], warnings: [], rejects: [] };
  const { counts } = outcome;
  const reject = ({ line, cells }: ReadRow, issue: Issue): void => {
    outcome.errors.push(issue);
    // What could not be read as a row cannot be corrected as one.
    if (cells.length > 0) outcome.rejects.push({ line, cells, error: issue.message });
  };
  let next = 0;
  for (const row of rows) {
    if ('error' in row) {
      counts.failed += 1;
      reject(row, row.error);
      continue;
    }
    const result = results[next++];
    if (result === undefined || result === 'duplicate') {
      counts.duplicates += 1;
      const message = `${row.lead.phone_number} is in the campaign already, or in an earlier row of this file.`;
      reject(row, { line: row.line, kind: 'duplicate', column: row.phoneHeader, message });
      continue;
    }
    counts.imported += 1;
    if (result.status === 'blacklisted') counts.blacklisted += 1;
    counts.warnings += row.warnings.length;
    outcome.warnings.push(...row.warnings);
  }
  return outcome;
};
