// GET /metrics of a server at work, as Prometheus would read it; and what the documents say of it.
import { readFileSync } from 'node:fs';
import { sql } from 'kysely';
import { beforeAll, describe, expect, test } from 'vitest';
import { createMetrics } from '../../src/monitoring/metrics.ts';
import type { Answer, Api } from '../support/app.ts';
import { buildAssistant, buildCampaign, buildLead, buildNumber } from '../support/build.ts';
import { closeLater } from '../support/closing.ts';
import { freshDatabase } from '../support/db.ts';
import { startFreezingProxy } from '../support/freezing-proxy.ts';
import { startReceiver } from '../support/receiver.ts';
import { startRunning } from '../support/running-server.ts';

const read = (name: string): string => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');

const scrape = async (url: string | undefined): Promise<string> => {
  const response = await fetch(url ?? 'http://no.metrics.test');
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8']);
  return response.text();
};

/** The value of a sample by its name with labels; undefined: there is none. */
const sampleOf = (text: string, sample: string): number | undefined => {
  const line = text.split('\n').find((one) => one.startsWith(`${sample} `));
  return line === undefined ? undefined : Number(line.slice(sample.length + 1));
};

const until = async (what: string, isSo: () => Promise<boolean>): Promise<void> => {
  for (const end = Date.now() + 20_000; !(await isSo()); ) {
    if (Date.now() > end) throw new Error(`${what}: not within 20 seconds`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

const clientOf = (url: string, key: string): Pick<Api, 'get' | 'post'> => {
  const ask = async (path: string, init: RequestInit): Promise<Answer> => {
    const headers = { authorization: `Bearer ${key}`, ...(init.body instanceof FormData ? {} : { 'content-type': 'application/json' }) };
    const response = await fetch(`${url}${path}`, { ...init, headers });
    const raw = await response.text();
    return { status: response.status, body: JSON.parse(raw), headers: {}, raw };
  };
  return {
    get: (path) => ask(path, { method: 'GET' }),
    post: (path, body) => ask(path, { method: 'POST', body: body instanceof FormData ? body : JSON.stringify(body) }),
  };
};

describe('a server that has dialed, imported and delivered', () => {
  let text: string;
  beforeAll(async () => {
    const { db, url } = await freshDatabase();
    const receiver = await startReceiver();
    const settings = { METRICS_PORT: '0', SIMULATION_SPEED: '1000', WEBHOOK_ALLOW_PRIVATE: '1' };
    const server = await startRunning(url ?? '', 'all', settings);
    const api = clientOf(server.url, server.firstKey ?? '') as Api;
    const assistant = await buildAssistant(api, { phone_number_id: (await buildNumber(api)).id });
    await sql`update assistants set is_webhook_active = true, webhook_url = ${receiver.url}`.execute(db);
    const days = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'];
    const always = { timezone: 'UTC', allowed_days: days, allowed_hours_start_time: '00:00', allowed_hours_end_time: '23:59' };
    const { id } = await buildCampaign(api, { assistant_id: assistant.id, name: 'Secretly', max_calls_in_parallel: 1, ...always });
    // Answered, by the simulated carrier's script.
    for (const phone_number of ['+12025550100', '+12125550100', '+13125550100']) await buildLead(api, { campaign_id: id, phone_number });
    await buildLead(api, { campaign_id: id, phone_number: '+14125550100' });
    await sql`
      insert into dnc_numbers (account_id, phone_number, created_at) select account_id, '+14125550100', created_at from campaigns`.execute(
      db,
    );
    const form = new FormData();
    form.append('campaign_id', String(id));
    form.append('file', new Blob(['phone_number\n+15125550100\nnone\n']), 'leads.csv');
    expect((await api.post('/api/user/leads/import', form as never)).status).toBeLessThan(300);
    await api.post('/api/user/campaigns/update-status', { campaign_id: id, action: 'start' });
    await receiver.until(4);
    await api.get('/api/user/leads/12345?variables=secret');
    await fetch(`${server.url}/nothing/+12025550100`);
    await until('all is counted', async () => {
      text = await scrape(server.metricsUrl);
      return sampleOf(text, 'outdial_webhook_deliveries_total{result="delivered"}') === 4;
    });
  });

  test.each<[sample: string, expected: number]>([
    ['outdial_calls_reserved_total', 4],
    ['outdial_carrier_requests_total{result="accepted"}', 4],
    ['outdial_carrier_requests_total{result="rejected"}', 0],
    ['outdial_carrier_request_duration_seconds_count', 4],
    ['outdial_call_due_lag_seconds_count', 4],
    ['outdial_refusals_total{reason="blacklisted"}', 1],
    ['outdial_calls_ended_total{outcome="lost"}', 0],
    ['outdial_webhook_delivery_duration_seconds_count', 4],
    ['outdial_import_rows_total', 2],
    ['outdial_imports_ended_total{status="completed"}', 1],
    ['outdial_http_requests_total{route="/api/user/leads/:id",method="GET",status="4xx"}', 1],
    ['outdial_http_requests_total{route="none",method="GET",status="4xx"}', 1],
    ['outdial_http_request_duration_seconds_count{route="/api/user/leads/:id",method="GET"}', 1],
    ['outdial_database_up', 1],
    ['outdial_database_connection_waits', 0],
  ])('%s is %d', (sample, expected) => {
    expect(sampleOf(text, sample)).toBe(expected);
  });

  test('calls have ended by outcome, claims were timed, lines were full, rounds went by', () => {
    const ended = [...text.matchAll(/^outdial_calls_ended_total\{.*\} (\d+)$/gm)].reduce((sum, [, count]) => sum + Number(count), 0);
    expect(ended).toBe(4);
    for (const sample of ['outdial_claim_duration_seconds_count', 'outdial_refusals_total{reason="campaign_lines_full"}'])
      expect(sampleOf(text, sample), sample).toBeGreaterThan(0);
    for (const sample of ['outdial_dialer_rounds_total', 'outdial_database_connections', 'nodejs_eventloop_lag_p99_seconds'])
      expect(sampleOf(text, sample), sample).toBeGreaterThan(0);
    expect(sampleOf(text, 'outdial_dialer_round_age_seconds')).toBeLessThan(10);
  });

  test('no number, name, host or path is in it', () => {
    const labels = [...text.matchAll(/^outdial_\w+(\{.*\})/gm)].map(([, found = '']) => found.replaceAll(/le="[\d.]+",?/g, ''));
    expect(labels.length).toBeGreaterThan(50);
    expect(labels.filter((found) => /\d{4}|secret|127\.0\.0\.1|\/hook/i.test(found))).toEqual([]);
  });

  test('every query of the dashboard and of the alerts names metrics that are there', () => {
    const dashboard = JSON.parse(read('docs/grafana-dashboard.json'));
    const rows = dashboard.panels.filter(({ type }: { type: string }) => type === 'row').map(({ title }: { title: string }) => title);
    expect(rows).toEqual(['Dialing', 'Webhooks and imports', 'HTTP', 'Database', 'Process']);
    const queries: string[] = dashboard.panels.flatMap(({ targets = [] }: { targets?: { expr: string }[] }) =>
      targets.map(({ expr }) => expr),
    );
    expect(queries.length).toBeGreaterThan(30);
    const alerts = [...read('docs/monitoring.md').matchAll(/^ {8}expr: (.*)$/gm)].map(([, expr = '']) => expr);
    expect(alerts.length).toBeGreaterThan(8);
    const types = new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type = '']) => [name, type]));
    const isThere = (name: string): boolean => {
      const base = name.replace(/_(bucket|sum|count)$/, '');
      return types.has(name) ? types.get(name) !== 'histogram' : types.get(base) === 'histogram';
    };
    for (const query of [...queries, ...alerts.filter((expr) => !expr.startsWith('up{'))]) {
      const names = query.match(/\b(?:outdial|process|nodejs)_\w+/g) ?? [];
      expect(names, query).not.toEqual([]);
      expect(
        names.filter((name) => !isThere(name)),
        query,
      ).toEqual([]);
    }
    // Nothing that was drawn for nobody to see: each metric of ours is on the dashboard.
    const ours = [...types.keys()].filter((name) => name.startsWith('outdial_'));
    expect(ours.filter((name) => !queries.some((query) => new RegExp(`\\b${name}(_bucket)?\\b`).test(query)))).toEqual([]);
  });
});

