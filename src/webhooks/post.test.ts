// Receivers that misbehave, each a real server on loopback.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { isPublicAddress, type Resolve } from './destination.ts';
import { KEPT_BYTES, type PostLimits, post } from './post.ts';

const open: Server[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) {
    if ('closeAllConnections' in server) (server as ReturnType<typeof createServer>).closeAllConnections();
    server.close();
  }
});

const listen = async (server: Server, host = '127.0.0.1'): Promise<number> => {
  open.push(server);
  server.listen(0, host);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
};

// Another address of this machine.
const OUTER = '127.0.0.2';

interface Seen {
  headers: IncomingMessage['headers'];
  method: string | undefined;
  url: string | undefined;
  body: string;
}

const receiver = async (answer: (response: ServerResponse, request: IncomingMessage) => void, host?: string) => {
  const seen: Seen[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    seen.push({ headers: request.headers, method: request.method, url: request.url, body });
    answer(response, request);
  });
  const port = await listen(server, host);
  return { url: `http://127.0.0.1:${port}/hook`, port, seen };
};

const to127: Resolve = async () => [{ address: '127.0.0.1', family: 4 }];

const send = (url: string, limits: Partial<PostLimits> = {}, payload = '{"a":"é"}') =>
  post(url, { 'x-test': '1' }, payload, {
    mayReach: () => true,
    timeoutMs: 3000,
    resolve: to127,
    signal: new AbortController().signal,
    ...limits,
  });

test('posts the text and answers what came back', async () => {
  const { url, seen } = await receiver((response) => response.writeHead(202).end('thanks'));
  expect(await send(url)).toEqual({ url, status: 202, body: 'thanks', error: undefined });
  expect(seen).toMatchObject([{ method: 'POST', url: '/hook', body: '{"a":"é"}', headers: { 'x-test': '1', 'content-length': '10' } }]);
});

test('user and password of the URL are sent as such, and to its own host alone', async () => {
  const elsewhere = await receiver((response) => response.end());
  const first = await receiver((response, request) => {
    if (request.url === '/hook') response.writeHead(307, { location: '/next' }).end();
    else response.writeHead(307, { location: elsewhere.url }).end();
  });
  const result = await send(first.url.replace('//', '//me:p%40ss@'));
  expect(result).toMatchObject({ status: 200, url: elsewhere.url });
  const basic = `Basic ${Buffer.from('me:p@ss').toString('base64')}`;
  expect(first.seen.map(({ headers }) => headers.authorization)).toEqual([basic, basic]);
  expect(elsewhere.seen[0]?.headers.authorization).toBeUndefined();
  expect(elsewhere.seen[0]?.body).toBe('{"a":"é"}');
});

