// GET /readyz of whole servers: what each role is asked, and what a database that freezes, a dialer that stands and a carrier that is
// gone come to.
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { closeLater } from '../support/closing.ts';
import { freshDatabase } from '../support/db.ts';
import { startFreezingProxy } from '../support/freezing-proxy.ts';
import { startReceiver } from '../support/receiver.ts';
import { startRunning } from '../support/running-server.ts';

interface Answer {
  http: number;
  status: string;
  checks: Record<string, { ok: boolean; required: boolean; reason?: string; figures?: Record<string, number> }>;
}

const ask = async (url: string): Promise<Answer> => {
  const response = await fetch(`${url}/readyz`);
  return { http: response.status, ...((await response.json()) as Omit<Answer, 'http'>) };
};

/** Asks until it is so. */
const askUntil = async (url: string, isSo: (answer: Answer) => boolean): Promise<Answer> => {
  for (const end = Date.now() + 25_000; ; ) {
    const answer = await ask(url);
    if (isSo(answer)) return answer;
    if (Date.now() > end) throw new Error(`not within 25 seconds: ${JSON.stringify(answer)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
};

const freshUrl = async (): Promise<string> => (await freshDatabase()).url ?? '';

test.each([
  ['api', ['database', 'schema', 'campaigns']],
  ['dialer', ['database', 'schema', 'dialer', 'carrier', 'carrier_pause']],
  ['worker', ['database', 'schema', 'webhooks', 'campaigns']],
  ['all', ['database', 'schema', 'dialer', 'carrier', 'carrier_pause', 'webhooks', 'campaigns']],
] as const)('%s is asked for what it does', async (role, names) => {
  const server = await startRunning(await freshUrl(), role);
  const { http, status, checks } = await ask(server.url);
  expect([http, status, Object.keys(checks)]).toEqual([200, 'ready', names]);
  expect(Object.values(checks).filter(({ ok }) => !ok)).toEqual([]);
});

test('a database that freezes: 503 in time, for whoever asks; and ready again when it thaws', async () => {
  const proxy = await startFreezingProxy(await freshUrl());
  const server = await startRunning(proxy.url, 'all');
  closeLater(() => proxy.thaw());
  expect((await ask(server.url)).http).toBe(200);
  proxy.freeze();
  await new Promise((resolve) => setTimeout(resolve, 600));
  const began = performance.now();
  const answers = await Promise.all(Array.from({ length: 30 }, () => ask(server.url)));
  expect(performance.now() - began).toBeLessThan(10_000);
  for (const { http, status, checks } of answers) {
    expect([http, status]).toEqual([503, 'database is not reachable']);
    expect(checks.database).toEqual({ ok: false, required: true, reason: 'did not answer within 2 s.' });
  }
  // Only those who ask the database hang on it.
  expect(answers[0]?.checks.carrier?.ok).toBe(true);
  // The dialer stands, too; how long shows.
  const age = ({ checks }: Answer): number => checks.dialer?.figures?.round_age_seconds ?? 0;
  expect(age(await askUntil(server.url, (answer) => age(answer) > 3))).toBeGreaterThan(3);
  proxy.thaw();
  await askUntil(server.url, (answer) => answer.http === 200 && age(answer) < 3);
});

test('a schema that a newer version has migrated is told, and a migration that is gone is 503', async () => {
  const { db, url } = await freshDatabase();
  const server = await startRunning(url ?? '', 'api');
  await sql`insert into schema_migrations (name) values ('9999_newer.sql')`.execute(db);
  const newer = await askUntil(server.url, ({ checks }) => checks.schema?.ok === false);
  expect([newer.http, newer.status, newer.checks.schema]).toEqual([
    200,
    'ready',
    expect.objectContaining({
      required: false,
      reason: 'A newer version has migrated the database (9999_newer.sql): upgrade this process.',
    }),
  ]);
  await sql`delete from schema_migrations where name in ('9999_newer.sql', '0010_dialers.sql')`.execute(db);
  const older = await askUntil(server.url, ({ http }) => http === 503);
  expect([older.status, older.checks.schema?.reason]).toEqual(['not ready', 'The database lacks 0010_dialers.sql: restart this process.']);
});

test('a carrier that is not there and a pause are told, without its address, and keep nobody from being ready', async () => {
  const { db, url } = await freshDatabase();
  const server = await startRunning(url ?? '', 'dialer', { SIMULATED_CARRIER_URL: 'http://127.0.0.1:9' });
  await sql`insert into carrier_pauses values ('simulated', 1, '503', now() + interval '1 minute')`.execute(db);
  const answer = await askUntil(server.url, ({ checks }) => checks.carrier_pause?.ok === false);
  expect([answer.http, answer.checks.carrier?.ok, answer.checks.carrier?.required]).toEqual([200, false, false]);
  expect(answer.checks.carrier_pause?.figures?.pause_seconds).toBeGreaterThan(50);
  expect(JSON.stringify(answer)).not.toContain('127.0.0.1');
  expect(server.lines.find(({ msg }) => msg === 'the carrier says that it is not well')?.detail).toContain('ECONNREFUSED');
});

test('a carrier that answers its health is asked for it', async () => {
  const carrier = await startReceiver((response) => response.writeHead(200).end('{"ok":true}'));
  const server = await startRunning(await freshUrl(), 'dialer', { SIMULATED_CARRIER_URL: new URL(carrier.url).origin });
  expect((await ask(server.url)).checks.carrier).toEqual({ ok: true, required: false });
});
