// Erasing a person: every trace goes, nobody else's does, and nobody is dialed meanwhile.
import { readdirSync } from 'node:fs';
import { sql } from 'kysely';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Api, startApp, type TestApp } from '../../test/support/app.ts';
import { buildAssistant, buildNumber } from '../../test/support/build.ts';
import { TERMS } from '../../test/support/claim-terms.ts';
import { startDialing } from '../../test/support/dialing.ts';
import { insertAssistant } from '../../test/support/insert-assistant.ts';
import { insertCall } from '../../test/support/insert-calls.ts';
import { insertCampaign, insertLead } from '../../test/support/insert-leads.ts';
import { givenClock } from '../dialer/lease.store.ts';
import { createSqlLedger } from '../dialer/sql-ledger.store.ts';
import { recountLeads } from '../leads/recount.store.ts';
import type { E164 } from '../phone.ts';
import { enqueuePostCalls } from '../webhooks/webhooks.store.ts';
import { digitsOf, mentions } from './mentions.ts';

// The simulated carrier has it answered by a human.
const NUMBER = '+12025550101';
const SPELLED = '(202) 555-0101';
const SECOND = '+12025550199';
const MINUTE = 60_000;

let t: TestApp;

const erase = (fields: object = {}, api: Api = t.api) => api.post('/api/user/erase', { phone_number: NUMBER, ...fields });

/** All rows of all tables as text. */
const dump = async (): Promise<string[]> => {
  const { rows } = await sql<{ name: string }>`
    select table_schema || '.' || table_name as name from information_schema.tables
    where table_type = 'BASE TABLE' and table_schema = 'public' order by 1`.execute(t.db);
  const all: string[] = [];
  for (const { name } of rows) {
    const { rows: found } = await sql<{ row: string }>`select t::text as row from ${sql.table(name)} t order by 1`.execute(t.db);
    all.push(...found.map(({ row }) => `${name} ${row}`));
  }
  return all;
};

const holds = (row: string): boolean => mentions(row, digitsOf(NUMBER as E164)) || row.replace(/[^0-9]+/g, '').includes('2025550101');

const sendFile = (api: Api, campaignId: number, text: string) =>
  api.request({
    method: 'POST',
    url: '/api/user/leads/import',
    headers: { 'content-type': 'multipart/form-data; boundary=x' },
    payload: `--x\r\ncontent-disposition: form-data; name="campaign_id"\r\n\r\n${campaignId}\r\n--x\r\ncontent-disposition: form-data; name="country"\r\n\r\nUS\r\n--x\r\ncontent-disposition: form-data; name="file"; filename="a.csv"\r\n\r\n${text}\r\n--x--\r\n`,
  });

const campaignOf = async (api: Api, accountId: number): Promise<{ id: number; assistant: number }> => {
  const assistant = (await buildAssistant(api, { phone_number_id: (await buildNumber(api, { phone_number: '+12125550188' })).id })).id;
  await t.db
    .updateTable('assistants')
    .set({ is_webhook_active: true, webhook_url: 'https://example.test/hook' })
    .where('account_id', '=', accountId)
    .execute();
  const fields = { name: 'Spring', assistant_id: assistant, timezone: 'UTC', max_retries: 1, retry_interval: 10, max_calls_in_parallel: 5 };
  return { id: (await api.post('/api/user/campaign', fields)).body.data.id, assistant };
};

