// Serves the metrics on a port of its own, to whoever reaches it: no keys, no accounts, nothing but numbers.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What is told to whoever asks. */
export interface MetricsSource {
  contentType: string;
  /** The metrics as text; in bounded time, whatever the database does. */
  read(): Promise<string>;
}

/** A server that answers `GET /metrics`. */
export interface MetricsServer {
  url: string;
  stop(): Promise<void>;
}

/** Starts it; port 0 picks a free one. @throws when the address cannot be listened on. */
export const startMetricsServer = async (
  { host, port }: { host: string; port: number },
  { contentType, read }: MetricsSource,
  onError: (error: unknown) => void,
): Promise<MetricsServer> => {
  const server = createServer((request, response) => {
    const path = request.url?.split('?', 1)[0];
    if (path !== '/metrics') return void response.writeHead(404).end();
    if (request.method !== 'GET' && request.method !== 'HEAD') return void response.writeHead(405, { allow: 'GET, HEAD' }).end();
    read().then(
      (text) => response.writeHead(200, { 'content-type': contentType }).end(request.method === 'HEAD' ? undefined : text),
      (error: unknown) => {
        onError(error);
        response.writeHead(500).end();
      },
    );
  });
  server.listen(port, host);
  await once(server, 'listening');
  const { port: chosen } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${chosen}/metrics`,
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
};
