// Which column of a file is what: the number to call, a further number, a variable. What the person says comes first,
// then what the headers say; every other column becomes a variable.                                             [pure]
import { dropGuard } from '../leads/formula-guard.ts';
import { MAX_CONTACTS } from '../leads/lead.ts';
import { isExported, type LeadColumn, readLeadColumn } from '../leads/lead-columns.ts';
import { parsePairs } from './field-pairs.ts';
import { quoteCell } from './phone-cell.ts';
import { foldHeader, rankPhoneHeader } from './phone-headers.ts';

/** Columns that a file may have. */
export const MAX_COLUMNS = 200;
/** The last column of a report on rows that were not added: it says why, and is no part of the row when that is imported again. */
export const ERROR_COLUMN = 'error';
const MAX_NAME = 100;
const HEADERS_NAMED = 20;

export interface Column {
  index: number;
  header: string;
}

/** What the cells of a variable may have to be. */
export const VALUE_TYPES = ['text', 'number', 'boolean'] as const;
export type ValueType = (typeof VALUE_TYPES)[number];

export interface VariableColumn extends Column {
  /** The variable's name. */
  name: string;
  /** Text where nothing is said. */
  type?: ValueType;
  /** Its cell may not be empty. */
  required?: boolean;
}

/** What the columns of a file are. `contacts` stand in calling order. */
export interface ColumnPlan {
  width: number;
  phone: Column;
  variables: VariableColumn[];
  contacts: { phone: Column; variables: VariableColumn[] }[];
}

/** Header -> target (`phone_number`, `secondary_phone_N`, `secondary_N_<variable>`, a variable's name), null: leave out. */
export type ColumnMap = ReadonlyMap<string, string | null>;

/** Why columns cannot be told apart, by the field of the request that can mend it. */
export class MappingError extends Error {
  readonly field: 'file' | 'map' | 'required' | 'types';

  constructor(field: MappingError['field'], message: string) {
    super(message);
    this.field = field;
  }
}

// Letters that do not come apart into a base and an accent.
const PLAIN: Record<string, string> = { ß: 'ss', æ: 'ae', œ: 'oe', ø: 'o', đ: 'd', ð: 'd', ł: 'l', þ: 'th', ı: 'i' };

/** A header as a variable's name: snake_case without accents; letters that have no Latin form stay. */
export const toVariableName = (header: string): string =>
  header
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/(\p{Ll}|\p{N})(\p{Lu})/gu, '$1_$2')
    .toLowerCase()
    .replace(/[ßæœøđðłþı]/g, (letter) => PLAIN[letter] ?? letter)
    .replace(/[^\p{L}\p{N}]+/gu, '_')
    .replace(/^_+|_+$/g, '')
    .slice(0, MAX_NAME);

/** The assistant's variables as it spells them, by their folded names. */
type VariableNames = ReadonlyMap<string, string>;

const nameVariable = (header: string, index: number, names: VariableNames): string =>
  names.get(foldHeader(header)) ?? (toVariableName(header) || `column_${index + 1}`);

type Target =
  | { kind: 'phone' }
  | { kind: 'variable'; name: string }
  | { kind: 'contact'; slot: number }
  | { kind: 'contact_variable'; slot: number; name: string };

const isAllowedName = (name: string): boolean =>
  name !== '' && name.length <= MAX_NAME && !/\p{Cc}/u.test(name) && name.isWellFormed() && name !== '__proto__';

const readTarget = (target: string): Target => {
  if (target === 'phone_number') return { kind: 'phone' };
  const contact = /^secondary_phone_(\d+)$/.exec(target) ?? /^secondary_(\d+)_(.+)$/s.exec(target);
  const name = contact === null ? target : contact[2];
  if (name !== undefined && !isAllowedName(name)) {
    throw new MappingError('map', `The map field names a variable that is not allowed: ${quoteCell(name)}.`);
  }
  if (contact === null) return { kind: 'variable', name: target };
  const slot = Number(contact[1]);
  if (slot < 1 || slot > MAX_CONTACTS) {
    throw new MappingError('map', `The map field may number secondary contacts from 1 to ${MAX_CONTACTS}, not ${quoteCell(target)}.`);
  }
  return name === undefined ? { kind: 'contact', slot } : { kind: 'contact_variable', slot, name };
};

/** Up to twenty of them, quoted, for a sentence. */
export const nameHeaders = (headers: readonly string[]): string => {
  const shown = headers
    .filter((header) => header !== '')
    .slice(0, HEADERS_NAMED)
    .map(quoteCell)
    .join(', ');
  return headers.length > HEADERS_NAMED ? `${shown} and more` : shown;
};

const noPhoneColumn = (headers: readonly string[]): MappingError => {
  const example = quoteCell(headers.find((header) => header !== '') ?? 'Column');
  return new MappingError(
    'file',
    `No column of the file is known to hold the phone numbers. Its columns are: ${nameHeaders(headers)}. ` +
      `Name one of them phone_number, or say which it is with the map field, such as {${example}: "phone_number"}.`,
  );
};

