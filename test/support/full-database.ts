// A database with rows in every table, awkward ones among them, and a call in every state: what a copy must not lose or change.
import { sql } from 'kysely';
import { insertAccount, mintKey } from '../../src/accounts/accounts.store.ts';
import type { Db } from '../../src/db/schema.ts';
import { START } from './clock.ts';
import { insertCall } from './insert-calls.ts';
import { insertCampaign, insertLead, insertManyLeads } from './insert-leads.ts';

/** What COPY's text form has to write otherwise, and what looks like its end or its null. */
export const AWKWARD = 'tab\t line\nfeed\r back\\slash \\N \\. "quotes" \u{1F4DE} é , ';

/** Ids of what tests look at afterwards. */
export interface FullDatabase {
  accountId: number;
  token: string;
  /** In progress, with a lead for each state that a call can be in. */
  running: number;
  /** A draft with 300 leads of every status. */
  draft: number;
  /** The lead of each call that goes on, by the state of the call. */
  leads: Record<'reserved' | 'sending' | 'live' | 'unknown' | 'wrapping', number>;
  /** And the calls themselves. */
  calls: Record<'reserved' | 'sending' | 'live' | 'unknown' | 'wrapping', number>;
}

const STATES = ['reserved', 'sending', 'live', 'unknown', 'wrapping'] as const;

