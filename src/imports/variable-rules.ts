// What a person asks of the variables of a file: which must not be empty, and which are numbers or booleans.        [pure]
import { type ColumnPlan, MappingError, nameHeaders, VALUE_TYPES, type ValueType, type VariableColumn } from './column-mapping.ts';
import { parsePairs } from './field-pairs.ts';
import { quoteCell } from './phone-cell.ts';

/** By the names of variables. */
export interface VariableRules {
  required: ReadonlySet<string>;
  types: ReadonlyMap<string, ValueType>;
}

const NUMBER = /^[+-]?(\d+(\.\d+)?|\.\d+)(e[+-]?\d+)?$/i;
const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ...['true', 'yes', '1'].map((text) => [text, true] as const),
  ...['false', 'no', '0'].map((text) => [text, false] as const),
]);

const readNumber = (cell: string): number | undefined => {
  const value = NUMBER.test(cell) ? Number(cell) : Number.NaN;
  // A long row of digits is a name, not a number: the last ones would be lost.
  return Number.isFinite(value) && Math.abs(value) <= Number.MAX_SAFE_INTEGER ? value : undefined;
};

/** The value of a cell that is not empty; undefined when it is none of that type. */
export const readValue = (cell: string, type: ValueType = 'text'): string | number | boolean | undefined => {
  if (type === 'text') return cell;
  return type === 'number' ? readNumber(cell) : BOOLEANS.get(cell.toLowerCase());
};

const isType = (text: string | null): text is ValueType => VALUE_TYPES.some((type) => type === text);

const parseTypes = (values: readonly unknown[]): Map<string, ValueType> => {
  const pairs = parsePairs(values);
  if (pairs === undefined) {
    throw new MappingError('types', 'The types field must be a JSON object from variables to types, or lines of variable=type.');
  }
  return new Map(
    [...pairs].map(([name, type]) => {
      if (isType(type)) return [name, type];
      throw new MappingError('types', `The types field says of ${quoteCell(name)} what is none of ${VALUE_TYPES.join(', ')}.`);
    }),
  );
};

const parseRequired = (values: readonly unknown[]): Set<string> => {
  const names = values.flatMap((value) => (typeof value === 'string' ? value.split(',').map((name) => name.trim()) : [undefined]));
  if (names.includes(undefined)) throw new MappingError('required', 'The required field must be a list of variables.');
  return new Set(names.filter((name) => name !== undefined && name !== '') as string[]);
};

/**
 * Reads what the fields `required` (names, with commas between them) and `types` (pairs) ask; both may be repeated.
 * @throws MappingError
 */
export const parseRules = (required: readonly unknown[], types: readonly unknown[]): VariableRules => ({
  required: parseRequired(required),
  types: parseTypes(types),
});

/**
 * The plan with the rules at its columns. What is required is so of the lead: a secondary contact has the lead's variables where it has
 * none of its own.
 * @throws MappingError when a rule is about a variable that the file does not have.
 */
export const applyRules = (plan: ColumnPlan, { required, types }: VariableRules): ColumnPlan => {
  const own = new Set(plan.variables.map(({ name }) => name));
  const all = new Set([...own, ...plan.contacts.flatMap(({ variables }) => variables.map(({ name }) => name))]);
  const refuseUnknown = (field: 'required' | 'types', names: Iterable<string>, known: ReadonlySet<string>): void => {
    for (const name of names) {
      if (known.has(name)) continue;
      const has = known.size === 0 ? 'none' : nameHeaders([...known]);
      throw new MappingError(
        field,
        `The ${field} field names the variable ${quoteCell(name)}, which no column holds. The file has: ${has}.`,
      );
    }
  };
  // The number is required without being told.
  refuseUnknown(
    'required',
    [...required].filter((name) => name !== 'phone_number' && name !== plan.phone.header),
    own,
  );
  refuseUnknown('types', types.keys(), all);
  const typed = (column: VariableColumn): VariableColumn => {
    const type = types.get(column.name);
    return type === undefined ? column : { ...column, type };
  };
  return {
    ...plan,
    variables: plan.variables.map(typed).map((column) => (required.has(column.name) ? { ...column, required: true } : column)),
    contacts: plan.contacts.map((contact) => ({ ...contact, variables: contact.variables.map(typed) })),
  };
};
