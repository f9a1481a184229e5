// Everything that a claim has to know of a campaign besides its leads, read under the locks that keep it true.
import { holdBlacklist } from '../blacklist/blacklist.store.ts';
import { countLines, tryLockLines } from '../calls/lines.store.ts';
import type { Db } from '../db/schema.ts';
import type { CallerNumber } from '../numbers/rotation.ts';
import type { ClaimTerms } from './ledger.ts';
import { startedSince, tryLockRate } from './rates.store.ts';

/** A number that the campaign may call from. */
export interface PoolNumber extends CallerNumber {
  phoneNumber: string;
}

// Campaign, account and assistant in one row. Share: a stop waits for a claim that is under way, or the claim sees it.
const readCampaign = (trx: Db, campaignId: number) =>
  trx
    .selectFrom('campaigns')
    .innerJoin('accounts', 'accounts.id', 'campaigns.account_id')
    .innerJoin('assistants', 'assistants.id', 'campaigns.assistant_id')
    .selectAll('campaigns')
    .select([
      'accounts.max_parallel_calls',
      'accounts.timezone as account_zone',
      'assistants.timezone as assistant_zone',
      'assistants.variables as assistant_variables',
      'assistants.settings as assistant_settings',
      'assistants.post_call_schema',
      'assistants.phone_number_id',
    ])
    .where('campaigns.id', '=', campaignId)
    .where('campaigns.deleted_at', 'is', null)
    .forShare('campaigns')
    .executeTakeFirst();

/** The campaign of a claim, with its account's and its assistant's share in it. */
export type ClaimCampaign = NonNullable<Awaited<ReturnType<typeof readCampaign>>>;

// The pool; without one the assistant's own number. Key share: a number that is being removed is waited for.
const readPool = async (trx: Db, campaign: ClaimCampaign): Promise<PoolNumber[]> => {
  const pool = await trx
    .selectFrom('campaign_phone_numbers as pool')
    .innerJoin('phone_numbers', 'phone_numbers.id', 'pool.phone_number_id')
    .select(['phone_numbers.id', 'phone_numbers.phone_number as phoneNumber', 'pool.uses', 'pool.last_used_at as lastUsedAt'])
    .where('pool.campaign_id', '=', campaign.id)
    .orderBy('phone_numbers.id')
    .forKeyShare('phone_numbers')
    .execute();
  if (pool.length > 0 || campaign.phone_number_id === null) return pool;
  const own = await trx
    .selectFrom('phone_numbers')
    .select(['id', 'phone_number as phoneNumber'])
    .where('id', '=', campaign.phone_number_id)
    .forKeyShare()
    .execute();
  return own.map((number) => ({ ...number, uses: 0, lastUsedAt: null }));
};

const pausedUntil = async (trx: Db, kind: string, now: Date): Promise<Date | undefined> => {
  const row = await trx
    .selectFrom('carrier_pauses')
    .select('paused_until')
    .where('carrier', '=', kind)
    .where('paused_until', '>', now)
    .executeTakeFirst();
  return row?.paused_until;
};

/** What a claim goes by. */
export interface ClaimFacts {
  campaign: ClaimCampaign;
  pool: PoolNumber[];
  lines: { account: number; campaign: number };
  started: { campaign: number; carrier: number };
  pausedUntil: Date | undefined;
}

/**
 * Reads the facts of a claim and holds what they rest on: the account's lines (nobody else takes any), the
 * blacklist, the campaign, its numbers, the carrier's rate. In that order everywhere.
 * @returns 'busy' when another dialer is taking lines of the account, or of the carrier's rate, now; undefined when there is no such campaign.
 */
export const holdClaimFacts = async (
  trx: Db,
  campaignId: number,
  { carrier, rates }: ClaimTerms,
  now: Date,
): Promise<ClaimFacts | 'busy' | undefined> => {
  const owner = await trx.selectFrom('campaigns').select('account_id').where('id', '=', campaignId).executeTakeFirst();
  if (owner === undefined) return undefined;
  if (!(await tryLockLines(trx, owner.account_id))) return 'busy';
  await holdBlacklist(trx, owner.account_id);
  const campaign = await readCampaign(trx, campaignId);
  if (campaign === undefined) return undefined;
  const pool = await readPool(trx, campaign);
  // All accounts share it, so that it comes when there is nothing of this one's left to wait for.
  if (!(await tryLockRate(trx, carrier.kind, rates.carrier))) return 'busy';
  return {
    campaign,
    pool,
    lines: await countLines(trx, campaign.account_id, campaign.id),
    started: {
      campaign: await startedSince(trx, 'campaign_id', campaign.id, rates.campaign, now),
      carrier: await startedSince(trx, 'carrier', carrier.kind, rates.carrier, now),
    },
    pausedUntil: await pausedUntil(trx, carrier.kind, now),
  };
};
