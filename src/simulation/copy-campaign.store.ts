// Copies a campaign with everybody in it out of the database, in one snapshot that cannot write.
import { sql } from 'kysely';
import type { Db, Variables } from '../db/schema.ts';
import { inSnapshot } from '../db/snapshot.ts';
import type { MemoryCampaign, MemoryContact, MemoryNumber } from '../dialer/memory-ledger.ts';
import { policyOf, windowOf } from '../dialer/settle-terms.store.ts';
import type { LeadStatus } from '../leads/lead.ts';
import type { Rehearsal } from './simulate.ts';

/** A copy, and what speaks against starting the campaign as it is. */
export interface CopiedCampaign extends Rehearsal {
  /** Whether the campaign says itself how its simulated calls turn out. */
  readonly hasSimulation: boolean;
  readonly assistantGone: boolean;
}

const readCampaign = (trx: Db, id: number) =>
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
      'assistants.deleted_at as assistant_deleted_at',
    ])
    .where('campaigns.id', '=', id)
    .where('campaigns.deleted_at', 'is', null)
    .executeTakeFirst();

const readNumbers = async (trx: Db, id: number, assistantNumberId: number | null): Promise<MemoryNumber[]> => {
  const pool = await trx
    .selectFrom('campaign_phone_numbers as pool')
    .innerJoin('phone_numbers', 'phone_numbers.id', 'pool.phone_number_id')
    .select(['phone_numbers.id', 'phone_numbers.phone_number as phoneNumber', 'pool.uses', 'pool.last_used_at as lastUsedAt'])
    .where('pool.campaign_id', '=', id)
    .orderBy('phone_numbers.id')
    .execute();
  if (pool.length > 0 || assistantNumberId === null) return pool;
  const own = await trx.selectFrom('phone_numbers').select(['id', 'phone_number']).where('id', '=', assistantNumberId).execute();
  return own.map((number) => ({ id: number.id, phoneNumber: number.phone_number, uses: 0, lastUsedAt: null }));
};

interface LeadOfCampaign {
  id: number;
  primary_id: number | null;
  phone_number: string;
  variables: Variables;
  status: LeadStatus;
  due_at: Date | null;
  call_tries: number;
  last_attempt_no: number;
  last_caller_id: number | null;
  lost: boolean;
  reserved_due_at: Date | null;
}

const readLeads = async (trx: Db, campaignId: number): Promise<LeadOfCampaign[]> => {
  const { rows } = await sql<LeadOfCampaign>`
    select l.id, l.primary_id, l.phone_number, l.variables, l.status, l.due_at, l.call_tries, l.last_attempt_no,
      last.caller_number_id as last_caller_id, coalesce(last.outcome = 'lost', false) as lost,
      case when last.state = 'reserved' then coalesce(last.due_at, last.created_at) end as reserved_due_at
    from leads l
    left join calls last on last.lead_id = l.id and last.attempt_no = l.last_attempt_no
    where l.campaign_id = ${campaignId}
    order by coalesce(l.primary_id, l.id), coalesce(l.position, 0), l.id`.execute(trx);
  return rows;
};

// What is reserved at this moment has not been sent: in the copy it waits again.
const toContact = (campaignId: number, row: LeadOfCampaign): MemoryContact => {
  const isReserved = row.status === 'scheduled';
  const waiting = row.call_tries === 0 ? ('created' as const) : ('rescheduled' as const);
  return {
    id: row.id,
    campaignId,
    primaryId: row.primary_id,
    phoneNumber: row.phone_number,
    variables: row.variables,
    status: isReserved ? waiting : row.status,
    dueAt: isReserved ? row.reserved_due_at : row.due_at,
    tries: row.call_tries,
    lastAttemptNo: row.last_attempt_no,
    lastCallerId: row.last_caller_id,
    lost: row.lost,
  };
};

const readBlacklist = async (trx: Db, accountId: number, campaignId: number): Promise<string[]> => {
  const rows = await trx
    .selectFrom('dnc_numbers')
    .select('phone_number')
    .where('account_id', '=', accountId)
    .where('phone_number', 'in', (eb) => eb.selectFrom('leads').select('phone_number').where('campaign_id', '=', campaignId))
    .execute();
  return rows.map(({ phone_number }) => phone_number);
};

const copy = async (trx: Db, id: number): Promise<CopiedCampaign | undefined> => {
  const row = await readCampaign(trx, id);
  if (row === undefined) return undefined;
  const campaign: MemoryCampaign = {
    id,
    accountId: row.account_id,
    assistantId: row.assistant_id,
    name: row.name,
    status: row.status,
    window: windowOf(row),
    policy: policyOf(row),
    cap: row.max_calls_in_parallel,
    accountCap: row.max_parallel_calls,
    completesWhenDone: row.mark_complete_when_no_leads,
    numbers: await readNumbers(trx, id, row.phone_number_id),
    settings: row,
    variables: row.assistant_variables,
  };
  const leads = await readLeads(trx, id);
  return {
    campaign,
    leads: leads.map((lead) => toContact(id, lead)),
    blacklist: await readBlacklist(trx, row.account_id, id),
    hasSimulation: row.simulation !== null,
    assistantGone: row.assistant_deleted_at !== null,
  };
};

/** A campaign of the database with its leads, contacts, numbers and the blacklist; undefined when there is none. */
export const copyCampaign = (db: Db, id: number): Promise<CopiedCampaign | undefined> => inSnapshot(db, (trx) => copy(trx, id));
