// Starts the embedded engine, with our types and settings: in a thread of its own (embedded-worker.ts), or, in memory, right here.
import { PGlite } from '@electric-sql/pglite';

const BIGINT = 20;

// What is inserted waits in a list to be sorted into a GIN index, up to this many kilobytes; then whoever inserts next sorts it all in. With
// PostgreSQL's own 4 MB that takes a quarter of a second, in which the only connection is deaf. The least there is: 20 ms, and a
// fifth more for every insert (measured at 100,000 leads).
const SETTINGS = 'set gin_pending_list_limit = 64';

/** Opens PGlite on a folder, or in memory, where it may begin with a dumped folder. */
export const openPglite = async ({ folder, dump }: { folder?: string; dump?: Blob }): Promise<PGlite> => {
  const pglite = await PGlite.create({
    ...(folder === undefined ? {} : { dataDir: folder }),
    ...(dump === undefined ? {} : { loadDataDir: dump }),
    // bigint would arrive as a BigInt. Ids and counts stay far below 2^53, so they are numbers everywhere.
    parsers: { [BIGINT]: Number },
  });
  await pglite.exec(SETTINGS);
  return pglite;
};

/** Runs a script of several statements. @returns the rows of the last one. */
export const runScript = async (pglite: PGlite, text: string): Promise<unknown[]> => (await pglite.exec(text)).at(-1)?.rows ?? [];
