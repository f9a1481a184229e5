// Stands between Outdial and its database, and freezes: connections stay open, and nothing passes any more, as with a stopped backend.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { closeLater } from './closing.ts';

/** A proxy before a PostgreSQL server. */
export interface FreezingProxy {
  /** The database's URL, by way of the proxy. */
  url: string;
  /** From now on nothing passes, on those that are open and on new ones. */
  freeze(): void;
  /** Everything passes again, what came meanwhile first. */
  thaw(): void;
}

/** Starts one; it is closed by itself. */
export const startFreezingProxy = async (databaseUrl: string): Promise<FreezingProxy> => {
  const target = new URL(databaseUrl);
  const pairs = new Set<[Socket, Socket]>();
  let frozen = false;
  const server = createServer((from) => {
    const to = connect(Number(target.port || 5432), target.hostname);
    const pair: [Socket, Socket] = [from, to];
    pairs.add(pair);
    for (const [one, other] of [pair, [to, from] as const]) {
      one.on('data', (chunk) => other.write(chunk));
      one.on('error', () => other.destroy());
      one.on('close', () => {
        pairs.delete(pair);
        other.destroy();
      });
      if (frozen) one.pause();
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closeLater(() => {
    for (const pair of pairs) for (const socket of pair) socket.destroy();
    server.close();
  });
  const url = new URL(databaseUrl);
  url.hostname = '127.0.0.1';
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    freeze: () => {
      frozen = true;
      for (const pair of pairs) for (const socket of pair) socket.pause();
    },
    thaw: () => {
      frozen = false;
      for (const pair of pairs) for (const socket of pair) socket.resume();
    },
  };
};