describe('every trace', () => {
  let second: number;
  let before: string[];

  const ofSecond = async (): Promise<unknown[]> => [
    await t.db.selectFrom('leads').selectAll().where('id', '=', second).execute(),
    await t.db.selectFrom('calls').selectAll().where('phone_number', '=', SECOND).execute(),
    await t.db.selectFrom('decisions').selectAll().where('lead_id', '=', second).execute(),
    await t.db.selectFrom('changes').selectAll().where('lead_id', '=', second).execute(),
    await t.db.selectFrom('import_rejects').selectAll().where(sql<boolean>`cells::text like '%0199%'`).execute(),
    await t.db.selectFrom('idempotency_keys').selectAll().where('key', '=', 'second').execute(),
  ];

  const add = async (api: Api, campaign_id: number, fields: object, key: string): Promise<number> =>
    (await api.post('/api/user/lead', { campaign_id, ...fields }, { 'idempotency-key': key })).body.data.id;

  const tell = async (): Promise<void> => {
    const calls = await t.db.selectFrom('calls').select('id').where('state', '=', 'ended').orderBy('id').execute();
    await enqueuePostCalls(
      t.db,
      calls.map(({ id }) => id),
      t.clock(),
    );
    // One of them stays pending, with its job.
    await sql`
      with told as (
        update webhook_messages set state = 'delivered', next_attempt_at = null where id > (select min(id) from webhook_messages) returning id
      )
      insert into webhook_deliveries (message_id, attempt, at, url, request_headers, status, response_body, duration_ms)
      select id, 1, now(), 'https://example.test/hook', '{}', 200, '{"thanks":"+1 202 555 0101"}', 5 from told
      where id in (select id from webhook_messages where payload like '%5550101%')`.execute(t.db);
  };

  const fill = async (api: Api, accountId: number, dialing: Awaited<ReturnType<typeof startDialing>>): Promise<number> => {
    const { id, assistant } = await campaignOf(api, accountId);
    await add(api, id, { phone_number: NUMBER, secondary_contacts: [{ phone_number: '+12025550170' }] }, 'lead');
    const failing = { phone_number: '+12025550270', secondary_contacts: [{ phone_number: NUMBER }, { phone_number: '+12025550102' }] };
    await add(api, id, failing, 'as-a-contact');
    const other = await add(api, id, { phone_number: SECOND, variables: { name: 'Ion' } }, 'second');
    await api.post('/api/user/campaigns/update-status', { campaign_id: id, action: 'start' });
    await dialing.pass(20 * MINUTE);
    await api.post('/api/user/make_call', { phone_number: NUMBER, assistant_id: assistant }, { 'idempotency-key': 'for 2025550101' });
    await dialing.pass(5 * MINUTE);
    const file = await sendFile(api, id, `phone,name\r\n${SPELLED},Ana\r\n202-555-0199,Ion\r\nnot 202.555.0101 a number,x`);
    expect(file.body.counts.failed + file.body.counts.duplicates, file.raw).toBe(3);
    await api.post('/api/user/blacklist', { phone_number: NUMBER });
    expect((await api.post('/api/user/make_call', { phone_number: NUMBER, assistant_id: assistant })).status).toBe(422);
    return other;
  };

  beforeAll(async () => {
    t = await startApp();
    const dialing = await startDialing(t);
    second = await fill(t.mine, t.mine.account.id, dialing);
    await fill(t.other, t.other.account.id, dialing);
    await tell();
    // So that the key is not marked as used by what follows.
    await t.api.get('/api/user/me');
    before = await dump();
  });

  test('there are some of every kind, and a dry run counts them and touches nothing', async () => {
    const dry = await erase({ dry_run: true });
    expect([dry.status, dry.body.message, dry.body.dry_run]).toEqual([200, 'This would be erased', true]);
    for (const [kind, count] of Object.entries(dry.body.erased)) expect(count, kind).toBeGreaterThan(0);
    expect(dry.raw).not.toContain('5550101');
    expect(await dump()).toEqual(before);
  });

  test('all of it goes but the blacklist entry, and nobody else’s does', async () => {
    const counted = (await erase({ dry_run: true })).body.erased;
    const others = await ofSecond();
    const done = await erase();
    expect([done.status, done.body.message]).toEqual([200, 'Number erased']);
    // What is taken out of the queue first leaves changes of its own.
    expect(done.body.erased).toEqual({ ...counted, changes: expect.any(Number) });
    const left = (await dump()).filter(holds);
    const mine = t.mine.account.id;
    const theirs = before.filter(holds).length;
    expect(theirs).toBeGreaterThan(left.length);
    expect(left.filter((row) => row.startsWith('public.dnc_numbers')).length).toBe(2);
    const { rows } = await sql<{ n: number }>`
      select count(*) as n from (
        select account_id, l::text as row from leads l union all select account_id, c::text from calls c
        union all select account_id, d::text from decisions d union all select account_id, m::text from webhook_messages m
        union all select m.account_id, d::text from webhook_deliveries d join webhook_messages m on m.id = d.message_id
        union all select c.account_id, e::text from carrier_events e join calls c on c.id = e.call_id
        union all select i.account_id, r::text from import_rejects r join imports i on i.id = r.import_id
        union all select i.account_id, s::text from import_issues s join imports i on i.id = s.import_id
        union all select account_id, k::text from idempotency_keys k
      ) all_rows where account_id = ${mine}::bigint and regexp_replace(row, '[^0-9]', '', 'g') like '%2025550101%'`.execute(t.db);
    expect(Number(rows[0]?.n)).toBe(0);
    // The rest are the other account's.
    const otherRows = left.filter((row) => !row.startsWith('public.dnc_numbers'));
    expect(otherRows).toEqual(before.filter((row) => otherRows.includes(row)));
    expect(await ofSecond()).toEqual(others);
    expect(readdirSync(t.importFolder)).toEqual([]);
    expect(await recountLeads(t.db)).toEqual({ totals: 0, cells: 0 });
    // Nor is anything left that has lost its call.
    for (const table of ['decisions', 'changes', 'carrier_events'] as const) {
      const orphans = await sql`
        select call_id from ${sql.table(table)} h where call_id is not null and not exists (select from calls c where c.id = h.call_id)`.execute(
        t.db,
      );
      expect(orphans.rows, table).toEqual([]);
    }
  });

  test('a second time there is nothing', async () => {
    const again = await erase();
    expect([again.status, again.body.message]).toEqual([200, 'Nothing is kept about this number']);
    expect(Object.values(again.body.erased).every((count) => count === 0)).toBe(true);
  });

  test('a request that is repeated under its key does not bring the person back', async () => {
    const body = { campaign_id: 1, phone_number: NUMBER, secondary_contacts: [{ phone_number: '+12025550170' }] };
    const { campaign_id } = await t.db.selectFrom('leads').select('campaign_id').where('id', '=', second).executeTakeFirstOrThrow();
    const again = await t.api.post('/api/user/lead', { ...body, campaign_id }, { 'idempotency-key': 'lead' });
    expect(again.status).toBe(409);
    const { body: page } = await t.api.get('/api/user/leads?phone_number=2025550101');
    expect(page.total).toBe(0);
  });
});

