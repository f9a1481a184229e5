// From a lead to the cells of its row, and which columns a file has.                                                   [pure]
import type { Variables } from '../db/schema.ts';
import { toSpaceDateTime } from '../http/wire-time.ts';
import { guardCell } from '../leads/formula-guard.ts';
import type { ContactRow, FoundLead } from '../leads/lead.ts';
import { LEAD_COLUMNS, type LeadColumn, nameLeadColumn, readLeadColumn } from '../leads/lead-columns.ts';

/** A lead as a row shows it. */
export interface ExportedLead extends FoundLead {
  call_tries: number;
}

/** A column with its name, ready to be written. */
export interface NamedColumn {
  name: string;
  column: LeadColumn;
}

/** Which variables leads have, and their contacts by calling order, in the order in which they are first seen. */
export interface VariableNames {
  lead: readonly string[];
  /** One entry for each contact that a lead has at most. */
  contacts: readonly (readonly string[])[];
}

const named = (column: LeadColumn): NamedColumn => ({ column, name: nameLeadColumn(column) });

/** All columns of a file. */
export const allColumns = ({ lead, contacts }: VariableNames): NamedColumn[] => [
  ...LEAD_COLUMNS.map((field) => named({ kind: 'lead', field })),
  ...lead.map((name) => named({ kind: 'variable', name })),
  ...contacts.flatMap((names, index) => {
    const slot = index + 1;
    return [
      named({ kind: 'contact', slot, field: 'phone_number' }),
      named({ kind: 'contact', slot, field: 'status' }),
      ...names.map((name) => named({ kind: 'contact_variable', slot, name })),
    ];
  }),
];

/** The columns that somebody chose, each once, under the names they were given. */
export const chosenColumns = (names: readonly string[]): NamedColumn[] =>
  [...new Set(names)].map((name) => ({ name, column: readLeadColumn(name) }));

// A file of cells has no types: text is itself, nothing is empty, all else is its JSON.
const toText = (value: unknown): string => {
  if (typeof value === 'string') return value;
  return value === undefined || value === null ? '' : JSON.stringify(value);
};

const variableOf = (variables: Variables, name: string): string => (Object.hasOwn(variables, name) ? toText(variables[name]) : '');

const fieldOf = (lead: ExportedLead, field: (typeof LEAD_COLUMNS)[number]): string => {
  const value = lead[field];
  return value instanceof Date ? toSpaceDateTime(value) : String(value);
};

const contactCell = (contact: ContactRow | undefined, column: Extract<LeadColumn, { slot: number }>): string => {
  if (contact === undefined) return '';
  return column.kind === 'contact' ? contact[column.field] : variableOf(contact.variables, column.name);
};

const cellOf = (lead: ExportedLead, column: LeadColumn): string => {
  switch (column.kind) {
    case 'lead':
      return fieldOf(lead, column.field);
    case 'variable':
      return variableOf(lead.variables, column.name);
    case 'contact':
    case 'contact_variable':
      return contactCell(lead.contacts[column.slot - 1], column);
  }
};

/** The first row of a file. */
export const headerCells = (columns: readonly NamedColumn[]): string[] => columns.map(({ name }) => guardCell(name));

/** The cells of a lead's row, none of which a spreadsheet takes for a formula. */
export const leadCells = (lead: ExportedLead, columns: readonly NamedColumn[]): string[] =>
  columns.map(({ column }) => guardCell(cellOf(lead, column)));

/** Whether a column holds whole numbers of ours, which a spreadsheet may take as numbers. Phone numbers are text. */
export const isNumeric = ({ column }: NamedColumn): boolean =>
  column.kind === 'lead' && ['id', 'campaign_id', 'call_tries'].includes(column.field);
