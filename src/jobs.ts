// The job queue (pg-boss) on our own database connection, of either kind, and the loop that works on what is due.
// For what may run more than once: webhooks. Never for placing calls.
import { CompiledQuery } from 'kysely';
import { type ConstructorOptions, PgBoss } from 'pg-boss';
import type { Db } from './db/schema.ts';

/** Who works on a queue. The queues themselves are made in migrations/. */
export interface Worker {
  queue: string;
  /** Jobs at the same time in this process. */
  concurrency: number;
  /** Jobs of one group at the same time, in all processes together. */
  perGroup: number;
  /** Runs before the first job. */
  begin?(): Promise<void>;
  /** Does a job. One that throws is tried again later; so is one whose process dies. On `signal` it should end soon. */
  work(data: unknown, signal: AbortSignal): Promise<void>;
}

/** What the queue may want to be told. */
export interface JobOptions {
  onError(error: unknown): void;
  /** How often dead processes are looked for. */
  superviseSeconds?: number;
  /** How long a stop waits for jobs before it breaks them off. */
  graceMs?: number;
}

/** The running queue. */
export interface Jobs {
  /** There may be work: looks at once, not at the next second. */
  wake(): void;
  /** Takes no more jobs, and waits for those at hand. */
  stop(): Promise<void>;
}

const IDLE_MS = 1000;
// So that many small jobs are fetched together.
const BUSY_MS = 25;
// So that what else uses the database gets its turn.
const FETCHED_AT_ONCE = 20;

// A statement ends at a semicolon that is in no text, name, comment or dollar quote.
const TOKEN = /\$(\w*)\$[\s\S]*?\$\1\$|'(?:[^']|'')*'|"[^"]*"|--[^\n]*|\/\*[\s\S]*?\*\/|;/g;

/** The statements of a script, without the transaction that it wraps itself in. */
export const splitScript = (script: string): string[] => {
  const ends = [...script.matchAll(TOKEN)].filter(([token]) => token === ';').map(({ index }) => index);
  const pieces = [...ends, script.length].map((end, i) => script.slice(i === 0 ? 0 : (ends[i - 1] ?? 0) + 1, end).trim());
  return pieces.filter((piece) => piece !== '' && !/^(begin|commit)$/i.test(piece));
};

/**
 * pg-boss's view of the database. It sends scripts of several statements (its transactions), which the embedded database
 * takes from nobody but exec and of which Kysely passes on no rows: so they run one by one in a transaction of ours.
 */
const onOurConnection = (db: Db): NonNullable<ConstructorOptions['db']> => ({
  executeSql: async (text, values = []) => {
    const run = async (on: Db, statement: string, parameters: unknown[]) =>
      (await on.executeQuery(CompiledQuery.raw(statement, parameters))).rows;
    const statements = values.length > 0 ? [text] : splitScript(text);
    const [only] = statements;
    if (statements.length === 1 && only !== undefined) return { rows: await run(db, only, values) };
    return db.transaction().execute(async (trx) => {
      const rows: unknown[] = [];
      for (const statement of statements) rows.push(...(await run(trx, statement, [])));
      return { rows };
    });
  },
});

const startBoss = async (db: Db, { onError, superviseSeconds = 60 }: JobOptions): Promise<PgBoss> => {
  const boss = new PgBoss({
    db: onOurConnection(db),
    // The tables are migrated with all others.
    migrate: false,
    schedule: false,
    registerInstance: false,
    openTelemetry: { enabled: false },
    superviseIntervalSeconds: superviseSeconds,
    monitorIntervalSeconds: superviseSeconds,
    // Jobs that wait for other jobs: there are none.
    flowIntervalSeconds: 3600,
  });
  boss.on('error', onError);
  await boss.start();
  return boss;
};

/** A pause that can be cut short. */
const createBell = () => {
  let ring = () => {};
  let rung = false;
  return {
    ring: (): void => {
      rung = true;
      ring();
    },
    wait: async (ms: number): Promise<void> => {
      if (!rung) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, ms);
          ring = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      rung = false;
    },
  };
};

// pg-boss's own workers poll once each and wait for the slowest job of a batch. One loop fetches for all places instead.
const startWorker = (boss: PgBoss, worker: Worker, onError: (error: unknown) => void) => {
  const bell = createBell();
  const breakOff = new AbortController();
  const running = new Set<Promise<void>>();
  let stopping = false;

  const runJob = async (job: { id: string; retryCount: number; data: unknown }): Promise<void> => {
    try {
      await worker.work(job.data, breakOff.signal);
      // Not completed, which would keep it: a job says nothing that its own domain's log does not.
      await boss.deleteJob(worker.queue, job);
    } catch (error) {
      onError(error);
      await boss.fail(worker.queue, job).catch(onError);
    }
  };

  const fetchSome = async (): Promise<number> => {
    const places = worker.concurrency - running.size;
    if (places <= 0) return 0;
    const jobs = await boss.fetch(worker.queue, { batchSize: Math.min(places, FETCHED_AT_ONCE), groupConcurrency: worker.perGroup });
    for (const job of jobs) {
      const done: Promise<void> = runJob(job).finally(() => {
        running.delete(done);
        bell.ring();
      });
      running.add(done);
    }
    return jobs.length;
  };

  const loop = async (): Promise<void> => {
    while (!stopping) {
      const fetched = await fetchSome().catch((error: unknown) => {
        onError(error);
        return -1;
      });
      if (fetched > 0) continue;
      // After a failure not before the second is over: the database may be in trouble.
      if (fetched === 0) await bell.wait(IDLE_MS);
      if (!stopping) await new Promise((resolve) => setTimeout(resolve, fetched < 0 ? IDLE_MS : BUSY_MS));
    }
  };
  const looping = loop();

  return {
    wake: bell.ring,
    stop: async (graceMs: number): Promise<void> => {
      stopping = true;
      bell.ring();
      await looping;
      const timer = setTimeout(() => breakOff.abort(), graceMs);
      await Promise.all(running);
      clearTimeout(timer);
    },
  };
};

/** Starts the queue and its workers. The database stays the caller's to close, after `stop`. */
export const startJobs = async (db: Db, workers: readonly Worker[], options: JobOptions): Promise<Jobs> => {
  const boss = await startBoss(db, options);
  const stopBoss = () => boss.stop({ graceful: true, timeout: 1000, close: false });
  try {
    for (const worker of workers) await worker.begin?.();
  } catch (error) {
    await stopBoss();
    throw error;
  }
  const started = workers.map((worker) => startWorker(boss, worker, options.onError));
  return {
    wake: () => {
      for (const { wake } of started) wake();
    },
    stop: async () => {
      await Promise.all(started.map(({ stop }) => stop(options.graceMs ?? 5000)));
      await stopBoss();
    },
  };
};