describe('the names', () => {
  interface Registered {
    name: string;
    help: string;
    labelNames: string[];
  }
  const registered = createMetrics().registry.getMetricsAsArray() as unknown as Registered[];
  const typeOf = (metric: Registered): string => metric.constructor.name.toLowerCase();

  test('the table of the documents is what is registered', () => {
    const unitOf = (name: string): string => {
      if (/_seconds(_total)?$/.test(name)) return 'seconds';
      return name.endsWith('_bytes') ? 'bytes' : 'number';
    };
    const rows = registered.map((metric) => {
      const labels = metric.labelNames.map((label) => `\`${label}\``).join(', ');
      // Else it would be taken for the name of a file.
      const meaning = metric.help.replaceAll('Node.js', 'Node');
      return `| \`${metric.name}\` | ${labels} | ${typeOf(metric)} | ${unitOf(metric.name)} | ${meaning} |`;
    });
    const table = read('docs/monitoring.md').match(/^\| `(?:outdial|process|nodejs)_.*\|$/gm) ?? [];
    // Some of the process's own are known to Linux alone.
    const told = process.platform === 'linux' ? table : table.filter((row) => !row.startsWith('| `process_') || rows.includes(row));
    expect(told).toEqual(rows);
  });

  test('follow the conventions of Prometheus', () => {
    for (const metric of registered.filter(({ name }) => name.startsWith('outdial_'))) {
      expect(metric.name).toMatch(/^[a-z_]+$/);
      expect(metric.name.endsWith('_total'), metric.name).toBe(typeOf(metric) === 'counter');
      expect(metric.name, metric.name).not.toMatch(/_(ms|millis|minutes|kb)\b/);
    }
  });
});

test('metrics are off by default, and never on the port of the API', async () => {
  const { url } = await freshDatabase();
  const off = await startRunning(url ?? '', 'api');
  expect(off.metricsUrl).toBeUndefined();
  const on = await startRunning(url ?? '', 'api', { METRICS_PORT: '0' });
  expect(new URL(on.metricsUrl ?? '').hostname).toBe('127.0.0.1');
  for (const server of [off, on]) expect((await fetch(`${server.url}/metrics`)).status).toBe(404);
  expect((await fetch(new URL('/api/user/me', on.metricsUrl))).status).toBe(404);
  expect((await fetch(on.metricsUrl ?? '', { method: 'POST' })).status).toBe(405);
  // What this process does not do it does not measure.
  const text = await scrape(on.metricsUrl);
  expect(sampleOf(text, 'outdial_dialer_round_age_seconds')).toBeUndefined();
});

test('each role serves its own; a port that is taken is said, and the server does not start', async () => {
  const { url } = await freshDatabase();
  for (const role of ['dialer', 'worker'] as const) {
    const server = await startRunning(url ?? '', role, { METRICS_PORT: '0' });
    expect(sampleOf(await scrape(server.metricsUrl), 'outdial_database_up')).toBe(1);
    const port = new URL(server.metricsUrl ?? '').port;
    await expect(startRunning(url ?? '', role, { METRICS_PORT: port })).rejects.toThrow('EADDRINUSE');
  }
});

test('a database that freezes: the metrics of the process come, what was in the database does not', async () => {
  const { url } = await freshDatabase();
  const proxy = await startFreezingProxy(url ?? '');
  const server = await startRunning(proxy.url, 'api', { METRICS_PORT: '0' });
  closeLater(() => proxy.thaw());
  proxy.freeze();
  const began = performance.now();
  const texts = await Promise.all([scrape(server.metricsUrl), scrape(server.metricsUrl)]);
  expect(performance.now() - began).toBeLessThan(10_000);
  for (const text of texts) {
    expect(sampleOf(text, 'outdial_database_up')).toBe(0);
    expect(sampleOf(text, 'process_start_time_seconds')).toBeGreaterThan(0);
    for (const sample of ['outdial_leads_due', 'outdial_webhooks_pending', 'outdial_calls_open{state="unknown"}'])
      expect(sampleOf(text, sample)).toBeUndefined();
  }
  proxy.thaw();
  await until('it is measured again', async () => sampleOf(await scrape(server.metricsUrl), 'outdial_leads_due') === 0);
});