// The columns that a header of the map means: as written, else folded.
const columnsNamed = (headers: readonly string[], name: string): number[] => {
  const at = (matches: (header: string) => boolean) => headers.flatMap((header, index) => (matches(header) ? [index] : []));
  const exact = at((header) => header === name);
  const folded = foldHeader(name);
  return exact.length > 0 || folded === '' ? exact : at((header) => foldHeader(header) === folded);
};

const sameTarget = (a: Target, b: Target): boolean => JSON.stringify(a) === JSON.stringify(b);

// What the person says, by column; null: left out.
const applyMap = (headers: readonly string[], map: ColumnMap): Map<number, Target | null> => {
  if (map.size > MAX_COLUMNS) throw new MappingError('map', `The map field names ${map.size} columns; ${MAX_COLUMNS} are allowed.`);
  const targets = new Map<number, Target | null>();
  for (const [name, text] of map) {
    const columns = columnsNamed(headers, name);
    const [first] = columns;
    if (first === undefined) {
      const seen = nameHeaders(headers);
      throw new MappingError(
        'map',
        `The map field names the column ${quoteCell(name)}, which the file does not have. Its columns are: ${seen}.`,
      );
    }
    if (text === null) {
      for (const column of columns) targets.set(column, null);
      continue;
    }
    const target = readTarget(text);
    if ([...targets.values()].some((other) => other !== null && sameTarget(other, target))) {
      throw new MappingError('map', `The map field gives ${quoteCell(text)} to more than one column.`);
    }
    targets.set(first, target);
  }
  return targets;
};

const targetOf = (column: LeadColumn): Target | null => {
  switch (column.kind) {
    case 'lead':
      return column.field === 'phone_number' ? { kind: 'phone' } : null;
    case 'contact':
      return column.field === 'phone_number' ? { kind: 'contact', slot: column.slot } : null;
    case 'variable':
    case 'contact_variable':
      return column;
  }
};

// A file that was exported says of each column what it is, and its variables keep their spelling. What the person says goes first.
const readExported = (headers: readonly string[], targets: Map<number, Target | null>): void => {
  const columns = headers.map((header) => readLeadColumn(dropGuard(header)));
  const slots = new Set(columns.flatMap((column) => (column.kind === 'contact' && column.field === 'phone_number' ? [column.slot] : [])));
  columns.forEach((column, index) => {
    if (targets.has(index) || ('name' in column && !isAllowedName(column.name))) return;
    if (column.kind === 'contact_variable' && !slots.has(column.slot)) return;
    const target = targetOf(column);
    const isTaken = target !== null && [...targets.values()].some((other) => other !== null && sameTarget(other, target));
    if (!isTaken) targets.set(index, target);
  });
};

// The contact that a header numbers; there may be none of that number.
const contactNumber = (header: string): number | undefined => {
  const digits = /^secondaryphone(?:number)?(\d+)$/.exec(foldHeader(header))?.[1];
  return digits === undefined ? undefined : Number(digits);
};

const isContact = (slot: number): boolean => slot >= 1 && slot <= MAX_CONTACTS;

// A column that is named like a variable of the assistant is that, unless no other column is as good a phone column.
const detectPhone = (headers: readonly string[], targets: ReadonlyMap<number, Target | null>, names: VariableNames): number | undefined => {
  const candidates = headers.flatMap((header, index) => {
    const rank = targets.has(index) || contactNumber(header) !== undefined ? undefined : rankPhoneHeader(header);
    return rank === undefined ? [] : [{ index, rank, known: names.has(foldHeader(header)) }];
  });
  for (const rank of ['exact', 'main', 'further', 'vague'] as const) {
    const ranked = candidates.filter((candidate) => candidate.rank === rank);
    const best = ranked.find(({ known }) => !known) ?? ranked[0];
    if (best !== undefined) return best.index;
  }
  return undefined;
};

const isFurtherNumber = (header: string): boolean => {
  const slot = contactNumber(header);
  return slot === undefined ? !['vague', undefined].includes(rankPhoneHeader(header)) : isContact(slot);
};

// A column with the very name of a variable is that one, before others that only look alike.
const claimVariables = (headers: readonly string[], targets: Map<number, Target | null>, known: ReadonlySet<string>): void => {
  const taken = new Set([...targets.values()].flatMap((target) => (target?.kind === 'variable' ? [target.name] : [])));
  headers.forEach((name, index) => {
    if (targets.has(index) || taken.has(name) || !known.has(name)) return;
    taken.add(name);
    targets.set(index, { kind: 'variable', name });
  });
};

