// What is done to a database that was restored, before anybody works on it. It knows nothing of what rang since it was copied, so nobody
// is called from it until a person starts a campaign, and nobody whose call was under way is called again by itself.
import { sql } from 'kysely';
import { giveBack } from '../calls/revoke.store.ts';
import type { Db } from '../db/schema.ts';
import { givenClock } from '../dialer/lease.store.ts';
import { giveUpCalls } from '../dialer/settle.store.ts';
import { failRunningImports } from '../imports/import-runs.store.ts';
import { enqueuePostCalls } from '../webhooks/webhooks.store.ts';

/** How much of each there was. */
export interface RestoredCounts {
  campaignsStopped: number;
  reservationsRevoked: number;
  callsGivenUp: number;
  importsInterrupted: number;
  webhooksPending: number;
}

const AT_ONCE = 200;
const REASON = 'restored';

/**
 * Stops every running campaign, with `reason` and `facts` in its history.
 * @returns how many they were.
 */
export const stopAllCampaigns = async (trx: Db, reason: string, facts: object, now: Date): Promise<number> => {
  const { rows } = await sql<{ n: number }>`
    with stopped as (
      update campaigns set status = 'stopped', updated_at = ${now}::timestamptz where status = 'in-progress' returning id, account_id
    ), told as (
      insert into decisions (account_id, campaign_id, verdict, reason, facts, decided_at, last_at)
      select account_id, id, 'refuse', ${reason}, ${JSON.stringify({ status: 'stopped', ...facts })}::json, ${now}::timestamptz, ${now}::timestamptz
      from stopped order by id
    )
    select count(*) as n from stopped`.execute(trx);
  return rows[0]?.n ?? 0;
};

const callsIn = async (trx: Db, states: readonly string[]): Promise<number[]> => {
  const { rows } = await sql<{ id: number }>`
    select id from calls where state <> 'ended' and state = any(${[...states]}::text[]) order by id`.execute(trx);
  return rows.map(({ id }) => id);
};

// Whether and how they ended only the carrier knows. As with every call of which nothing can be learned: they count as rings.
const giveUpOpenCalls = async (trx: Db, now: Date): Promise<number> => {
  const ids = await callsIn(trx, ['sending', 'live', 'unknown', 'wrapping']);
  const deps = { clock: givenClock, sendingMs: 0, reportWaitMs: 0, tell: enqueuePostCalls };
  for (let at = 0; at < ids.length; at += AT_ONCE) await giveUpCalls(trx, deps, ids.slice(at, at + AT_ONCE), now);
  return ids.length;
};

/** See above. `takenAt`: the instant of the copy. In the transaction that restores, after the tables are up to date. */
export const makeSafe = async (trx: Db, takenAt: string, now: Date): Promise<RestoredCounts> => {
  const campaignsStopped = await stopAllCampaigns(trx, REASON, { backup_of: takenAt }, now);
  const reserved = await giveBack(trx, await callsIn(trx, ['reserved']), 'revoked', REASON, now);
  const callsGivenUp = await giveUpOpenCalls(trx, now);
  const importsInterrupted = await failRunningImports(trx);
  // Nobody who asked for a pause, or who was delivering, is there any more.
  await sql`delete from carrier_pauses`.execute(trx);
  await sql`update webhook_messages set lease_until = null where lease_until is not null`.execute(trx);
  const { rows } = await sql<{ n: number }>`select count(*) as n from webhook_messages where state = 'pending'`.execute(trx);
  return { campaignsStopped, reservationsRevoked: reserved.length, callsGivenUp, importsInterrupted, webhooksPending: rows[0]?.n ?? 0 };
};
