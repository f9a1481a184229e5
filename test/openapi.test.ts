// The API document: checked in as it is made, complete, and served with a page to read it.
import { readFileSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import { startApp, type TestApp } from './support/app.ts';

interface Operation {
  summary?: string;
  tags?: string[];
  responses: Record<string, { content?: Record<string, { schema?: object }> }>;
}

interface Document {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
}

let t: TestApp;
let document: Document;

beforeAll(async () => {
  t = await startApp();
  document = (await t.api.get('/openapi.json')).body;
});

test('openapi.json is what the routes say (npm run openapi writes it anew)', () => {
  expect(JSON.parse(readFileSync(new URL('../openapi.json', import.meta.url), 'utf8'))).toEqual(document);
});

test('it is OpenAPI 3.1 and names every route of the API that is no mere alias', () => {
  expect(document.openapi).toBe('3.1.0');
  const named = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const registered = t.app.routeList
    .filter(({ method, hidden, url }) => !hidden && method !== 'HEAD' && url.startsWith('/api'))
    .map(({ method, url }) => `${method} ${url.replace(/:(\w+)/g, '{$1}')}`);
  for (const route of registered) expect(named).toContain(route);
});

test('every operation has a summary, a tag and a schema for each success', () => {
  for (const [path, item] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(item)) {
      const where = `${method} ${path}`;
      expect(operation.summary, where).toBeTruthy();
      expect(operation.tags?.length, where).toBeGreaterThan(0);
      const successes = Object.keys(operation.responses).filter((status) => status.startsWith('2'));
      expect(successes.length, where).toBeGreaterThan(0);
      for (const status of successes) {
        const content = operation.responses[status]?.content ?? {};
        // What answers with a file has none in JSON.
        const kinds = Object.keys(content).includes('text/csv') ? Object.keys(content) : ['application/json'];
        for (const kind of kinds) expect(content[kind]?.schema, `${where} ${kind}`).toBeDefined();
      }
    }
  }
});

test('/docs is a page, with and without the slash, and so is what it loads', async () => {
  for (const path of ['/docs', '/docs/']) {
    const page = await t.app.inject(path);
    expect(page.statusCode).toBe(200);
    expect(page.headers['content-type']).toContain('text/html');
    for (const [, asset] of page.payload.matchAll(/(?:src|href)="([^"]+)"/g)) {
      const url = new URL(asset ?? '', `http://localhost${path}`);
      expect((await t.app.inject(url.pathname)).statusCode, `${path} -> ${url.pathname}`).toBe(200);
    }
  }
});

test('/docs loads what it needs from the path that a proxy has put before it', async () => {
  const prefixed = await startApp({ http: { publicUrl: 'https://www.example.test/dial' } });
  const page = await prefixed.app.inject('/docs');
  const assets = [...page.payload.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, asset]) => asset ?? '');
  expect(assets.length).toBeGreaterThan(2);
  for (const asset of assets) {
    const { pathname } = new URL(asset, 'https://www.example.test/dial/docs/');
    expect(pathname).toMatch(/^\/dial\/docs\//);
    expect((await prefixed.app.inject(pathname.replace('/dial', ''))).statusCode, asset).toBe(200);
  }
});

test.each(['/docs/static/%2e%2e/%2e%2e/package.json', '/docs/static/..%2f..%2fpackage.json', '/docs/static/nothing.js'])(
  'below /docs there is nothing but the page: %s',
  async (path) => {
    const answer = await t.app.inject(path);
    expect([403, 404]).toContain(answer.statusCode);
    expect(answer.payload).not.toContain('"dependencies"');
  },
);