describe('an answer', () => {
  test('that is huge is read no further than what is kept', async () => {
    let written = 0;
    const { url } = await receiver((response) => {
      const more = (): void => {
        while (!response.destroyed && written < 200_000_000) {
          written += 65_536;
          if (!response.write(Buffer.alloc(65_536, 'x'))) break;
        }
      };
      response.on('drain', more).on('error', () => {});
      more();
    });
    const result = await send(url);
    expect(result).toMatchObject({ status: 200, error: undefined });
    expect(result.body).toBe('x'.repeat(KEPT_BYTES));
    expect(written).toBeLessThan(20_000_000);
  });

  test('whose body never ends counts by its status, when the time is up', async () => {
    const { url } = await receiver((response) => response.writeHead(200).write('part'));
    expect(await send(url, { timeoutMs: 300 })).toMatchObject({ status: 200, body: 'part', error: undefined });
  });

  test('whose body drips is not waited for beyond the deadline', async () => {
    const { url } = await receiver((response) => {
      const drip = setInterval(() => response.write('.'), 20);
      response.on('close', () => clearInterval(drip));
    });
    const began = performance.now();
    expect(await send(url, { timeoutMs: 300 })).toMatchObject({ status: 200 });
    expect(performance.now() - began).toBeLessThan(1500);
  });

  test('that breaks off counts by its status', async () => {
    const { url } = await receiver((response) => {
      response.writeHead(500, { 'content-length': '100' }).write('half');
      setTimeout(() => response.destroy(), 50);
    });
    expect(await send(url)).toMatchObject({ status: 500, body: 'half', error: undefined });
  });

  test('that is no text, or cut within a character, becomes one that the database takes', async () => {
    const { url } = await receiver((response) => response.end(Buffer.concat([Buffer.from([0, 0xff]), Buffer.alloc(5000, 'é')])));
    const { body } = await send(url);
    expect(body).toMatch(/^\uFFFD\uFFFDé+/);
    expect(body).not.toContain('\0');
  });

  test.each<[string, string, boolean]>([
    ['and goes on', 'upgrade: websocket\r\nconnection: upgrade\r\n', false],
    ['and closes', 'upgrade: websocket\r\nconnection: upgrade\r\n', true],
    ['without saying to what', '', false],
  ])(
    '101 switches to what we do not speak, %s: an answer like any other',
    async (_, headers, closes) => {
      let closed = () => {};
      const gone = new Promise<void>((resolve) => {
        closed = resolve;
      });
      const server = createTcpServer((socket) => {
        socket.on('error', () => {}).on('close', closed);
        socket.resume().write(`HTTP/1.1 101 Switching Protocols\r\n${headers}\r\n`);
        if (closes) socket.end();
      });
      const url = `http://127.0.0.1:${await listen(server)}/`;
      expect(await send(url, { timeoutMs: 500 })).toEqual({ url, status: 101, body: '', error: undefined });
      await gone;
    },
    5000,
  );

  test('that comes before the text was read is an answer', async () => {
    const server = createServer((_request, response) => response.writeHead(413, { connection: 'close' }).end('too much'));
    const url = `http://127.0.0.1:${await listen(server)}/`;
    const result = await send(url, {}, JSON.stringify({ text: 'x'.repeat(20_000_000) }));
    expect([413, undefined]).toContain(result.status);
    if (result.status === undefined) expect(result.error).toBe('connection_closed');
  });
});

