// GET /metrics of a server at work, as Prometheus would read it.
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { openDatabase } from '../../src/db/open.ts';
import { startServer } from '../../src/server.ts';
import { closeLater } from '../support/closing.ts';
import { freshDatabase } from '../support/db.ts';

test('x', async () => {
  const { url } = await freshDatabase();
  const config = loadConfig({ PORT: '0', METRICS_PORT: '0', DATABASE_URL: url });
  const server = await startServer(config, await openDatabase({ kind: 'server', url: url ?? '' }), {
    log: pino({ level: 'warn' }),
    role: 'all',
  });
  closeLater(server.stop);
  await new Promise((r) => setTimeout(r, 1500));
  console.log(await (await fetch(`${server.url}/readyz`)).text());
  await fetch(`${server.url}/api/user/leads/5`);
  await fetch(`${server.url}/nothing`);
  console.log(await (await fetch(server.metricsUrl ?? '')).text());
  expect(1).toBe(1);
});
