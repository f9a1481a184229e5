// How the columns of an exported file are called, written by exports and read by imports.                              [pure]
import { MAX_CONTACTS } from './lead.ts';

/** The columns that every exported file can have, in their order. */
export const LEAD_COLUMNS = [
  'id',
  'campaign_id',
  'campaign_name',
  'phone_number',
  'status',
  'call_tries',
  'created_at',
  'updated_at',
] as const;

/** What a column of an exported file holds. Contacts are numbered from 1 in calling order. */
export type LeadColumn =
  | { kind: 'lead'; field: (typeof LEAD_COLUMNS)[number] }
  | { kind: 'variable'; name: string }
  | { kind: 'contact'; slot: number; field: 'phone_number' | 'status' }
  | { kind: 'contact_variable'; slot: number; name: string };

// Before a variable's name that would otherwise be read as something else.
const PREFIX = 'var.';

const isLeadField = (name: string): name is (typeof LEAD_COLUMNS)[number] => LEAD_COLUMNS.some((field) => field === name);

const readSlot = (digits: string | undefined): number | undefined => {
  const slot = Number(digits);
  return slot >= 1 && slot <= MAX_CONTACTS ? slot : undefined;
};

const unprefixed = (name: string): string => (name.startsWith(PREFIX) ? name.slice(PREFIX.length) : name);

const readContactColumn = (name: string): LeadColumn | undefined => {
  const phone = readSlot(/^secondary_phone_([1-9]\d?)$/.exec(name)?.[1]);
  if (phone !== undefined) return { kind: 'contact', slot: phone, field: 'phone_number' };
  const [, digits, rest = ''] = /^secondary_([1-9]\d?)_(.*)$/s.exec(name) ?? [];
  const slot = readSlot(digits);
  if (slot === undefined) return undefined;
  return rest === 'status' ? { kind: 'contact', slot, field: 'status' } : { kind: 'contact_variable', slot, name: unprefixed(rest) };
};

/** The column of a name. Any name is one: what is nothing else is a variable. */
export const readLeadColumn = (name: string): LeadColumn => {
  if (isLeadField(name)) return { kind: 'lead', field: name };
  return readContactColumn(name) ?? { kind: 'variable', name: unprefixed(name) };
};

/** The name of a column, which `readLeadColumn` reads as that column. */
export const nameLeadColumn = (column: LeadColumn): string => {
  switch (column.kind) {
    case 'lead':
      return column.field;
    case 'contact':
      return column.field === 'status' ? `secondary_${column.slot}_status` : `secondary_phone_${column.slot}`;
    case 'variable': {
      const { name } = column;
      const isClear = name !== '' && !name.startsWith(PREFIX) && readLeadColumn(name).kind === 'variable';
      return isClear ? name : `${PREFIX}${name}`;
    }
    case 'contact_variable': {
      const { name, slot } = column;
      const isClear = name !== '' && name !== 'status' && !name.startsWith(PREFIX);
      return `secondary_${slot}_${isClear ? name : `${PREFIX}${name}`}`;
    }
  }
};

/** Whether a file's columns say that it was exported: it has all that every lead has, under their very names. */
export const isExported = (headers: readonly string[]): boolean => LEAD_COLUMNS.every((field) => headers.includes(field));
