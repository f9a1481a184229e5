// A connection of one's own to the configured database, for commands that copy all of it. It migrates nothing.
import type { Config } from '../config.ts';
import { connectAlone, type SoleConnection } from '../db/sole-connection.ts';
import { useEmbedded } from '../postgres/server.ts';

const connectEmbedded = async (dataDir: string, name: string): Promise<SoleConnection> => {
  const embedded = await useEmbedded(dataDir);
  try {
    const watchedBy = embedded.watchedBy();
    const connection = await connectAlone({ ...embedded.connection }, name, watchedBy === undefined ? [] : [watchedBy]);
    const close = async (): Promise<void> => {
      await connection.close();
      await embedded.leave();
    };
    return { ...connection, close };
  } catch (error) {
    await embedded.leave();
    throw error;
  }
};

/** Connects to the configured database. The caller closes the connection. */
export const connectConfigured = (config: Config, name: string): Promise<SoleConnection> =>
  config.DATABASE_URL === undefined ? connectEmbedded(config.DATA_DIR, name) : connectAlone(config.DATABASE_URL, name);