describe('no answer', () => {
  const raw = async (serve: (socket: import('node:net').Socket) => void) => {
    const sockets = new Set<import('node:net').Socket>();
    const server = createTcpServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
      serve(socket);
    });
    return `http://127.0.0.1:${await listen(server)}/`;
  };

  test('is a timeout', async () => {
    const url = await raw(() => {});
    const began = performance.now();
    expect(await send(url, { timeoutMs: 300 })).toEqual({ url, status: undefined, error: 'timeout', body: undefined });
    expect(performance.now() - began).toBeLessThan(1500);
  });

  test('from a resolver that never answers is a timeout', async () => {
    expect(await send('http://hook.example.test/', { timeoutMs: 200, resolve: () => new Promise(() => {}) })).toMatchObject({
      error: 'timeout',
    });
  });

  test.each<[string, (socket: import('node:net').Socket) => void, string]>([
    ['the connection is closed at once', (socket) => socket.destroy(), 'connection_closed'],
    ['it is reset', (socket) => socket.resetAndDestroy(), 'connection_closed'],
    ['it is no HTTP', (socket) => socket.end('220 mail.example.test ESMTP\r\n'), 'bad_response'],
    ['its headers are too long', (socket) => socket.write(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(100_000)}\r\n\r\n`), 'bad_response'],
  ])('when %s has its word', async (_, serve, error) => {
    expect(await send(await raw(serve))).toMatchObject({ status: undefined, error });
  });

  test('because nobody listens has its word', async () => {
    const url = await raw(() => {});
    open.splice(0).forEach((server) => {
      server.close();
    });
    expect(await send(url)).toMatchObject({ error: 'connection_refused' });
  });

  test('because the name is unknown has its word', async () => {
    const unknown: Resolve = () => Promise.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND' }));
    expect(await send('http://hook.example.test/', { resolve: unknown })).toMatchObject({ error: 'dns_failed' });
  });

  test('because it speaks no TLS has its word', async () => {
    const { url } = await receiver((response) => response.end());
    expect(['tls_failed', 'connection_closed']).toContain((await send(url.replace('http:', 'https:'))).error);
  });

  test('because we stop has its word', async () => {
    const stop = new AbortController();
    const url = await raw(() => setTimeout(() => stop.abort(), 50));
    expect(await send(url, { signal: stop.signal })).toMatchObject({ error: 'interrupted' });
  });

  test.each(['', 'nonsense', 'ftp://example.test/', 'file:///etc/passwd', 'http://'])('%s is no URL to post to', async (url) => {
    expect(await send(url)).toMatchObject({ error: 'invalid_url' });
  });
});

describe('a private destination', () => {
  test('is refused as an address, as a name, and after a redirect, without a connection', async () => {
    const inner = await receiver((response) => response.end('secret'));
    expect(await send(inner.url, { mayReach: isPublicAddress })).toMatchObject({ status: undefined, error: 'forbidden_destination' });
    expect(await send(`http://hook.example.test:${inner.port}/`, { mayReach: isPublicAddress })).toMatchObject({
      error: 'forbidden_destination',
    });
    expect(await send(`http://localhost:${inner.port}/`, { mayReach: isPublicAddress })).toMatchObject({ error: 'forbidden_destination' });
    expect(inner.seen).toEqual([]);
  });

  test('is refused behind a name that changes its mind between looking and connecting', async () => {
    const inner = await receiver((response) => response.end('secret'));
    let asked = 0;
    // Public for whoever checks first, loopback for whoever looks again.
    const rebinding: Resolve = async () => [{ address: asked++ === 0 ? '192.0.2.1' : '127.0.0.1', family: 4 }];
    for (let round = 0; round < 3; round++) {
      const result = await send(`http://rebind.example.test:${inner.port}/`, {
        mayReach: isPublicAddress,
        resolve: rebinding,
        timeoutMs: 500,
      });
      expect(result.status).toBeUndefined();
    }
    expect(inner.seen).toEqual([]);
    // One look each: there is no second answer to be fooled by.
    expect(asked).toBe(3);
  });

  test('is refused behind a redirect from a public one', async () => {
    const inner = await receiver((response) => response.end('secret'));
    // Of the two names only the first leads to where one may go, as a public receiver would.
    const twoNames: Resolve = async (hostname) => [{ address: hostname.startsWith('outer') ? OUTER : '127.0.0.1', family: 4 }];
    const limits = { resolve: twoNames, mayReach: (address: string) => address === OUTER };
    for (const host of ['inner.example.test', '127.0.0.1', '[::ffff:127.0.0.1]', '2130706433', 'localhost']) {
      const target = `http://${host}:${inner.port}/`;
      const outer = await receiver((response) => response.writeHead(302, { location: target }).end(), OUTER);
      const result = await send(`http://outer.example.test:${outer.port}/`, limits);
      expect(result, host).toMatchObject({ status: undefined, error: 'forbidden_destination' });
      expect(outer.seen).toHaveLength(1);
    }
    expect(inner.seen).toEqual([]);
  });
});

describe('a redirect', () => {
  test.each([301, 302, 307, 308])('%i is followed with the same text', async (status) => {
    const last = await receiver((response) => response.writeHead(204).end());
    const first = await receiver((response) => response.writeHead(status, { location: last.url }).end());
    expect(await send(first.url)).toMatchObject({ status: 204, url: last.url, error: undefined });
    expect(last.seen).toMatchObject([{ method: 'POST', body: '{"a":"é"}' }]);
  });

  test('is followed three times', async () => {
    const round = await receiver((response) => response.writeHead(307, { location: '/again' }).end());
    expect(await send(round.url)).toMatchObject({ status: 307, error: 'too_many_redirects' });
    expect(round.seen).toHaveLength(4);
  });

  test.each([undefined, 'http://', 'ftp://example.test/', 'javascript:alert(1)'])('to %s is not followed', async (location) => {
    const { url } = await receiver((response) => response.writeHead(302, location === undefined ? {} : { location }).end());
    expect(await send(url)).toMatchObject({ status: 302, error: 'bad_redirect' });
  });

  test('303 asks for something else and is not followed', async () => {
    const { url, seen } = await receiver((response) => response.writeHead(303, { location: '/other' }).end());
    expect(await send(url)).toMatchObject({ status: 303, error: undefined });
    expect(seen).toHaveLength(1);
  });
});
