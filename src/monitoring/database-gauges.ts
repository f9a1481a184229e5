// The gauges that come from the database: read when somebody asks, kept for a while, and cleared when the database does not answer, so
// that nobody takes what was for what is.
import type { Metrics } from './metrics.ts';
import type { DatabaseState } from './state.store.ts';
import { createBounded, withTimeLimit } from './time-limit.ts';

/** Every state of a call that has not ended. */
const OPEN_STATES = ['reserved', 'sending', 'live', 'unknown', 'wrapping'] as const;
const READ_LIMIT_MS = 2000;
const KEEP_MS = 10_000;
const SECOND = 1000;

const fill = ({ state }: Metrics, read: DatabaseState): void => {
  state.running.set(read.running);
  state.dialers.set(read.dialers);
  state.due.set(read.leads.due);
  state.overdue.set(read.leads.overdue);
  state.overdueAge.set(read.leads.overdueMs / SECOND);
  state.lines.set(read.lines.used);
  state.lineLimit.set(read.lines.limit);
  for (const name of OPEN_STATES) state.open.set({ state: name }, read.calls.get(name) ?? 0);
  state.paused.reset();
  for (const { carrier, paused } of read.carriers) state.paused.set({ carrier }, paused ? 1 : 0);
  state.pending.set(read.webhooks.pending);
  state.pendingAge.set(read.webhooks.pendingMs / SECOND);
  state.dueAge.set(read.webhooks.dueMs / SECOND);
  state.imports.set(read.imports);
};

const clear = ({ state }: Metrics): void => {
  const { open, paused, ...plain } = state;
  open.reset();
  paused.reset();
  // One without labels would be 0 after a reset, which is a measurement; one that is removed is not there.
  for (const gauge of Object.values(plain)) gauge.remove();
};

/** Makes the reading. It never throws, and ends within some two seconds. `read` may hang: one hanging read is all that there is. */
export const createDatabaseGauges = (
  metrics: Metrics,
  read: () => Promise<DatabaseState>,
  onError: (error: unknown) => void,
  keepMs = KEEP_MS,
): (() => Promise<void>) => {
  let readAt: number | undefined;
  clear(metrics);
  const bounded = createBounded(2, read);
  const refresh = createBounded(1, async (): Promise<void> => {
    try {
      fill(metrics, await withTimeLimit(READ_LIMIT_MS, bounded));
      metrics.databaseUp.set(1);
      readAt = performance.now();
    } catch (error) {
      onError(error);
      clear(metrics);
      metrics.databaseUp.set(0);
      readAt = undefined;
    }
  });
  return async () => {
    if (readAt === undefined || performance.now() - readAt >= keepMs) await refresh();
  };
};
