// Holds what lists say against plain counts of the same instant.
import { sql } from 'kysely';
import { expect } from 'vitest';
import type { Db } from '../../src/db/schema.ts';
import { inSnapshot } from '../../src/db/snapshot.ts';
import { LEAD_STATUSES } from '../../src/leads/lead.ts';
import type { LeadFilter } from '../../src/leads/lead-filter.ts';
import { listLeads } from '../../src/leads/lead-list.store.ts';

const DAY = 86_400_000;

const countPlainly = async (db: Db, accountId: number, { status, campaignId, createdFrom, createdBefore }: LeadFilter): Promise<number> => {
  const { rows } = await sql<{ n: number }>`
    select count(*) as n from leads join campaigns on campaigns.id = leads.campaign_id
    where leads.account_id = ${accountId} and leads.primary_id is null and campaigns.deleted_at is null
      and (${status ?? null}::text is null or leads.status = ${status ?? null})
      and (${campaignId ?? null}::bigint is null or leads.campaign_id = ${campaignId ?? null})
      and (${createdFrom ?? null}::timestamptz is null or leads.created_at >= ${createdFrom ?? null})
      and (${createdBefore ?? null}::timestamptz is null or leads.created_at < ${createdBefore ?? null})`.execute(db);
  return Number(rows[0]?.n ?? 0);
};

const filtersOf = async (db: Db): Promise<LeadFilter[]> => {
  const campaigns = await db.selectFrom('campaigns').select('id').orderBy('id').execute();
  const { rows: days } = await sql<{ day: string }>`select distinct lead_day(created_at)::text as day from leads`.execute(db);
  const starts = days.map(({ day }) => new Date(`${day}T00:00:00Z`));
  const single: LeadFilter[] = [
    {},
    ...LEAD_STATUSES.map((status) => ({ status })),
    ...campaigns.map(({ id }) => ({ campaignId: id })),
    ...starts.map((createdFrom) => ({ createdFrom, createdBefore: new Date(createdFrom.getTime() + DAY) })),
    ...starts.map((createdFrom) => ({ createdFrom })),
    ...starts.map((createdBefore) => ({ createdBefore })),
  ];
  const paired = campaigns.flatMap(({ id }) => [
    { campaignId: id, status: 'created' as const },
    { campaignId: id, status: 'completed' as const },
    ...starts.map((createdFrom) => ({ campaignId: id, createdFrom, status: 'created' as const })),
  ]);
  return [...single, ...paired];
};

/** Fails where a total is not what a plain count says, for every account, campaign, status and day, and some of their pairs. */
export const checkTotals = (db: Db, accountIds: readonly number[]): Promise<void> =>
  inSnapshot(db, async (trx) => {
    for (const filter of await filtersOf(trx)) {
      for (const accountId of accountIds) {
        const { total } = await listLeads(trx, accountId, filter, { offset: 0, limit: 15 });
        expect(total, JSON.stringify(filter)).toBe(await countPlainly(trx, accountId, filter));
      }
    }
  });
