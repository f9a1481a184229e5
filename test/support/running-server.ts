// A whole server in the test's own process, on a database of its own, as `outdial serve` would start it.
import { Writable } from 'node:stream';
import { pino } from 'pino';
import { loadConfig } from '../../src/config.ts';
import { openDatabase } from '../../src/db/open.ts';
import type { Role } from '../../src/engine.ts';
import { type RunningServer, startServer } from '../../src/server.ts';
import { closeLater } from './closing.ts';

/** A line of the log. */
export type LogLine = Record<string, unknown> & { msg: string };

/** A logger whose lines a test can read. */
export const keepLog = (): { log: pino.Logger; lines: LogLine[] } => {
  const lines: LogLine[] = [];
  const sink = new Writable({
    write: (chunk, _encoding, done) => {
      lines.push(JSON.parse(String(chunk)));
      done();
    },
  });
  return { log: pino({ level: 'info' }, sink), lines };
};

/** Starts a server with a role on a database; it is stopped by itself. */
export const startRunning = async (
  url: string,
  role: Role,
  settings: Record<string, string> = {},
): Promise<RunningServer & { lines: LogLine[] }> => {
  const config = loadConfig({ PORT: '0', DATABASE_URL: url, ...settings });
  const { log, lines } = keepLog();
  const server = await startServer(config, await openDatabase({ kind: 'server', url, onIdleError: () => {} }), { log, role });
  closeLater(server.stop);
  return { ...server, lines };
};
