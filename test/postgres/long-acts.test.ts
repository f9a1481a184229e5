// Long acts of one account beside the dialing of all: they go in steps, and nobody waits for more than one of them.
import { setTimeout as pause } from 'node:timers/promises';
import { sql } from 'kysely';
import { beforeEach, expect, test } from 'vitest';
import { givenClock } from '../../src/dialer/lease.store.ts';
import type { Ledger } from '../../src/dialer/ledger.ts';
import { createSqlLedger } from '../../src/dialer/sql-ledger.store.ts';
import { type Caller, startApp, type TestApp } from '../support/app.ts';
import { buildAssistant, buildNumber } from '../support/build.ts';
import { TERMS } from '../support/claim-terms.ts';

let t: TestApp;
let ledger: Ledger;
beforeEach(async () => {
  t = await startApp();
  ledger = createSqlLedger(t.db, { clock: givenClock, sendingMs: 20_000, reportWaitMs: 60_000, tell: async () => {} });
});

const numberOf = (index: number): string => `+1202${5_550_000 + index}`;

/** A running campaign with leads that are due, `each` for each number, put in without a detour over HTTP. */
const running = async ({ api, account }: { api: Caller; account: number }, numbers: number, each = 1): Promise<number> => {
  const assistant = await buildAssistant(api, { phone_number_id: (await buildNumber(api)).id });
  const body = { name: 'Spring', assistant_id: assistant.id, timezone: 'UTC', mark_complete_when_no_leads: false };
  const { id } = (await api.post('/api/user/campaign', body)).body.data;
  await sql`
    insert into leads (account_id, campaign_id, phone_number, variables, status, due_at, duplicate_allowed, created_at, updated_at)
    select ${account}::bigint, ${id}::bigint, '+1202' || (5550000 + g)::text, '{}', 'created', ${t.clock()}::timestamptz, true,
      ${t.clock()}::timestamptz, ${t.clock()}::timestamptz
    from generate_series(0, ${numbers - 1}::integer) g, generate_series(1, ${each}::integer)`.execute(t.db);
  expect((await api.post('/api/user/campaigns/update-status', { campaign_id: id, action: 'start' })).status).toBe(200);
  return id;
};
const mine = () => ({ api: t.mine, account: t.mine.account.id });
const other = () => ({ api: t.other, account: t.other.account.id });

const countListed = async (): Promise<number> => (await t.db.selectFrom('dnc_numbers').select('id').execute()).length;

// One statement, so one instant. Whoever is listed neither waits for a dial nor has a call reserved.
const notWhole = async (): Promise<string[]> => {
  const { rows } = await sql<{ phone_number: string }>`
    select distinct d.phone_number from dnc_numbers d join leads using (account_id, phone_number)
    where leads.status in ('created', 'scheduled', 'rescheduled')
      or exists (select from calls where calls.lead_id = leads.id and calls.state = 'reserved')`.execute(t.db);
  return rows.map(({ phone_number }) => phone_number);
};

/** How many connections wait for a lock. */
const waitingNow = async (): Promise<number> =>
  (await sql`select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`.execute(t.db)).rows.length;
const untilWaiting = async (count: number): Promise<void> => {
  for (let looks = 0; looks < 400 && (await waitingNow()) < count; looks += 1) await pause(10);
};

test('while an account blocks a thousand numbers, it and others go on claiming, and no step leaves half of a number', async () => {
  const [own, others] = [await running(mine(), 1050), await running(other(), 200)];
  let blocking = true;
  const phone_numbers = Array.from({ length: 1000 }, (_, index) => numberOf(index));
  const blocked = t.mine.post('/api/user/blacklist', { phone_numbers }).finally(() => {
    blocking = false;
  });
  const between = { own: 0, others: 0 };
  const reserved: number[] = [];
  const rounds = async (campaignId: number, count: () => void): Promise<void> => {
    while (blocking) {
      const claimed = await ledger.claim(campaignId, { ...TERMS, limit: 1 }, t.clock());
      const listed = await countListed();
      if (listed > 0 && listed < 1000) count();
      expect(await notWhole()).toEqual([]);
      // Half of them are given back, so that there is a line for the next one.
      const ids = claimed.reserved.map(({ callId }) => callId);
      if (campaignId === own) reserved.push(...ids);
      else await ledger.release(ids, 'test', t.clock());
    }
  };
  await Promise.all([
    rounds(own, () => {
      between.own += 1;
    }),
    rounds(others, () => {
      between.others += 1;
    }),
  ]);
  const answer = await blocked;
  expect(answer.status).toBe(201);
  expect(answer.body.data.map(({ phone_number }: { phone_number: string }) => phone_number)).toEqual(phone_numbers);
  expect(between.own).toBeGreaterThan(0);
  expect(between.others).toBeGreaterThan(0);
  // Whoever was reserved in between has been taken back in the step of the number; the fifty that are not blocked go on.
  const sent = await ledger.send(reserved, TERMS.worker, t.clock());
  const numbers = await t.db
    .selectFrom('calls')
    .select('phone_number')
    .where('id', 'in', [0, ...sent])
    .execute();
  expect(numbers.filter(({ phone_number }) => phone_numbers.includes(phone_number))).toEqual([]);
  expect(await notWhole()).toEqual([]);
});

