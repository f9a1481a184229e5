// Who is to be called in the crash tests: campaigns whose leads do everything that a carrier may do to a dialer, and the
// wait until all of them are through.
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { insertAccount, mintKey } from '../../src/accounts/accounts.store.ts';
import type { Db } from '../../src/db/schema.ts';

/** Last digits, and with them behaviours (docs/carriers.md): everything but a certain refusal, which pauses the carrier. */
export const MIXED = [
  // First who is reported late: nothing is heard of them when a dialer dies that has just sent them.
  ...['85', '88', '00', '01', '30', '40', '45', '48', '50', '55', '60', '69', '70', '74', '78', '79'],
  ...['81', '82', '83', '84', '86', '87', '89', '90', '91', '92', '93', '94'],
];

/** Everybody answers. */
export const ANSWERING = ['00', '01', '02', '03', '04'];

/** Somebody who calls. */
export interface Owner {
  accountId: number;
  assistantId: number;
  numberId: number;
  key: string;
}

const seconds = { ringing_time: 4, max_duration: 8 };

/** Makes an account that may call, with a number and an assistant. Its campaigns may try again without a wait. */
export const addOwner = async (db: Db, lines: number): Promise<Owner> => {
  const now = new Date();
  const account = await insertAccount(db, { name: 'Crash', email: 'crash@outdial.example' }, now);
  const { token } = await mintKey(db, account.id, 'crash', now);
  await sql`alter table campaigns drop constraint if exists campaigns_retry_interval_check`.execute(db);
  await sql`update accounts set max_parallel_calls = ${lines}, max_calls_in_parallel = ${lines} where id = ${account.id}`.execute(db);
  const { rows } = await sql<{ assistant_id: number; number_id: number }>`
    with number as (
      insert into phone_numbers (account_id, phone_number, country_code, type, created_at, updated_at)
      values (${account.id}::bigint, '+12025550100', 'US', 'sip', now(), now()) returning id
    ), assistant as (
      insert into assistants (account_id, name, type, mode, variables, post_call_schema, is_webhook_active, webhook_url, phone_number_id,
        settings, created_at, updated_at)
      select ${account.id}::bigint, 'Crash', 'outbound', 'pipeline', '{}', '[{"name":"status","type":"bool","description":"Done?"}]', true,
        'https://hooks.example.com/', number.id, ${JSON.stringify(seconds)}, now(), now() from number returning id, phone_number_id
    )
    select id as assistant_id, phone_number_id as number_id from assistant`.execute(db);
  const [made] = rows;
  if (made === undefined) throw new Error('no assistant was made');
  return { accountId: account.id, assistantId: made.assistant_id, numberId: made.number_id, key: token };
};

/** What a campaign is to be like. */
export interface CampaignOptions {
  name?: string;
  /** Parallel calls. */
  cap: number;
  /** Last digits; the leads have them in turn. */
  digits: readonly string[];
  leads: number;
  maxRetries?: number;
  goal?: boolean;
  /** Each so-manieth lead has two secondary contacts; 0: none. */
  contactsEvery?: number;
  simulation?: object;
  running?: boolean;
  /** Whether the last lead's number is on the blacklist, unseen until it is claimed. */
  blocked?: boolean;
}

