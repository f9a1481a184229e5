// Starting and stopping. Each check and its move are one transaction that holds the campaign's row, so of two that race
// one wins. The dialer hooks in here: nothing else moves a campaign.
import { revokeReserved } from '../calls/revoke.store.ts';
import type { CampaignRow, Db } from '../db/schema.ts';
import { insist } from '../db/transact.ts';
import { refuseCampaign } from '../dialer/decisions.store.ts';
import { type CampaignStatus, campaignZone, nextCampaignStatus } from './campaign.ts';
import { lockCampaign } from './campaigns.store.ts';

/** Why a campaign cannot make a move now; the names are those of errors.ts. */
export type MoveRefusal =
  | 'campaign_already_running'
  | 'campaign_not_running'
  | 'campaign_assistant_gone'
  | 'campaign_without_timezone'
  | 'campaign_without_number'
  | 'campaign_without_leads';

/** The campaign's status afterwards, which is the one before when the move was refused. */
export interface MoveResult {
  status: CampaignStatus;
  refusal?: MoveRefusal;
}

const OPEN = ['created', 'scheduled', 'rescheduled', 'processing'] as const;

const hasOpenPrimary = (trx: Db, { account_id, id }: CampaignRow) =>
  trx
    .selectFrom('leads')
    .select('id')
    .where('account_id', '=', account_id)
    .where('campaign_id', '=', id)
    .where('primary_id', 'is', null)
    .where('status', 'in', OPEN)
    .limit(1)
    .executeTakeFirst();

/**
 * A contact is due when its lead and all contacts before it are done with and nobody has been reached (lifecycle 1.6).
 * A blacklisted contact is passed over; a blacklisted lead ends the cascade.
 */
const hasDueContact = (trx: Db, { account_id, id }: CampaignRow) =>
  trx
    .selectFrom('leads as lead')
    .innerJoin('leads as contact', 'contact.primary_id', 'lead.id')
    .select('contact.id')
    .where('lead.account_id', '=', account_id)
    .where('lead.campaign_id', '=', id)
    .where('lead.primary_id', 'is', null)
    .where('lead.status', '=', 'reached-max-retries')
    .where('contact.status', 'in', OPEN)
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('leads as other')
            .select('other.id')
            .whereRef('other.primary_id', '=', 'lead.id')
            .where((of) =>
              of.or([
                of('other.status', '=', 'completed'),
                of.and([
                  of('other.position', '<', of.ref('contact.position')),
                  of('other.status', 'not in', ['reached-max-retries', 'blacklisted']),
                ]),
              ]),
            ),
        ),
      ),
    )
    .limit(1)
    .executeTakeFirst();

/** Whether anybody in the campaign is still to be called, or is being called. */
export const hasSomebodyToCall = async (trx: Db, campaign: CampaignRow): Promise<boolean> =>
  (await hasOpenPrimary(trx, campaign)) !== undefined || (await hasDueContact(trx, campaign)) !== undefined;

// Key share: a number that is being removed is waited for, and then it is gone.
const hasNumber = async (trx: Db, campaign: CampaignRow, assistantNumberId: number | null): Promise<boolean> => {
  const number = await trx
    .selectFrom('phone_numbers')
    .select('id')
    .where('account_id', '=', campaign.account_id)
    .where((eb) =>
      eb.or([
        eb('id', 'in', eb.selectFrom('campaign_phone_numbers').select('phone_number_id').where('campaign_id', '=', campaign.id)),
        eb('id', '=', assistantNumberId),
      ]),
    )
    .forKeyShare()
    .execute();
  return number.length > 0;
};

// Source of the order and of what each asks: lifecycle 2. A balance is never short where nothing bills.
const refuseStart = async (trx: Db, campaign: CampaignRow): Promise<MoveRefusal | undefined> => {
  if (nextCampaignStatus(campaign.status, 'start') === undefined) return 'campaign_already_running';
  const facts = await trx
    .selectFrom('assistants')
    .innerJoin('accounts', 'accounts.id', 'assistants.account_id')
    .select(['assistants.phone_number_id', 'assistants.timezone as assistant_zone', 'accounts.timezone as account_zone'])
    .where('assistants.account_id', '=', campaign.account_id)
    .where('assistants.id', '=', campaign.assistant_id)
    .where('assistants.deleted_at', 'is', null)
    // An inbound one calls nobody; its campaigns were stopped when it became one.
    .where('assistants.type', '=', 'outbound')
    // Share: who changes or deletes the assistant waits, and then sees this campaign running (stop-campaigns.store.ts).
    .forShare('assistants')
    .executeTakeFirst();
  if (facts === undefined) return 'campaign_assistant_gone';
  if (campaignZone(campaign.timezone, facts.account_zone, facts.assistant_zone) === null) return 'campaign_without_timezone';
  if (!(await hasNumber(trx, campaign, facts.phone_number_id))) return 'campaign_without_number';
  if (campaign.mark_complete_when_no_leads && !(await hasSomebodyToCall(trx, campaign))) return 'campaign_without_leads';
  return undefined;
};

// After a stop nothing that was reserved may leave, and everybody's history says why nobody is called.
const takeBack = async (trx: Db, campaign: CampaignRow, status: CampaignStatus, now: Date): Promise<void> => {
  await revokeReserved(trx, { campaignIds: [campaign.id] }, 'campaign_stopped', now);
  await refuseCampaign(trx, campaign, 'campaign_not_running', { same: { status }, first: {} }, now);
};

const move = (
  db: Db,
  accountId: number,
  id: number,
  event: 'start' | 'stop',
  now: Date,
  refuse: (trx: Db, campaign: CampaignRow) => Promise<MoveRefusal | undefined>,
): Promise<MoveResult | undefined> =>
  db.transaction().execute(async (trx) => {
    const campaign = await lockCampaign(trx, accountId, id);
    if (campaign === undefined) return undefined;
    const refusal = await refuse(trx, campaign);
    if (refusal !== undefined) return { status: campaign.status, refusal };
    const status = nextCampaignStatus(campaign.status, event) ?? campaign.status;
    await trx.updateTable('campaigns').set({ status, updated_at: now }).where('account_id', '=', accountId).where('id', '=', id).execute();
    if (event === 'stop') await takeBack(trx, campaign, status, now);
    return { status };
  });

/** Sets a campaign going, if nothing speaks against it. Undefined when the account has no such campaign. */
export const startCampaign = (db: Db, accountId: number, id: number, now: Date): Promise<MoveResult | undefined> =>
  move(db, accountId, id, 'start', now, refuseStart);

/** Stops a running campaign; its leads stay as they are. Undefined when the account has no such campaign. */
export const stopCampaign = (db: Db, accountId: number, id: number, now: Date): Promise<MoveResult | undefined> =>
  insist(() =>
    move(db, accountId, id, 'stop', now, async (_trx, campaign) =>
      nextCampaignStatus(campaign.status, 'stop') === undefined ? 'campaign_not_running' : undefined,
    ),
  );
