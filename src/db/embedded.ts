// The embedded database, seen from outside the thread that it lives in: what a statement takes is taken there, and here the process
// goes on answering. One statement at a time, in the order in which they were asked for; a transaction has it for itself until it ends.
import { Worker } from 'node:worker_threads';
import { type Answer, type Question, type Rows, unpackFailure } from './embedded-messages.ts';

/** The thread of the embedded database has ended by itself. Only a new start of the process brings it back. */
export class EmbeddedDatabaseLostError extends Error {
  constructor(cause: unknown) {
    super('The embedded database has stopped unexpectedly: restart Outdial. What was committed is kept.', { cause });
  }
}

/** What a statement gave back, as Kysely takes it. */
interface Results<Row> extends Rows {
  rows: Row[];
}

/** Asks within a transaction. */
interface Transaction {
  query<Row>(text: string, values?: readonly unknown[]): Promise<Results<Row>>;
  rollback(): Promise<void>;
}

/** An open embedded database; all that Kysely's dialect for PGlite uses of one, and no more. */
export interface EmbeddedDatabase {
  readonly ready: boolean;
  readonly waitReady: Promise<void>;
  readonly closed: boolean;
  /** One statement. */
  query<Row>(text: string, values?: readonly unknown[]): Promise<Results<Row>>;
  /** Any number of statements, which take no values. The rows are those of the last one. */
  runScript(text: string): Promise<Rows>;
  /** Everybody else waits until the callback has ended: what it did is committed, or, if it fails, undone. */
  transaction<Result>(act: (transaction: Transaction) => Promise<Result>): Promise<Result>;
  /** Lets go of the folder, after what was asked for before. A second time it does nothing. */
  close(): Promise<void>;
  /** Comes true when the thread ends without having been told to. Never fails. */
  readonly lost: Promise<EmbeddedDatabaseLostError>;
}

// The sources are run as they are, the published package is compiled: the thread's file is of the same kind as this one.
const FILE = new URL(import.meta.url.endsWith('.ts') ? './embedded-worker.ts' : './embedded-worker.js', import.meta.url);

/** Starts a thread for an embedded database. */
export const startWorker = (): Worker =>
  // Options for Node that were meant for the main program, such as a script on its command line, are not for this one.
  new Worker(FILE, { execArgv: [], name: 'database' });

interface Waiter {
  resolve(rows: Rows): void;
  reject(error: unknown): void;
}

interface Thread {
  ask(question: Question): Promise<Rows>;
  /** Ends it, and with it all that it has open. */
  end(): Promise<void>;
  readonly lost: Promise<EmbeddedDatabaseLostError>;
}

const talkTo = (worker: Worker): Thread => {
  const waiting = new Map<number, Waiter>();
  let asked = 0;
  let lost: EmbeddedDatabaseLostError | undefined;
  let isTold = false;
  const loss = Promise.withResolvers<EmbeddedDatabaseLostError>();

  const forget = (id: number): Waiter | undefined => {
    const waiter = waiting.get(id);
    waiting.delete(id);
    // As the engine itself does not: a process that waits for nothing may end.
    if (waiter !== undefined && waiting.size === 0) worker.unref();
    return waiter;
  };
  const lose = (cause: unknown): void => {
    lost ??= new EmbeddedDatabaseLostError(cause);
    for (const id of [...waiting.keys()]) forget(id)?.reject(lost);
    if (!isTold) loss.resolve(lost);
  };
  worker.on('message', (answer: Answer) => {
    const waiter = forget(answer.id);
    if ('rows' in answer) waiter?.resolve(answer.rows);
    else waiter?.reject(unpackFailure(answer.failure));
  });
  worker.on('error', lose);
  // Whoever had asked would wait for ever.
  worker.on('messageerror', (error) => {
    lose(error);
    void worker.terminate();
  });
  worker.on('exit', (code) => lose(new Error(`Its thread ended with ${code}.`)));

  const ask = (question: Question): Promise<Rows> =>
    new Promise((resolve, reject) => {
      if (lost !== undefined) throw lost;
      asked += 1;
      // Throws where a value cannot cross, before anybody waits.
      worker.postMessage({ id: asked, question });
      if (waiting.size === 0) worker.ref();
      waiting.set(asked, { resolve, reject });
    });

  return {
    ask,
    end: async () => {
      isTold = true;
      await worker.terminate();
    },
    lost: loss.promise,
  };
};

/** Opens the database in a folder, in a thread that is then its own. */
export const openEmbedded = async (folder: string, worker = startWorker()): Promise<EmbeddedDatabase> => {
  const thread = talkTo(worker);
  try {
    await thread.ask({ kind: 'open', folder });
  } catch (error) {
    await thread.end();
    throw error;
  }
  let closing: Promise<void> | undefined;

  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <Result>(act: () => Promise<Result>): Promise<Result> => {
    if (closing !== undefined) return Promise.reject(new Error('The embedded database is closed.'));
    const mine = last.then(act);
    last = mine.catch(() => {});
    return mine;
  };

  const ask = async <Row>(text: string, values: readonly unknown[] = []): Promise<Results<Row>> => {
    const results = await thread.ask({ kind: 'query', text, values });
    // Whoever asks says what comes back, here as with every driver.
    return { ...results, rows: results.rows as Row[] };
  };
  const command = async (text: string): Promise<string | undefined> => (await thread.ask({ kind: 'script', text })).command;

  const commit = async (): Promise<void> => {
    // A transaction in which something failed is undone, whatever is asked for.
    if ((await command('commit')) === 'ROLLBACK') {
      throw Object.assign(new Error('Transaction was rolled back instead of committed'), { code: '25P02' });
    }
  };

  const runTransaction = async <Result>(act: (transaction: Transaction) => Promise<Result>): Promise<Result> => {
    // A failed beginning is told to whoever asks first. The callback has to be called all the same: Kysely would wait for that for ever.
    const failure = await command('begin').then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    let over = false;
    const transaction: Transaction = {
      query: async <Row>(text: string, values?: readonly unknown[]) => {
        if (failure !== undefined) throw failure.error;
        if (over) throw new Error('The transaction is over.');
        return ask<Row>(text, values);
      },
      rollback: async () => {
        over = true;
        await command('rollback');
      },
    };
    try {
      const result = await act(transaction);
      if (!over) {
        over = true;
        await commit();
      }
      return result;
    } catch (error) {
      if (!over) await command('rollback').catch(() => {});
      throw error;
    } finally {
      over = true;
    }
  };

  const close = async (): Promise<void> => {
    await last;
    try {
      await thread.ask({ kind: 'close' });
    } catch (error) {
      // One that is gone has nothing open any more.
      if (!(error instanceof EmbeddedDatabaseLostError)) throw error;
    } finally {
      await thread.end();
    }
  };

  return {
    ready: true,
    waitReady: Promise.resolve(),
    get closed() {
      return closing !== undefined;
    },
    query: (text, values) => inTurn(() => ask(text, values)),
    runScript: (text) => inTurn(() => thread.ask({ kind: 'script', text })),
    transaction: (act) => inTurn(() => runTransaction(act)),
    close: () => {
      closing ??= close();
      return closing;
    },
    lost: thread.lost,
  };
};
