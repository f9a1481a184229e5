// Somebody has begun a transaction, locked something of one account, and forgotten it. That account may have to wait; everybody else's calls
// go on as before, and the log says what waits. Real time, real locks, a real dialer for both accounts.
import { sql } from 'kysely';
import pg from 'pg';
import { type Logger, pino } from 'pino';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createSimulatedCarrier } from '../../src/carriers/simulated/simulated-carrier.ts';
import { ENGINE_LIMITS } from '../../src/db/limits.ts';
import { type OpenedDatabase, openDatabase } from '../../src/db/open.ts';
import { startDialer } from '../../src/dialer/dialer.ts';
import { databaseClock } from '../../src/dialer/lease.store.ts';
import { createSqlLedger } from '../../src/dialer/sql-ledger.store.ts';
import { realTime } from '../../src/scheduler.ts';
import { enqueuePostCalls } from '../../src/webhooks/webhooks.store.ts';
import { type Caller, startApp, type TestApp } from '../support/app.ts';
import { buildAssistant, buildNumber, numberEndingIn } from '../support/build.ts';
import { closeLater } from '../support/closing.ts';

interface Party {
  api: Caller;
  campaign: number;
  assistant: number;
  number: number;
}

let t: TestApp;
let engine: ReturnType<OpenedDatabase['another']>;
let mine: Party;
let other: Party;
let logged: string[];
let log: Logger;

const ENGINE = 'outdial-test-engine';
const DAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'];
const ALWAYS = { timezone: 'UTC', allowed_hours_start_time: '00:00', allowed_hours_end_time: '23:59', allowed_days: DAYS };

const createParty = async (api: Caller): Promise<Party> => {
  const { id: number } = await buildNumber(api);
  const { id: assistant } = await buildAssistant(api, { phone_number_id: number, max_duration: 60 });
  const body = { ...ALWAYS, name: 'Locks', assistant_id: assistant, max_calls_in_parallel: 10, mark_complete_when_no_leads: false };
  const campaign = (await api.post('/api/user/campaign', body)).body.data.id;
  await api.post('/api/user/campaigns/update-status', { campaign_id: campaign, action: 'start' });
  return { api, campaign, assistant, number };
};

const addLeads = async ({ api, campaign }: Party, count: number, digits = '00'): Promise<number[]> => {
  const ids: number[] = [];
  for (let n = 0; n < count; n += 1) {
    const { body } = await api.post('/api/user/lead', { campaign_id: campaign, phone_number: numberEndingIn(digits) });
    ids.push(body.data.id);
  }
  return ids;
};

const startDialing = async (): Promise<void> => {
  const ledger = createSqlLedger(engine.db, { clock: databaseClock, sendingMs: 4000, reportWaitMs: 5000, tell: enqueuePostCalls });
  const schedule = realTime(() => new Date());
  const carrier = createSimulatedCarrier({ scheduler: schedule, speed: 20 });
  const dialer = await startDialer({ ledger, carrier, schedule, log, settings: { leaseMs: 500, idleMs: 100 } });
  closeLater(() => dialer.stop());
};

/** Begins a transaction that does something and never ends. @returns what ends it. */
const forget = async (statement: string, ...values: unknown[]): Promise<() => Promise<void>> => {
  const client = new pg.Client({ connectionString: t.database.url });
  client.on('error', () => {});
  await client.connect();
  closeLater(() => client.end());
  await client.query('begin');
  const { rowCount } = await client.query(statement, values);
  expect(rowCount).toBeGreaterThan(0);
  return async () => {
    await client.query('rollback');
  };
};

const statusOf = async (ids: readonly number[]): Promise<string[]> =>
  (
    await t.db
      .selectFrom('leads')
      .select('status')
      .where('id', 'in', [...ids])
      .orderBy('id')
      .execute()
  ).map(({ status }) => status);
const allAre = (status: string, ids: readonly number[], timeout = 10_000) =>
  vi.waitFor(async () => expect(await statusOf(ids)).toEqual(ids.map(() => status)), { timeout, interval: 50 });

beforeEach(async () => {
  t = await startApp();
  // The application's clock is the machine's here, so that what it makes is due.
  t.clock.follow(() => new Date());
  const url = new URL(t.database.url);
  url.searchParams.set('application_name', ENGINE);
  const opened = await openDatabase({ kind: 'server', url: url.href, onIdleError: () => {} });
  closeLater(() => opened.close());
  engine = opened.another({ maxConnections: 8, limits: ENGINE_LIMITS });
  closeLater(() => engine.close());
  logged = [];
  log = pino({ level: 'warn' }, { write: (line: string) => void logged.push(line) });
  mine = await createParty(t.mine);
  other = await createParty(t.other);
});
afterEach(() => vi.restoreAllMocks());

