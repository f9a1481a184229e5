// What the embedded database and the thread that it lives in say to each other.                                    [pure]

/** What the thread is asked to do. `open` comes first, `close` last; a script may hold several statements, and takes no values. */
export type Question =
  | { kind: 'open'; folder: string }
  | { kind: 'query'; text: string; values: readonly unknown[] }
  | { kind: 'script'; text: string }
  | { kind: 'close' };

/** What a statement gave back. `command` is the first word of what PostgreSQL says it did. */
export interface Rows {
  rows: unknown[];
  fields: { name: string; dataTypeID: number }[];
  affectedRows?: number;
  command?: string;
}

/** An answer to the question of that number. */
export type Answer = { id: number } & ({ rows: Rows } | { failure: Failure });

/** An error on its way: structured cloning keeps what every error has, and drops what makes a database's one worth having. */
interface Failure {
  error: unknown;
  particulars: Record<string, string | number>;
}

// Statements and their parameters stay where they are: they hold people's numbers, and nobody asks an error for them.
const KEPT_BACK = ['query', 'params', 'stack', 'message'];

/** Makes an error ready to cross. */
export const packFailure = (error: unknown): Failure => {
  if (!(error instanceof Error)) return { error: new Error(String(error)), particulars: {} };
  const particulars: Failure['particulars'] = {};
  for (const [name, value] of Object.entries(error)) {
    if (!KEPT_BACK.includes(name) && (typeof value === 'string' || typeof value === 'number')) particulars[name] = value;
  }
  // A cause may hold anything.
  const { name, message, stack } = error;
  const plain = error instanceof RangeError ? new RangeError(message) : new Error(message);
  return { error: Object.assign(plain, { stack }), particulars: { name, ...particulars } };
};

/** The error as it was: SQLSTATE, constraint and all. */
export const unpackFailure = ({ error, particulars }: Failure): unknown =>
  error instanceof Error ? Object.assign(error, particulars) : error;
