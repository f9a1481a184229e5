// How long a statement may take, and wait for others' locks; and how a failure tells that one did.                    [pure]

/** Milliseconds; 0: no limit. */
export interface StatementLimits {
  /** A statement waits so long for a lock that another transaction holds. */
  lockMs: number;
  /** The server ends a statement that takes longer. */
  statementMs: number;
}

/** For requests: a person waits no longer. No statement of a request takes long by itself; what does is divided. */
export const REQUEST_LIMITS: StatementLimits = { lockMs: 5000, statementMs: 30_000 };

/** For the dialer and its kind: they serve all accounts, so that no lock of one may hold them up, and pass over what is held. */
export const ENGINE_LIMITS: StatementLimits = { lockMs: 100, statementMs: 6000 };

/** For an operator's own command, which may count a million leads. */
export const NO_LIMITS: StatementLimits = { lockMs: 0, statementMs: 0 };

/** A server that is asked to end a statement does so at once. One that does not is frozen, or cannot be reached. */
const SILENCE_MS = 2000;

/** Milliseconds after which a connection without an answer is given up; undefined: never. */
export const silenceAfter = ({ statementMs }: StatementLimits): number | undefined =>
  statementMs === 0 ? undefined : statementMs + SILENCE_MS;

/** The database has not answered for longer than a statement may take; whether it was carried out is not known. The connection is gone. */
export class DatabaseSilentError extends Error {
  readonly code = 'DATABASE_SILENT';

  constructor() {
    super('The database did not answer in time.');
  }
}

const codeOf = (error: unknown): unknown => (typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined);

/** No connection was free for as long as one is waited for. Nothing was asked. */
export class NoConnectionError extends Error {
  readonly code = 'NO_CONNECTION';

  constructor() {
    super('No connection to the database was free in time.');
  }
}

/** Whether a statement has waited too long for a lock, or asked for one without waiting (SQLSTATE 55P03). Nothing of its transaction is done. */
export const isLockTimeout = (error: unknown): boolean => codeOf(error) === '55P03';

/** Whether a statement has taken too long (57014). Nothing of its transaction is done. */
export const isStatementTimeout = (error: unknown): boolean => codeOf(error) === '57014';