describe('while it is dialed', () => {
  let campaign: number;
  let assistant: number;

  beforeEach(async () => {
    t = await startApp();
    ({ id: campaign, assistant } = await campaignOf(t.mine, t.mine.account.id));
  });

  const ledger = () => createSqlLedger(t.db, { clock: givenClock, sendingMs: 20_000, reportWaitMs: 60_000, tell: async () => {} });
  const lead = async (fields: object = {}): Promise<number> =>
    (await t.api.post('/api/user/lead', { campaign_id: campaign, phone_number: NUMBER, ...fields })).body.data.id;
  const start = () => t.api.post('/api/user/campaigns/update-status', { campaign_id: campaign, action: 'start' });

  test('a call that is reserved is taken back, and nothing is sent any more', async () => {
    await lead();
    await start();
    const { reserved } = await ledger().claim(campaign, TERMS, t.clock());
    expect(reserved).toHaveLength(1);
    expect((await erase()).body.erased).toMatchObject({ leads: 1, calls: 1 });
    const sent = await ledger().send(
      reserved.map(({ callId }) => callId),
      TERMS.worker,
      t.clock(),
    );
    expect(sent).toEqual([]);
    expect((await ledger().claim(campaign, TERMS, t.clock())).reserved).toEqual([]);
  });

  test.each(['live', 'wrapping', 'unknown'] as const)('a call that is %s: 409, and nothing is erased', async (state) => {
    const id = await lead();
    await insertCall(t.db, t.mine.account.id, assistant, {
      phone_number: NUMBER,
      lead_id: id,
      attempt_no: 1,
      state,
      status: 'in-progress',
    });
    const before = await dump();
    for (const dry_run of [true, false]) {
      const refused = await erase({ dry_run });
      expect([refused.status, refused.body.message]).toEqual([
        409,
        'A call with this number, or with its lead, is under way. Nothing was erased: try again when it has ended.',
      ]);
    }
    expect(await dump()).toEqual(before);
  });

  test('one that is being sent is waited for, and decides', async () => {
    const id = await lead();
    const fields = { phone_number: NUMBER, lead_id: id, attempt_no: 1, state: 'sending', status: 'initiated' } as const;
    const call = await insertCall(t.db, t.mine.account.id, assistant, fields);
    const asked = erase();
    const settle = (state: 'live' | 'ended') =>
      t.db.updateTable('calls').set({ state, updated_at: t.clock() }).where('id', '=', call).execute();
    setTimeout(() => void settle('live'), 200);
    expect((await asked).status).toBe(409);
    expect(await t.db.selectFrom('leads').select('status').executeTakeFirst()).toEqual({ status: 'created' });
    await settle('ended');
    expect((await erase()).body.erased).toMatchObject({ leads: 1, calls: 1 });
  });

  test('a contact of another lead goes alone, and the next one has its turn', async () => {
    const id = await lead({
      phone_number: '+12025550270',
      secondary_contacts: [{ phone_number: NUMBER }, { phone_number: '+12025550102' }],
    });
    await t.db.updateTable('leads').set({ status: 'reached-max-retries', due_at: null }).where('id', '=', id).execute();
    await t.db.updateTable('leads').set({ due_at: t.clock() }).where('phone_number', '=', NUMBER).execute();
    expect((await erase()).body.erased).toMatchObject({ leads: 0, contacts: 1 });
    const left = await t.db.selectFrom('leads').select(['phone_number', 'due_at']).orderBy('id').execute();
    expect(left).toEqual([
      { phone_number: '+12025550270', due_at: null },
      { phone_number: '+12025550102', due_at: t.clock() },
    ]);
  });

  test('a report that comes late, or at this instant, brings nothing back', async () => {
    const call = await insertCall(t.db, t.mine.account.id, assistant, { phone_number: NUMBER, carrier_call_id: 'c1' });
    const body = { type: 'ringing' as const, earlyMedia: false };
    const report = (dedupeKey: string) =>
      ledger().record('simulated', [{ dedupeKey, callId: String(call), carrierCallId: 'c1', at: t.clock(), body }], t.clock());
    const meanwhile = await t.db.transaction().execute(async (trx) => {
      await trx.deleteFrom('calls').where('id', '=', call).execute();
      const recording = report('meanwhile');
      // By then it has kept its report, and waits for the call.
      let waits = false;
      for (let looks = 0; looks < 1000 && !waits; looks += 1) {
        const { rows } = await sql`select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`.execute(
          t.db,
        );
        waits = rows.length > 0;
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      expect(waits).toBe(true);
      return { recording };
    });
    await meanwhile.recording;
    await report('late');
    expect(await t.db.selectFrom('carrier_events').selectAll().execute()).toEqual([]);
  });
});

test('much of it goes in steps, also for allowed duplicates', async () => {
  t = await startApp();
  const mine = t.mine.account.id;
  const assistant = await insertAssistant(t.db, mine, t.clock());
  const campaign = await insertCampaign(t.db, mine);
  for (let i = 0; i < 60; i += 1) await insertLead(t.db, mine, campaign, { phone_number: NUMBER, status: 'completed' });
  await sql`
    insert into calls (account_id, assistant_id, state, status, phone_number, caller_number, carrier, simulated, worker, variables, created_at, updated_at)
    select ${mine}::bigint, ${assistant.id}::bigint, 'ended', 'completed', ${NUMBER}, '+12125550188', 'simulated', true, 'test', '{}', now(), now()
    from generate_series(1, 250)`.execute(t.db);
  expect((await erase({ phone_number: '+1 (202) 555-0101' })).body.erased).toMatchObject({ leads: 60, calls: 250 });
  expect((await t.api.get('/api/user/leads')).body.total).toBe(0);
});

test('what is no number is refused', async () => {
  t = await startApp();
  for (const phone_number of ['2025550101', 'x', '', null, undefined]) expect((await erase({ phone_number })).status).toBe(422);
});
