// The thread that the embedded database lives in. It does what it is asked, in the order in which it is asked.
import { parentPort } from 'node:worker_threads';
import type { PGlite, Results } from '@electric-sql/pglite';
import { type Answer, packFailure, type Question, type Rows } from './embedded-messages.ts';
import { openPglite } from './pglite.ts';

const NOTHING: Rows = { rows: [], fields: [] };

let pglite: PGlite | undefined;

const opened = (): PGlite => {
  if (pglite === undefined) throw new Error('The embedded database is not open.');
  return pglite;
};

const rowsOf = (results: (Results & { command?: string }) | undefined): Rows => {
  if (results === undefined) return NOTHING;
  const { rows, fields, affectedRows, command } = results;
  return { rows, fields, ...(affectedRows === undefined ? {} : { affectedRows }), ...(command === undefined ? {} : { command }) };
};

const answer = async (question: Question): Promise<Rows> => {
  switch (question.kind) {
    case 'open':
      pglite = await openPglite({ folder: question.folder });
      return NOTHING;
    case 'query':
      return rowsOf(await opened().query(question.text, [...question.values]));
    case 'script':
      return rowsOf((await opened().exec(question.text)).at(-1));
    case 'close':
      await opened().close();
      return NOTHING;
  }
};

parentPort?.on('message', async ({ id, question }: { id: number; question: Question }) => {
  const said: Answer = await answer(question).then(
    (rows) => ({ id, rows }),
    (error: unknown) => ({ id, failure: packFailure(error) }),
  );
  parentPort?.postMessage(said);
  // After a trap of WebAssembly nobody knows what the engine's memory holds. Whoever starts anew recovers from the log on disk.
  if ('failure' in said && said.failure.particulars.name === 'RuntimeError') setImmediate(() => process.exit(1));
});