// Numbers the contacts: named slots first, then the columns that only look like further numbers, in their order.
const detectContacts = (headers: readonly string[], targets: Map<number, Target | null>, names: VariableNames): void => {
  const isFree = (header: string, index: number): boolean => !targets.has(index) && !names.has(foldHeader(header));
  const taken = new Set([...targets.values()].flatMap((target) => (target?.kind === 'contact' ? [target.slot] : [])));
  const claim = (index: number, slot: number | undefined): void => {
    if (slot === undefined || !isContact(slot) || taken.has(slot)) return;
    taken.add(slot);
    targets.set(index, { kind: 'contact', slot });
  };
  headers.forEach((header, index) => {
    if (isFree(header, index)) claim(index, contactNumber(header));
  });
  headers.forEach((header, index) => {
    if (!isFree(header, index) || !isFurtherNumber(header)) return;
    claim(
      index,
      Array.from({ length: MAX_CONTACTS }, (_, i) => i + 1).find((slot) => !taken.has(slot)),
    );
  });
  headers.forEach((header, index) => {
    const match = /^secondary[ _-](\d{1,2})[ _-](.+)$/is.exec(header);
    const slot = Number(match?.[1]);
    if (!isFree(header, index) || !taken.has(slot)) return;
    targets.set(index, { kind: 'contact_variable', slot, name: nameVariable(match?.[2] ?? '', index, names) });
  });
};

// A name that is already given gets a number.
const uniqueName = (name: string, taken: Set<string>): string => {
  let unique = name;
  for (let n = 2; taken.has(unique); n += 1) unique = `${name}_${n}`;
  taken.add(unique);
  return unique;
};

const collect = (headers: readonly string[], targets: ReadonlyMap<number, Target | null>, names: VariableNames): ColumnPlan => {
  const columns = headers.map((header, index): Column => ({ index, header: header === '' ? `column ${index + 1}` : header }));
  const find = (wanted: Target) =>
    columns.find(({ index }) => {
      const target = targets.get(index) ?? null;
      return target !== null && sameTarget(target, wanted);
    });
  const phone = find({ kind: 'phone' });
  if (phone === undefined) throw noPhoneColumn(headers);
  const given = [...targets.values()];
  const taken = new Set(given.flatMap((target) => (target?.kind === 'variable' ? [target.name] : [])));
  const variables = columns.flatMap((column): VariableColumn[] => {
    const target = targets.get(column.index);
    if (target?.kind === 'variable') return [{ ...column, name: target.name }];
    if (targets.has(column.index)) return [];
    return [{ ...column, name: uniqueName(nameVariable(headers[column.index] ?? '', column.index, names), taken) }];
  });
  const slots = [...new Set(given.flatMap((target) => (target !== null && 'slot' in target ? [target.slot] : [])))].sort((a, b) => a - b);
  const contacts = slots.map((slot) => {
    const own = find({ kind: 'contact', slot });
    if (own === undefined)
      throw new MappingError('map', `The map field gives variables to secondary contact ${slot}, but no phone column.`);
    const namesOfSlot = new Set<string>();
    const ofSlot = columns.flatMap((column): VariableColumn[] => {
      const target = targets.get(column.index);
      const isOwn = target?.kind === 'contact_variable' && target.slot === slot;
      return isOwn ? [{ ...column, name: uniqueName(target.name, namesOfSlot) }] : [];
    });
    return { phone: own, variables: ofSlot };
  });
  return { width: headers.length, phone, variables, contacts };
};

/**
 * Decides what every column is. `knownVariables` are those of the campaign's assistant: a column named like one of
 * them is that variable, in its spelling, and no contact.
 * @throws MappingError
 */
export const planColumns = (headers: readonly string[], map: ColumnMap, knownVariables: readonly string[] = []): ColumnPlan => {
  if (headers.length > MAX_COLUMNS) {
    throw new MappingError('file', `The file has ${headers.length} columns; ${MAX_COLUMNS} are allowed.`);
  }
  const names: VariableNames = new Map(knownVariables.map((name) => [foldHeader(name), name] as const).filter(([folded]) => folded !== ''));
  const targets = applyMap(headers, map);
  const last = headers.length - 1;
  if (headers[last] === ERROR_COLUMN && !targets.has(last) && !knownVariables.includes(ERROR_COLUMN)) targets.set(last, null);
  if (isExported(headers)) readExported(headers, targets);
  if (![...targets.values()].some((target) => target?.kind === 'phone')) {
    const detected = detectPhone(headers, targets, names);
    if (detected === undefined) throw noPhoneColumn(headers);
    targets.set(detected, { kind: 'phone' });
  }
  claimVariables(headers, targets, new Set(knownVariables));
  detectContacts(headers, targets, names);
  return collect(headers, targets, names);
};

/**
 * Reads a mapping: JSON objects, or lines of `column=target`; later ones win.
 * @throws MappingError
 */
export const parseColumnMap = (values: readonly unknown[]): ColumnMap => {
  const pairs = parsePairs(values);
  if (pairs !== undefined) return pairs;
  throw new MappingError('map', 'The map field must be a JSON object from column headers to targets, or lines of column=target.');
};
