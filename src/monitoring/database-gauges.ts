// The gauges that come from the database: read when somebody asks, kept for a while, and cleared when the database does not answer, so
// that nobody takes what was for what is.
import type { Gauge } from 'prom-client';
import type { Metrics } from './metrics.ts';
import type { DatabaseState } from './state.store.ts';
import { createBounded, withTimeLimit } from './time-limit.ts';

/** Every state of a call that has not ended. */
const OPEN_STATES = ['reserved', 'sending', 'live', 'unknown', 'wrapping'] as const;
const READ_LIMIT_MS = 3000;
const KEEP_MS = 10_000;
const SECOND = 1000;

const setOrRemove = (gauge: Gauge, value: number | undefined): void => {
  if (value === undefined) gauge.remove();
  else gauge.set(value);
};

const inSeconds = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : ms / SECOND);

const fill = ({ state }: Metrics, read: DatabaseState): void => {
  state.running.set(read.running);
  state.dialers.set(read.dialers);
  setOrRemove(state.due, read.leads?.due);
  setOrRemove(state.overdue, read.leads?.overdue);
  setOrRemove(state.overdueAge, inSeconds(read.leads?.overdueMs));
  setOrRemove(state.pending, read.webhooks?.pending);
  setOrRemove(state.pendingAge, inSeconds(read.webhooks?.pendingMs));
  setOrRemove(state.dueAge, inSeconds(read.webhooks?.dueMs));
  state.lines.set(read.lines.used);
  state.lineLimit.set(read.lines.limit);
  for (const name of OPEN_STATES) state.open.set({ state: name }, read.calls.get(name) ?? 0);
  state.paused.reset();
  for (const { carrier, paused } of read.carriers) state.paused.set({ carrier }, paused ? 1 : 0);
  state.imports.set(read.imports);
};

const clear = ({ state }: Metrics): void => {
  const { open, paused, ...plain } = state;
  open.reset();
  paused.reset();
  // One without labels would be 0 after a reset, which is a measurement; one that is removed is not there.
  for (const gauge of Object.values(plain)) gauge.remove();
};

/** Makes the reading. It never throws, and ends within some three seconds. `read` may hang; two at most do. */
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