test.each<[string, (party: Party) => [string, ...unknown[]]]>([
  ['its account', ({ api }) => ['update accounts set name = name where id = $1', api.account.id]],
  ['its account, for update', ({ api }) => ['select from accounts where id = $1 for update', api.account.id]],
  ['its campaign', ({ campaign }) => ['update campaigns set name = name where id = $1', campaign]],
  ['its assistant', ({ assistant }) => ['select from assistants where id = $1 for update', assistant]],
  ['its number', ({ number }) => ['select from phone_numbers where id = $1 for update', number]],
  ['all its leads', ({ campaign }) => ['update leads set updated_at = updated_at where campaign_id = $1', campaign]],
])('with %s locked, the other account is called as ever, and it itself when the lock is gone', async (_what, statement) => {
  const waiting = await addLeads(other, 3);
  const free = await forget(...statement(other));
  await startDialing();
  for (let round = 0; round < 3; round += 1) await allAre('completed', await addLeads(mine, 4));
  await free();
  await allAre('completed', waiting);
});

test('a lead that is locked during its call holds up nobody’s reports, and its own are kept', async () => {
  // Talks until its longest duration is over: three seconds here.
  const [locked = 0] = await addLeads(other, 1, '79');
  await startDialing();
  await vi.waitFor(async () => expect(await statusOf([locked])).toEqual(['processing']), { timeout: 10_000, interval: 10 });
  const free = await forget('select from leads where id = $1 for update', locked);
  for (let round = 0; round < 3; round += 1) await allAre('completed', await addLeads(mine, 4));
  await vi.waitFor(() => expect(logged.join('')).toContain('reports of the carrier wait'), { timeout: 40_000, interval: 100 });
  expect(await statusOf([locked])).toEqual(['processing']);
  await free();
  await allAre('completed', [locked], 20_000);
}, 90_000);

test('a reservation that has lapsed and is locked keeps no other from being given back', async () => {
  const lapsed: number[] = [];
  for (const party of [other, mine]) {
    const [lead = 0] = await addLeads(party, 1);
    const ledger = createSqlLedger(t.db, { clock: databaseClock, sendingMs: 4000, reportWaitMs: 5000, tell: async () => {} });
    const terms = {
      worker: 'dead',
      leaseMs: 1,
      carrier: { kind: 'simulated', simulated: true },
      rates: { campaign: 0, number: 0, carrier: 0 },
      limit: 5,
    };
    expect((await ledger.claim(party.campaign, terms, new Date())).reserved).toHaveLength(1);
    lapsed.push(lead);
  }
  const free = await forget('update leads set updated_at = updated_at where id = $1', lapsed[0]);
  await startDialing();
  await allAre('completed', lapsed.slice(1));
  expect(await statusOf(lapsed.slice(0, 1))).toEqual(['scheduled']);
  await free();
  await allAre('completed', lapsed);
});

test('a campaign whose lock is held for long is told in the log, by its id', async () => {
  await addLeads(other, 1);
  const free = await forget('update accounts set name = name where id = $1', other.api.account.id);
  await startDialing();
  await vi.waitFor(() => expect(logged.join('')).toContain('a campaign calls nobody'), { timeout: 10_000, interval: 100 });
  expect(logged.join('')).toContain(`"campaignId":${other.campaign}`);
  await free();
});

test('a frozen server process costs the dialer some seconds, and not the rest of the day', async () => {
  await startDialing();
  await allAre('completed', await addLeads(mine, 2));
  const { rows } = await sql<{ pid: number }>`
    select pid from pg_stat_activity where datname = current_database() and application_name = ${ENGINE} and state = 'idle'
    order by state_change desc limit 2`.execute(t.db);
  expect(rows).not.toEqual([]);
  const thaw = (): void => {
    for (const { pid } of rows.splice(0)) process.kill(pid, 'SIGCONT');
  };
  closeLater(thaw);
  for (const { pid } of rows) process.kill(pid, 'SIGSTOP');
  await allAre('completed', await addLeads(mine, 4), 30_000);
  thaw();
}, 60_000);

test('a request that meets a lock is told so in bounded time', async () => {
  const free = await forget('select from campaigns where id = $1 for update', other.campaign);
  const lead = { campaign_id: other.campaign, phone_number: numberEndingIn('00') };
  const answer = await t.other.post('/api/user/lead', lead, { 'idempotency-key': 'once' });
  expect([answer.status, answer.headers['retry-after']]).toEqual([503, '2']);
  expect(answer.body.message).toMatch(/could not be finished\. Try again\.$/);
  await free();
  // Nothing was done, so that the key is free.
  expect((await t.other.post('/api/user/lead', lead, { 'idempotency-key': 'once' })).status).toBe(200);
}, 30_000);
