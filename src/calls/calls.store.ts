// The call log: one count and one page, however many calls an account has; one call; and its deletion.
import { type ExpressionBuilder, type SelectQueryBuilder, sql } from 'kysely';
import type { AssistantRef } from '../assistants/assistant-ref.ts';
import type { CarrierEventBody } from '../carriers/carrier.ts';
import type { Database, Db } from '../db/schema.ts';
import type { Slice } from '../db/slice.ts';
import { inSnapshot } from '../db/snapshot.ts';
import { DomainError } from '../errors.ts';
import { eraseWebhooks } from '../webhooks/erase.store.ts';
import { type CallStatus, type CallType, type FoundCall, OUTBOUND } from './call.ts';
import { giveBack } from './revoke.store.ts';

/** Filters of the list; all that are given must hold. Instants bound `created_at`: from inclusive, before exclusive. */
export interface CallFilter {
  status?: CallStatus;
  type?: CallType;
  /** A `like` pattern. */
  phonePattern?: string;
  assistant?: AssistantRef;
  campaignId?: number;
  createdFrom?: Date;
  createdBefore?: Date;
}

type CallsQuery<Out> = SelectQueryBuilder<Database, 'calls', Out>;

// Deleted assistants are among them: their calls stay, and a script may still ask for them.
const assistantIdOf = async (db: Db, accountId: number, ref: AssistantRef): Promise<number | undefined> => {
  const row = await db
    .selectFrom('assistants')
    .select('id')
    .where('account_id', '=', accountId)
    .where((eb) => ('id' in ref ? eb('id', '=', ref.id) : eb('uuid', '=', ref.uuid)))
    .executeTakeFirst();
  return row?.id;
};

// A deleted campaign is nobody's from that moment on, whenever its row is purged.
const isCampaign = async (db: Db, accountId: number, id: number): Promise<boolean> => {
  const row = await db
    .selectFrom('campaigns')
    .select('id')
    .where('id', '=', id)
    .where('account_id', '=', accountId)
    .where('deleted_at', 'is', null)
    .executeTakeFirst();
  return row !== undefined;
};

// An attempt on a lead that was never sent is no call. One of make_call, which alone has no attempt number, is listed when it came to
// nothing: whoever asked for it has to learn that. The words are those of the indexes calls_list and calls_count.
const listed = (db: Db, accountId: number): CallsQuery<object> =>
  db
    .selectFrom('calls')
    .where('account_id', '=', accountId)
    .where((eb) => eb.or([eb('sent_at', 'is not', null), eb.and([eb('attempt_no', 'is', null), eb('state', '=', sql.lit('ended'))])]))
    .where('deleted_at', 'is', null);

/** The calls that match; undefined when none can. */
const matching = async (db: Db, accountId: number, filter: CallFilter): Promise<CallsQuery<object> | undefined> => {
  const { status, type, phonePattern, assistant, campaignId, createdFrom, createdBefore } = filter;
  if (type !== undefined && type !== OUTBOUND) return undefined;
  let query = listed(db, accountId);
  if (assistant !== undefined) {
    const id = await assistantIdOf(db, accountId, assistant);
    if (id === undefined) return undefined;
    query = query.where('assistant_id', '=', id);
  }
  if (campaignId !== undefined) {
    if (!(await isCampaign(db, accountId, campaignId))) return undefined;
    query = query.where('campaign_id', '=', campaignId);
  }
  if (status !== undefined) query = query.where('status', '=', status);
  if (phonePattern !== undefined) query = query.where('phone_number', 'like', phonePattern);
  if (createdFrom !== undefined) query = query.where('created_at', '>=', createdFrom);
  if (createdBefore !== undefined) query = query.where('created_at', '<', createdBefore);
  return query;
};

// OFFSET walks what it skips, so a page of the second half is sought from the end.
const pageOfIds = (query: CallsQuery<object>, total: number, { offset, limit }: Slice) => {
  const size = Math.min(limit, total - offset);
  const after = total - offset - size;
  return after < offset
    ? query.select('id').orderBy('id').offset(after).limit(size)
    : query.select('id').orderBy('id', 'desc').offset(offset).limit(size);
};

