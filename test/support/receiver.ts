// Somebody else's server: takes what webhooks are sent to it, and answers as the test says.
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { closeLater } from './closing.ts';

/** A request that came. */
export interface Received {
  path: string;
  headers: Record<string, string>;
  body: string;
}

/** A running receiver. */
export interface Receiver {
  url: string;
  seen: Received[];
  /** Resolves once so many requests have come. */
  until(count: number): Promise<void>;
}

/** Starts one on loopback; it answers 204 unless told otherwise. It is closed by itself. */
export const startReceiver = async (
  answer: (response: ServerResponse, count: number, path: string) => void = (response) => response.writeHead(204).end(),
): Promise<Receiver> => {
  const seen: Received[] = [];
  let tell = () => {};
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const path = request.url ?? '';
    seen.push({ path, headers: Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)])), body });
    tell();
    answer(response, seen.length, path);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closeLater(() => {
    server.closeAllConnections();
    server.close();
  });
  const until = async (count: number): Promise<void> => {
    while (seen.length < count) {
      await new Promise<void>((resolve) => {
        tell = resolve;
      });
    }
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, seen, until };
};