const insertRunning = async (db: Db, accountId: number): Promise<Pick<FullDatabase, 'running' | 'leads' | 'calls'>> => {
  const now = new Date(START);
  const variables = JSON.stringify({ [AWKWARD]: AWKWARD, n: 1.5 });
  const running = await insertCampaign(db, accountId, {
    name: AWKWARD,
    status: 'in-progress',
    timezone: 'UTC',
    allowed_days: '["monday","tuesday","wednesday","thursday","friday","saturday","sunday"]',
  });
  const { assistant_id } = await db.selectFrom('campaigns').select('assistant_id').where('id', '=', running).executeTakeFirstOrThrow();
  const { id: number } = await db
    .insertInto('phone_numbers')
    .values({
      account_id: accountId,
      phone_number: '+12025550100',
      nickname: AWKWARD,
      country_code: 'US',
      type: 'sip',
      created_at: now,
      updated_at: now,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  await db.insertInto('campaign_phone_numbers').values({ campaign_id: running, phone_number_id: number, position: 0 }).execute();
  const leads: Partial<FullDatabase['leads']> = {};
  const calls: Partial<FullDatabase['calls']> = {};
  for (const [index, state] of STATES.entries()) {
    const reserved = state === 'reserved';
    const lead = await insertLead(db, accountId, running, {
      phone_number: `+1202555011${index}`,
      variables,
      external_id: `crm ${state}`,
      status: reserved ? 'scheduled' : 'processing',
      call_tries: reserved ? 0 : 1,
      last_attempt_no: 1,
    });
    // Somebody else to try, whose turn a lost call must not make it.
    await insertLead(db, accountId, running, { phone_number: `+1202555012${index}`, primary_id: lead, position: 0 });
    leads[state] = lead;
    calls[state] = await insertCall(db, accountId, assistant_id, {
      campaign_id: running,
      campaign_name: AWKWARD,
      lead_id: lead,
      attempt_no: 1,
      state,
      status: state === 'wrapping' ? 'ended_by_customer' : 'initiated',
      phone_number: `+1202555011${index}`,
      caller_number_id: number,
      due_at: now,
      sent_at: reserved ? null : now,
      lease_until: new Date(now.getTime() + 60_000),
      variables,
      carrier_call_id: state === 'live' ? 'carrier-1' : null,
    });
  }
  // Somebody who waits.
  await insertLead(db, accountId, running, { phone_number: '+12025550119', due_at: now });
  return { running, leads: leads as FullDatabase['leads'], calls: calls as FullDatabase['calls'] };
};

// Some tests fill a database of an earlier schema.
const has = async (db: Db, table: string): Promise<boolean> => {
  const { rows } = await sql<{ found: boolean }>`select to_regclass(${table}) is not null as found`.execute(db);
  return rows[0]?.found === true;
};

const insertRest = async (db: Db, accountId: number, campaignId: number, callId: number): Promise<void> => {
  const at = sql`${new Date(START)}::timestamptz`;
  await sql`insert into dnc_numbers (account_id, phone_number, reason, created_at) values (${accountId}, '+12025550177', ${AWKWARD}, ${at})`.execute(
    db,
  );
  await sql`
    with made as (
      insert into imports (account_id, campaign_id, status, counts, created_at, heartbeat_at, spool, course, runner, bytes_total)
      values (${accountId}, ${campaignId}, 'running', '{"rows":1}', ${at}, ${at}, 'a-file', '{}', gen_random_uuid(), 10) returning id
    ), issue as (
      insert into import_issues (import_id, ordinal, severity, line, kind, message) select id, 1, 'error', 2, 'invalid_phone', ${AWKWARD} from made
    )
    insert into import_rejects (import_id, line, cells, error) select id, 2, ${JSON.stringify([AWKWARD])}::json, 'x' from made`.execute(db);
  await sql`
    insert into decisions (account_id, campaign_id, lead_id, verdict, reason, facts, decided_at, last_at)
    values (${accountId}, ${campaignId}, null, 'refuse', 'outside_window', ${JSON.stringify({ [AWKWARD]: 1 })}::json, ${at}, ${at})`.execute(
    db,
  );
  await sql`
    insert into carrier_events (carrier, dedupe_key, call_id, at, body)
    values ('simulated', 'e1', ${callId}, ${at}, '{"type":"ringing"}')`.execute(db);
  await sql`insert into carrier_pauses (carrier, strikes, reason, paused_until) values ('simulated', 3, 'throttled', 'infinity')`.execute(
    db,
  );
  if (await has(db, 'dialers')) await sql`insert into dialers (worker, carrier) values ('dead', 'simulated')`.execute(db);
  if (await has(db, 'carrier_accepts'))
    await sql`insert into carrier_accepts (carrier, accepted_at) values ('simulated', ${at})`.execute(db);
  await sql`insert into webhook_secrets (account_id, secret, created_at) values (${accountId}, 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', ${at})`.execute(
    db,
  );
  await sql`
    with message as (
      insert into webhook_messages (account_id, call_id, event, url, host, payload, next_attempt_at, lease_until, created_at, updated_at)
      values (${accountId}, ${callId}, 'post_call', 'https://hooks.example.test/x', 'hooks.example.test', ${AWKWARD}, ${at}, ${at}, ${at}, ${at}) returning id
    )
    insert into webhook_deliveries (message_id, attempt, at, url, request_headers, duration_ms)
    select id, 1, ${at}, 'https://hooks.example.test/x', '{}', 12 from message`.execute(db);
  await sql`
    insert into idempotency_keys (account_id, key, fingerprint, status, response, created_at)
    values (${accountId}, 'once', 'f', 200, ${AWKWARD}, ${at})`.execute(db);
};

/** Fills a database that has the schema and no rows. */
export const fillDatabase = async (db: Db): Promise<FullDatabase> => {
  const now = new Date(START);
  const { id: accountId } = await insertAccount(db, { name: AWKWARD, email: 'ops@example.test', timezone: 'Europe/Vienna' }, now);
  const { token } = await mintKey(db, accountId, 'test', now);
  const run = await insertRunning(db, accountId);
  const draft = await insertCampaign(db, accountId);
  await insertManyLeads(db, accountId, draft, 300);
  // An id that was taken and is gone: it must not be given again.
  const gone = await insertLead(db, accountId, draft);
  await db.deleteFrom('leads').where('id', '=', gone).execute();
  const ended = await insertCall(db, accountId, (await db.selectFrom('assistants').select('id').executeTakeFirstOrThrow()).id, {
    transcript: JSON.stringify([{ text: AWKWARD, type: 'transcript', sender: 'bot', timestamp: 1 }]),
    carrier_cost: 0.1 + 0.2,
  });
  await insertRest(db, accountId, run.running, ended);
  // Kept counts that are added up, and some that are still to be.
  await db.updateTable('leads').set({ status: 'completed' }).where('campaign_id', '=', draft).where('status', '=', 'created').execute();
  await sql`select fold_lead_counts()`.execute(db);
  await insertLead(db, accountId, draft, { phone_number: '+12025550188' });
  return { accountId, token, draft, ...run };
};
