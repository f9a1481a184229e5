// What may keep the embedded database from working, each in a sentence that says what to do.
const SET_URL = 'set DATABASE_URL to a PostgreSQL 15 or newer, as postgres://user:password@host/name';

/** This machine has no PostgreSQL program that we could start, or may not start it. `reason` is a sentence without its full stop; `otherwise` what else would help. */
export class NoDatabaseProgramError extends Error {
  constructor(reason: string, otherwise?: string) {
    super(`${reason}: ${otherwise === undefined ? '' : `${otherwise}, or `}${SET_URL}.`);
  }
}

/** The folder cannot be made, not be written to, or holds something else. */
export class DataDirUnusableError extends Error {
  constructor(dataDir: string, cause: unknown, advice = 'set DATA_DIR to a folder that can be made and written to') {
    super(`The data folder ${dataDir} cannot be used (${cause instanceof Error ? cause.message : String(cause)}): ${advice}.`, { cause });
  }
}

/** The folder holds the database of an earlier version, which this one cannot read. */
export class OlderDataDirError extends Error {}

/** The server was started and has not come up. `said` is its own last word. */
export class DatabaseNotStartedError extends Error {
  constructor(dataDir: string, said: string, log: string) {
    super(`The database in ${dataDir} could not be started. It said: ${said || 'nothing'} (all of its words are in ${log}).`);
  }
}