test('no transaction of a block takes more than so many numbers or leads', async () => {
  await running(mine(), 30, 50);
  await sql`create table written (transaction xid8 not null, what text not null)`.execute(t.db);
  await sql`
    create function note() returns trigger language plpgsql as $$
    begin insert into written values (pg_current_xact_id(), tg_table_name); return null; end $$`.execute(t.db);
  for (const table of ['leads', 'dnc_numbers']) {
    await sql`create trigger note after insert or update on ${sql.table(table)} for each row execute function note()`.execute(t.db);
  }
  const phone_numbers = Array.from({ length: 400 }, (_, index) => numberOf(index));
  expect((await t.mine.post('/api/user/blacklist', { phone_numbers })).status).toBe(201);
  const { rows } = await sql<{ what: string; most: number; n: number }>`
    select what, max(n)::integer as most, sum(n)::integer as n
    from (select transaction, what, count(*) as n from written group by 1, 2) steps group by 1 order by 1`.execute(t.db);
  const [numbers, leads] = rows;
  expect([numbers?.n, leads?.n]).toEqual([400, 1500]);
  expect(numbers?.most).toBeLessThanOrEqual(50);
  expect(leads?.most).toBeLessThanOrEqual(250);
});

test('a block that ends in the middle leaves each number wholly blocked or as it was; asked again, it does the rest', async () => {
  await running(mine(), 200);
  await sql`create function refuse() returns trigger language plpgsql as $$ begin raise exception 'No.'; end $$`.execute(t.db);
  await sql`
    create trigger refuse before insert on dnc_numbers for each row when (new.phone_number = ${sql.lit(numberOf(120))})
    execute function refuse()`.execute(t.db);
  const phone_numbers = Array.from({ length: 200 }, (_, index) => numberOf(index)).reverse();
  expect((await t.mine.post('/api/user/blacklist', { phone_numbers })).status).toBe(500);
  const listed = await countListed();
  expect(listed).toBeGreaterThan(0);
  expect(listed).toBeLessThan(200);
  expect(await notWhole()).toEqual([]);
  const blacklisted = () => t.db.selectFrom('leads').select('id').where('status', '=', 'blacklisted').execute();
  expect(await blacklisted()).toHaveLength(listed);
  await sql`drop trigger refuse on dnc_numbers`.execute(t.db);
  const again = await t.mine.post('/api/user/blacklist', { phone_numbers });
  expect(again.status).toBe(201);
  expect(again.body.data.map(({ phone_number }: { phone_number: string }) => phone_number)).toEqual(phone_numbers);
  expect(await blacklisted()).toHaveLength(200);
});

test('an account whose row somebody holds has long acts that wait; all others find a connection, and go on', async () => {
  const campaign = await running(mine(), 1);
  const others = await running(other(), 10);
  const forgotten = await t.db.startTransaction().execute();
  await sql`select from accounts where id = ${t.mine.account.id} for update`.execute(forgotten);
  // More of either than the pool has connections.
  const waiting = Array.from({ length: 12 }, (_, index) => [
    t.mine.post('/api/user/blacklist', { phone_numbers: [numberOf(500 + index)] }),
    t.mine.post('/api/user/leads/bulk', { campaign_id: campaign, leads: [{ phone_number: numberOf(600 + index) }] }),
  ]).flat();
  await untilWaiting(2);
  expect((await ledger.claim(others, { ...TERMS, limit: 2 }, t.clock())).reserved).toHaveLength(2);
  const answers = await Promise.all([
    t.other.post('/api/user/blacklist', { phone_number: numberOf(0) }),
    t.other.post('/api/user/leads/bulk', { campaign_id: others, leads: [{ phone_number: numberOf(700) }] }),
  ]);
  expect(answers.map(({ status }) => status)).toEqual([201, 200]);
  expect(await waitingNow()).toBe(2);
  await forgotten.rollback().execute();
  const statuses = (await Promise.all(waiting)).map(({ status }) => status);
  expect(statuses.toSorted()).toEqual([...Array(12).fill(200), ...Array(12).fill(201)]);
});

test('who takes a number away waits for a campaign that somebody holds without keeping the claims of others waiting', async () => {
  const [first, second] = [await running(mine(), 5), await running(mine(), 5)];
  const { id: number } = await buildNumber(t.api);
  const long = await t.db.startTransaction().execute();
  // As a bulk request does.
  await sql`select from campaigns where id = ${second} for share`.execute(long);
  const deleted = t.api.delete(`/api/user/phone-numbers/${number}`);
  await untilWaiting(1);
  expect((await ledger.claim(first, { ...TERMS, limit: 1 }, t.clock())).reserved).toHaveLength(1);
  expect(await waitingNow()).toBe(1);
  await long.rollback().execute();
  expect((await deleted).status).toBe(200);
});