/** Makes a campaign, running unless it is said otherwise. @returns its id. */
export const addCampaign = async (db: Db, owner: Owner, options: CampaignOptions): Promise<number> => {
  const {
    name = 'Crash',
    cap,
    digits,
    leads,
    maxRetries = 2,
    goal = false,
    contactsEvery = 0,
    simulation,
    running = true,
    blocked = false,
  } = options;
  return db.transaction().execute(async (trx) => {
    const { rows } = await sql<{ id: number }>`
      insert into campaigns (account_id, assistant_id, name, status, timezone, max_calls_in_parallel, mark_complete_when_no_leads,
        allowed_hours_start_time, allowed_hours_end_time, allowed_days, max_retries, retry_interval, retry_on_voicemail,
        retry_on_goal_incomplete, goal_completion_variable, simulation, created_at, updated_at)
      values (${owner.accountId}::bigint, ${owner.assistantId}::bigint, ${name}, ${running ? 'in-progress' : 'draft'}, 'UTC', ${cap}::integer, true,
        '00:00:00', '23:59:00', '["monday","tuesday","wednesday","thursday","friday","saturday","sunday"]', ${maxRetries}::integer, 0, ${goal}::boolean,
        ${goal}::boolean, ${goal ? 'status' : null}, ${simulation === undefined ? null : JSON.stringify(simulation)}::json, now(), now())
      returning id`.execute(trx);
    const campaign = rows[0]?.id ?? 0;
    await trx
      .insertInto('campaign_phone_numbers')
      .values({ campaign_id: campaign, phone_number_id: owner.numberId, position: 1 })
      .execute();
    // Numbers of a list: no two alike in a campaign, and their ends say how each call goes.
    const number = sql`'+1' || (200 + n % 700) || lpad((n / 700)::text, 4, '0') || '0' || (${[...digits]}::text[])[1 + n % ${digits.length}::integer]`;
    await sql`
      insert into leads (account_id, campaign_id, phone_number, variables, status, due_at, created_at, updated_at)
      select ${owner.accountId}::bigint, ${campaign}::bigint, ${number}, '{}', 'created', now() - interval '1 minute' + n * interval '1 microsecond',
        now(), now()
      from generate_series(0, ${leads}::integer - 1) n`.execute(trx);
    if (contactsEvery > 0) {
      await sql`
        insert into leads (account_id, campaign_id, primary_id, position, phone_number, variables, status, created_at, updated_at)
        select account_id, campaign_id, id, place, left(phone_number, -3) || place || (case place when 1 then '60' else '00' end), '{}', 'created',
          now(), now()
        from leads, generate_series(1, 2) place where campaign_id = ${campaign}::bigint and primary_id is null and id % ${contactsEvery}::integer = 0
        order by id, place`.execute(trx);
    }
    if (blocked) {
      await sql`
        insert into dnc_numbers (account_id, phone_number, created_at)
        select account_id, phone_number, now() from leads where campaign_id = ${campaign}::bigint and primary_id is null order by id desc limit 1
        on conflict do nothing`.execute(trx);
    }
    return campaign;
  });
};

/**
 * Lets the long waits of the dialer be over: for a call whose end is never reported (25 minutes), for asking again about one
 * that is unknown (15 seconds), for a carrier that refuses (up to a minute), for a lead that was refused (a quarter of an hour), until a
 * silent dialer counts as dead (10 seconds). Those that the promise rests on are settings, and short.
 */
export const skipLongWaits = async (db: Db): Promise<void> => {
  await sql`
    update calls set lease_until = clock_timestamp()
    where state in ('live', 'unknown') and updated_at < clock_timestamp() - interval '2 seconds' and lease_until > clock_timestamp() + interval '2 seconds'`.execute(
    db,
  );
  await sql`update carrier_pauses set paused_until = least(paused_until, now() + interval '1 second'), strikes = 1`.execute(db);
  await sql`
    update leads set due_at = now() where id in (
      select leads.id from leads join calls on calls.lead_id = leads.id and calls.attempt_no = leads.last_attempt_no
      where leads.due_at > now() + interval '2 seconds' and calls.outcome = 'rejected' order by leads.id for no key update of leads skip locked
    )`.execute(db);
  await sql`
    update dialers set beat_at = beat_at - interval '1 minute' where worker in (
      select worker from dialers where beat_at < clock_timestamp() - interval '4 seconds' for update skip locked
    )`.execute(db);
};

/** Lets the leases of all calls in a state lapse now. */
export const cutLeases = async (db: Db, state: 'reserved' | 'sending'): Promise<void> => {
  await sql`update calls set lease_until = clock_timestamp() where state = ${state}`.execute(db);
};

/** What is not through yet: campaigns that run, and calls that have not ended. */
export const countOpen = async (db: Db): Promise<number> => {
  const { rows } = await sql<{ n: number }>`
    select (select count(*) from campaigns where status = 'in-progress') + (select count(*) from calls where state <> 'ended') as n`.execute(
    db,
  );
  return rows[0]?.n ?? 0;
};

/** Waits until everything is through, or is enough. @throws Error when it is not within the time. */
export const untilDone = async (db: Db, withinMs: number, isEnough = async (): Promise<boolean> => false): Promise<void> => {
  for (const start = Date.now(); (await countOpen(db)) > 0 && !(await isEnough()); await sleep(200)) {
    if (Date.now() - start > withinMs) throw new Error(`something is stranded: ${await describeOpen(db)}`);
    await skipLongWaits(db);
  }
};

/** What is open, in words. */
export const describeOpen = async (db: Db): Promise<string> => {
  const { rows: calls } = await sql<object>`
    select c.id, c.lead_id, c.campaign_id, c.state, right(c.phone_number, 2) as digits, c.lease_until, c.sent_at, clock_timestamp() as now
    from calls c where state <> 'ended' order by id limit 5`.execute(db);
  const { rows: leads } = await sql<object>`
    select l.status, l.due_at is not null as due, g.status as campaign, count(*) from leads l join campaigns g on g.id = l.campaign_id
    where l.status not in ('completed', 'reached-max-retries', 'blacklisted') group by 1, 2, 3 limit 10`.execute(db);
  return JSON.stringify({ calls, leads });
};
