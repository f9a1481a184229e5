import { expect, test } from 'vitest';
import { createDatabaseGauges } from './database-gauges.ts';
import { createMetrics } from './metrics.ts';
import type { DatabaseState } from './state.store.ts';

const STATE: DatabaseState = {
  running: 2,
  dialers: 1,
  leads: { due: 5, overdue: 3, overdueMs: 1500 },
  lines: { used: 3, limit: 10 },
  calls: new Map([['unknown', 1]]),
  carriers: [{ carrier: 'simulated', paused: true }],
  webhooks: { pending: 4, pendingMs: 60_000, dueMs: 2500 },
  imports: 1,
};

const samples = async ({ registry }: ReturnType<typeof createMetrics>): Promise<string[]> =>
  (await registry.metrics())
    .split('\n')
    .filter((line) => /^outdial_(leads?_|lines|calls_open|carrier_paused|webhooks?_(p|o)|database_up|imports_r)/.test(line));

test('every figure in base units; what takes too long is not there', async () => {
  const metrics = createMetrics();
  let state = STATE;
  const refresh = createDatabaseGauges(
    metrics,
    async () => state,
    () => {},
    0,
  );
  await refresh();
  const all = await samples(metrics);
  expect([...all].sort()).toEqual([
    'outdial_calls_open{state="live"} 0',
    'outdial_calls_open{state="reserved"} 0',
    'outdial_calls_open{state="sending"} 0',
    'outdial_calls_open{state="unknown"} 1',
    'outdial_calls_open{state="wrapping"} 0',
    'outdial_carrier_paused{carrier="simulated"} 1',
    'outdial_database_up 1',
    'outdial_imports_running 1',
    'outdial_lead_overdue_seconds 1.5',
    'outdial_leads_due 5',
    'outdial_leads_overdue 3',
    'outdial_lines_in_use 3',
    'outdial_lines_limit 10',
    'outdial_webhook_oldest_due_seconds 2.5',
    'outdial_webhook_oldest_pending_seconds 60',
    'outdial_webhooks_pending 4',
  ]);
  state = { ...STATE, leads: undefined };
  await refresh();
  expect(await samples(metrics)).toEqual(all.filter((line) => !line.startsWith('outdial_lead')));
});

test('a hundred scrapes at once cost one reading, and so do those that follow', async () => {
  let readings = 0;
  const read = async () => {
    readings += 1;
    return STATE;
  };
  const refresh = createDatabaseGauges(createMetrics(), read, () => {});
  await Promise.all(Array.from({ length: 100 }, refresh));
  await refresh();
  expect(readings).toBe(1);
});

test('a reading that fails clears what was, and says that the database is down', async () => {
  const metrics = createMetrics();
  let fails = false;
  const read = async () => {
    if (fails) throw new Error('down');
    return STATE;
  };
  const told: unknown[] = [];
  const refresh = createDatabaseGauges(metrics, read, (error) => told.push(error), 0);
  await refresh();
  fails = true;
  await refresh();
  expect(await samples(metrics)).toEqual(['outdial_database_up 0']);
  expect(told).toHaveLength(1);
  fails = false;
  await refresh();
  expect(await samples(metrics)).toContain('outdial_leads_due 5');
});
