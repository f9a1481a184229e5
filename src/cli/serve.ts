// `outdial serve`: start, say how to reach it, stop on a signal.
import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import type { Role } from '../engine.ts';
import { createLogger } from '../logger.ts';
import { STOP_MS } from '../parts.ts';
import { openConfigured, type RunningServer, startServer } from '../server.ts';
import type { Output } from './output.ts';

const banner = (config: Config, { url, firstKey }: RunningServer): string[] => {
  const base = config.PUBLIC_URL ?? url;
  const storage = config.DATABASE_URL === undefined ? `embedded database in ${config.DATA_DIR}` : 'PostgreSQL';
  const given = firstKey !== undefined && config.OUTDIAL_API_KEY !== undefined;
  const key = given ? '$OUTDIAL_API_KEY' : (firstKey ?? 'YOUR_KEY');
  const keyLine = given
    ? 'the one in OUTDIAL_API_KEY'
    : (firstKey ?? 'as shown at the first start; for another one, POST /api/user/api-keys or outdial key create');
  return [
    '',
    `Outdial is ready at ${base}`,
    '',
    `  API key   ${keyLine}${firstKey === undefined || given ? '' : '   (shown this once: keep it)'}`,
    `  Try it    curl -H "Authorization: Bearer ${key}" "${base}/api/user/leads"`,
    `  API docs  ${base}/docs`,
    `  Storage   ${storage}`,
    '',
  ];
};

/** Beyond the deadline of a stop: only a start that is still under way, or a stop that is stuck, takes as long. */
const LAST_RESORT_MS = STOP_MS + 500;

// Resolves with the name of the first signal. A second one does not wait for anything.
const untilSignal = (log: Logger): Promise<string> =>
  new Promise((resolve) => {
    let stopping = false;
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        if (stopping) process.exit(1);
        stopping = true;
        setTimeout(() => {
          log.error('the process ends, although its start or its stop is not over');
          process.exit(1);
        }, LAST_RESORT_MS).unref();
        resolve(signal);
      });
    }
  });

/** Runs the server until a signal. */
export const serve = async (config: Config, output: Output, role: Role): Promise<void> => {
  const log = createLogger(config.LOG_LEVEL);
  const signalled = untilSignal(log);
  const opened = await openConfigured(config, log);
  const server = await startServer(config, opened, { log, role });
  output.result({ url: server.url, key: server.firstKey ?? null }, banner(config, server));
  log.info({ signal: await signalled }, 'stopping');
  const unfinished = await server.stop();
  log.info('stopped');
  // What still waits keeps its connections, and with them the process.
  if (unfinished.length > 0) process.exit(1);
};
