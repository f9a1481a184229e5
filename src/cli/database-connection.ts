// A connection of one's own to the configured database, for commands that copy all of it. It migrates nothing.
import type { Config } from '../config.ts';
import { connectAlone, type SoleConnection } from '../db/sole-connection.ts';
import { CommandError } from './output.ts';

/** Connects to the configured database. The caller closes the connection. */
export const connectConfigured = async (config: Config, name: string): Promise<SoleConnection> => {
  if (config.DATABASE_URL === undefined) throw new CommandError('This command needs a PostgreSQL: set DATABASE_URL.', 2);
  return connectAlone(config.DATABASE_URL, name);
};