const withNames = (db: Db) =>
  db
    .selectFrom('calls')
    .innerJoin('assistants', 'assistants.id', 'calls.assistant_id')
    .leftJoin('campaigns', 'campaigns.id', 'calls.campaign_id')
    .select(['calls.id', 'calls.state', 'calls.status', 'calls.phone_number', 'calls.caller_number', 'calls.simulated', 'calls.sent_at'])
    .select(['calls.duration', 'calls.variables', 'calls.transcript', 'calls.extraction', 'calls.recording_url', 'calls.carrier_cost'])
    .select(['calls.answered_by', 'calls.created_at', 'calls.updated_at', 'assistants.name as assistant_name'])
    .select((eb) => eb.fn.coalesce('campaigns.name', 'calls.campaign_name').as('campaign_name'));

/** One page of an account's calls, the newest first, and how many match in all. */
export const listCalls = (db: Db, accountId: number, filter: CallFilter, slice: Slice): Promise<{ calls: FoundCall[]; total: number }> =>
  inSnapshot(db, async (trx) => {
    const query = await matching(trx, accountId, filter);
    if (query === undefined) return { calls: [], total: 0 };
    const { total } = await query.select((eb) => eb.fn.countAll<number>().as('total')).executeTakeFirstOrThrow();
    if (slice.offset >= total) return { calls: [], total };
    // The ids as a value and not as a part of the query: joined, they might be looked up in another order and way.
    const ids = (await pageOfIds(query, total, slice).execute()).map(({ id }) => id);
    const calls = await withNames(trx).where('calls.id', '=', sql<number>`any(${ids}::bigint[])`).orderBy('calls.id', 'desc').execute();
    return { calls, total };
  });

// A call of make_call is there from its answer on, before it is sent: whoever has been told its id asks for it at once.
const isCall = (eb: ExpressionBuilder<Database, 'calls'>) =>
  eb.or([eb('calls.sent_at', 'is not', null), eb('calls.attempt_no', 'is', null)]);

/**
 * A call of the account.
 * @throws DomainError call_not_found
 */
export const findCall = async (db: Db, accountId: number, id: number): Promise<FoundCall> => {
  const call = await withNames(db)
    .where('calls.id', '=', id)
    .where('calls.account_id', '=', accountId)
    .where('calls.deleted_at', 'is', null)
    .where(isCall)
    .executeTakeFirst();
  if (call === undefined) throw new DomainError('call_not_found');
  return call;
};

/** Empties what carriers have told of calls' words. That they did stays known, so that a repetition is not stored anew. */
export const eraseReports = async (trx: Db, callIds: readonly number[]): Promise<void> => {
  if (callIds.length === 0) return;
  const report: CarrierEventBody = { type: 'report', extraction: null, transcript: [] };
  await sql`
    update carrier_events set body = ${JSON.stringify(report)}::json
    where call_id = any(${[...callIds]}::bigint[]) and body->>'type' = 'report'`.execute(trx);
};

/**
 * Deletes the record with all that was said in it, wherever it was kept: in carriers' reports and in webhooks too. The row
 * stays: the attempt was made, and may still go on; then its end is recorded as ever, and told to nobody. A call of make_call
 * that was not sent yet is taken back.
 * @throws DomainError call_not_found
 */
export const deleteCall = (db: Db, accountId: number, id: number, now: Date): Promise<void> =>
  db.transaction().execute(async (trx) => {
    const visible = trx.selectFrom('calls').select(['id', 'attempt_no']).where('id', '=', id).where('account_id', '=', accountId);
    const seen = await visible.where('deleted_at', 'is', null).where(isCall).executeTakeFirst();
    if (seen === undefined) throw new DomainError('call_not_found');
    const deleted = await trx
      .updateTable('calls')
      .set({ deleted_at: now, updated_at: now, transcript: null, extraction: null, variables: '{}', recording_url: null })
      .where('id', '=', id)
      .where('deleted_at', 'is', null)
      .executeTakeFirst();
    if (deleted.numUpdatedRows === 0n) throw new DomainError('call_not_found');
    // Only where there is no lead, which would have to be locked first; an attempt on one has been sent. Nothing is told of a deleted call.
    if (seen.attempt_no === null) await giveBack(trx, [id], 'revoked', 'deleted', now);
    // Only now that the row is held: whoever was recording a report is done, and what that has written is seen.
    await eraseReports(trx, [id]);
    await eraseWebhooks(trx, id, now);
  });
