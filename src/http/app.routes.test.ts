// What holds for every answer, whatever the route; and what comes before any route: sockets, origins, proxies.
import { type AddressInfo, connect } from 'node:net';
import { beforeAll, describe, expect, test } from 'vitest';
import { createApi, startApp, type TestApp } from '../../test/support/app.ts';

let t: TestApp;

beforeAll(async () => {
  t = await startApp();
  await t.app.listen({ host: '127.0.0.1', port: 0 });
});

// Sends bytes as they are, and reads until the server hangs up.
const exchange = (bytes: string): Promise<{ status: number; head: string; body: string }> =>
  new Promise((resolve, reject) => {
    const { port } = t.app.server.address() as AddressInfo;
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    let received = '';
    socket.on('data', (chunk) => {
      received += chunk;
    });
    socket.on('error', reject);
    socket.on('close', () => {
      const [head = '', body = ''] = received.split('\r\n\r\n');
      resolve({ status: Number(head.split(' ')[1]), head, body });
    });
  });
const request = (line: string, ...headers: string[]) =>
  exchange(
    [line, 'Host: dial.example.test', `Authorization: Bearer ${t.mine.token}`, 'Connection: close', ...headers, '', ''].join('\r\n'),
  );

describe('over a socket', () => {
  test('what is no HTTP is a 400 in JSON', async () => {
    const { status, head, body } = await exchange('nonsense\r\n\r\n');
    expect([status, body]).toEqual([400, '{"message":"Bad Request"}']);
    expect(head).toContain('Content-Type: application/json');
  });

  test('headers without end are a 431', async () => {
    const { status, body } = await request('GET /api/user/me HTTP/1.1', `X-Long: ${'x'.repeat(40_000)}`);
    expect([status, JSON.parse(body)]).toEqual([431, { message: 'The request headers are too large.' }]);
  });

  test('without Host the page URLs have the address that was called', async () => {
    const { port } = t.app.server.address() as AddressInfo;
    const { status, body } = await exchange(
      `GET /api/user/leads HTTP/1.1\r\nAuthorization: Bearer ${t.mine.token}\r\nConnection: close\r\n\r\n`,
    );
    expect([status, JSON.parse(body).path]).toEqual([200, `http://127.0.0.1:${port}/api/user/leads`]);
  });

  test('an expectation that nobody knows is a 417 in JSON', async () => {
    const { status, head, body } = await request('GET /api/user/me HTTP/1.1', 'Expect: nonsense');
    expect([status, JSON.parse(body)]).toEqual([417, { message: 'Expectation Failed' }]);
    expect(head.toLowerCase()).toContain('content-type: application/json');
  });

  test('a whole URL in the request line is read as its path', async () => {
    const { status, body } = await request('GET http://proxy.example.test/api/user/leads?per_page=5 HTTP/1.1');
    expect([status, JSON.parse(body).path]).toEqual([200, 'http://dial.example.test/api/user/leads']);
  });

  test('bytes of a query that are no UTF-8 come back as they were', async () => {
    const { status, body } = await request('GET /api/user/leads?q=%FF%fe&phone_number=+1202 HTTP/1.1');
    expect([status, JSON.parse(body).first_page_url]).toEqual([
      200,
      'http://dial.example.test/api/user/leads?q=%FF%FE&phone_number=%2B1202&page=1',
    ]);
  });

  test('a body that is announced too long is refused before it comes', async () => {
    const { status, body } = await request('POST /api/user/lead HTTP/1.1', 'Content-Type: application/json', 'Content-Length: 99999999');
    expect([status, JSON.parse(body)]).toEqual([413, { message: 'The request body is too large.' }]);
  });
});

test('every answer has an id of ours, is not to be kept, and is JSON without blanks', async () => {
  const asked = [
    await t.api.get('/api/user/leads'),
    await t.api.get('/api/user/leads?status=x'),
    await t.api.get('/api/nothing'),
    await t.api.get('/nothing', { accept: 'text/html' }),
    await t.api.delete('/api/user/me'),
    await createApi(t.app, 'x').get('/api/user/me'),
  ];
  expect(asked.map(({ status }) => status)).toEqual([200, 422, 404, 404, 405, 401]);
  for (const { headers, raw, body } of asked) {
    expect(headers['content-type']).toMatch(/^application\/json/);
    expect([headers['x-request-id'], headers['cache-control']]).toEqual([expect.stringMatching(/^[0-9a-f-]{36}$/), 'no-cache, private']);
    expect(raw).toBe(JSON.stringify(body));
  }
});

describe('browsers elsewhere', () => {
  const ORIGIN = 'https://app.example.test';
  const ask = async (cors: TestApp, origin: string) => {
    const preflight = { origin, 'access-control-request-method': 'PUT', 'access-control-request-headers': 'authorization,content-type' };
    const nobody = createApi(cors.app, undefined);
    return [
      await nobody.request({ method: 'OPTIONS', url: '/api/user/leads/5', headers: preflight }),
      await nobody.get('/api/user/me', { origin }),
    ];
  };

  test('are let in where they are named, with and without a key', async () => {
    const cors = await startApp({ http: { corsOrigins: [ORIGIN] } });
    const [preflight, refused] = await ask(cors, ORIGIN);
    expect([preflight?.status, preflight?.headers['access-control-allow-origin']]).toEqual([204, ORIGIN]);
    expect(preflight?.headers['access-control-allow-methods']).toBe('GET, HEAD, POST, PUT, PATCH, DELETE');
    expect(preflight?.headers['access-control-allow-headers']).toBe('authorization,content-type');
    expect(refused?.headers['access-control-expose-headers']).toContain('Retry-After');
    expect([refused?.status, refused?.headers['access-control-allow-origin']]).toEqual([401, ORIGIN]);
    for (const answer of await ask(cors, 'https://evil.example.test'))
      expect(answer.headers['access-control-allow-origin']).toBeUndefined();
  });

  test('an OPTIONS that is no preflight is answered in JSON, or with no body at all', async () => {
    const cors = await startApp({ http: { corsOrigins: [ORIGIN] } });
    const { status, raw } = await createApi(cors.app, undefined).request({ method: 'OPTIONS', url: '/api/user/leads', headers: {} });
    expect([status, raw]).toEqual([204, '']);
  });

  test('are not, unless', async () => {
    for (const answer of await ask(t, ORIGIN)) expect(answer.headers['access-control-allow-origin']).toBeUndefined();
  });
});

test('only as many proxies as are named are believed', async () => {
  const hops = await startApp({ http: { trustProxy: ['192.0.2.0/24'] } });
  const pathFrom = async (remoteAddress: string, scheme = 'https') => {
    const headers = { host: 'inner', 'x-forwarded-proto': scheme, 'x-forwarded-host': 'outer.example.test' };
    return (await hops.api.request({ method: 'GET', url: '/api/user/leads', headers, remoteAddress })).body.path;
  };
  expect(await pathFrom('192.0.2.9', 'javascript')).toBe('http://outer.example.test/api/user/leads');
  expect(await pathFrom('192.0.2.9')).toBe('https://outer.example.test/api/user/leads');
  expect(await pathFrom('198.51.100.9')).toBe('http://inner/api/user/leads');
});
