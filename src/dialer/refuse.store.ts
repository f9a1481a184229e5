// What a carrier certainly refuses. Nothing rang: of the carrier's own trouble the try is taken back; what concerns the number alone, or
// what a contact has met too often, is a failed call.
import { sql } from 'kysely';
import type { CallRow, Db } from '../db/schema.ts';
import { lockFamilies, passTurn } from '../leads/turn.store.ts';
import { nextPause } from './carrier-pause.ts';
import {
  countRefusal,
  isSpent,
  isStrike,
  ownWaitMs,
  type Refusals,
  type RefusedCall,
  refusalDecision,
  refusalEvent,
} from './contact-refusals.ts';
import type { RejectedCall } from './ledger.ts';
import { andTell, type LedgerDeps, settleReported } from './settle.store.ts';

const list = (ids: readonly number[]) => sql`any(${[...ids]}::bigint[])`;

type Call = Pick<CallRow, 'id' | 'account_id' | 'campaign_id' | 'lead_id' | 'attempt_no' | 'carrier'>;
type Held = Call & { refusal: RejectedCall; refusals: Refusals | undefined };

interface Before {
  id: number;
  outcome: string | null;
  refusals: number | null;
  refused_in_all: number | null;
  ended_at: Date | null;
}

// The last attempt of each contact that came to anything; if that was refused as well, they are refusals in a row.
const refusedBefore = async (trx: Db, callIds: readonly number[]): Promise<Map<number, Refusals>> => {
  const { rows } = await sql<Before>`
    select calls.id, before.* from calls cross join lateral (
      select outcome, refusals, refused_in_all, ended_at from calls earlier
      where earlier.lead_id = calls.lead_id and earlier.attempt_no < calls.attempt_no
        and not (earlier.outcome in ('revoked', 'expired') or (earlier.outcome = 'rejected' and earlier.refusals is null))
      order by earlier.attempt_no desc limit 1
    ) before
    where calls.id = ${list(callIds)}`.execute(trx);
  return new Map(
    rows.flatMap(({ id, outcome, refusals, refused_in_all, ended_at }): [number, Refusals][] =>
      outcome === 'rejected' && refusals !== null && ended_at !== null
        ? [[id, { against: refusals, inAll: refused_in_all ?? 0, at: ended_at }]]
        : [],
    ),
  );
};

const holdCalls = async (trx: Db, calls: readonly RejectedCall[], now: Date): Promise<Held[]> => {
  const byId = new Map(calls.map((refusal) => [refusal.callId, refusal]));
  const { rows } = await sql<Call>`
    select id, account_id, campaign_id, lead_id, attempt_no, carrier from calls
    where id = ${list([...byId.keys()])} and state in ('sending', 'unknown') order by id for no key update`.execute(trx);
  const [first] = rows;
  if (first === undefined) return [];
  const before = await refusedBefore(
    trx,
    rows.map(({ id }) => id),
  );
  const accepts = await trx.selectFrom('carrier_accepts').select('accepted_at').where('carrier', '=', first.carrier).executeTakeFirst();
  return rows.flatMap((call): Held[] => {
    const refusal = byId.get(call.id);
    if (refusal === undefined) return [];
    const isCounted = call.lead_id !== null && refusal.scope !== 'number' && refusal.ours !== true;
    return [{ ...call, refusal, refusals: isCounted ? countRefusal(before.get(call.id), accepts?.accepted_at, now) : undefined }];
  });
};

// @returns until when; now: there is no pause.
const pauseCarrier = async (trx: Db, held: readonly Held[], now: Date): Promise<Date> => {
  const refused = held.filter(({ refusal: { ours, scope } }) => ours !== true && scope !== 'number');
  const [first] = refused;
  if (first === undefined) return now;
  const { carrier } = first;
  const row = await trx.selectFrom('carrier_pauses').selectAll().where('carrier', '=', carrier).forUpdate().executeTakeFirst();
  const asked = refused.flatMap(({ refusal }) => refusal.retryAfterMs ?? []);
  const pause = nextPause(
    row && { strikes: row.strikes, until: row.paused_until, askedUntil: row.asked_until ?? undefined },
    {
      // The longest that one of them asks for counts for all.
      retryAfterMs: asked.length === 0 ? undefined : Math.max(...asked),
      isStrike: refused.some(({ refusals }) => refusals === undefined || isStrike(refusals)),
    },
    now,
  );
  if (pause === undefined || pause.until <= now) return now;
  const values = { strikes: pause.strikes, reason: first.refusal.code, paused_until: pause.until, asked_until: pause.askedUntil ?? null };
  await trx
    .insertInto('carrier_pauses')
    .values({ carrier, ...values })
    .onConflict((conflict) => conflict.column('carrier').doUpdateSet(values))
    .execute();
  return pause.until;
};

const tellRefused = async (trx: Db, held: readonly Held[], again: ReadonlyMap<number, Date>, now: Date): Promise<void> => {
  const told = held.filter(({ refusal, attempt_no }) => refusal.ours !== true || attempt_no === null);
  if (told.length === 0) return;
  const rows = told.map(({ refusal, refusals, ...call }) => {
    const { callId, code, scope = 'carrier' } = refusal;
    const refused: RefusedCall = { callId, code, scope, refusals, again: again.get(callId) };
    const { reason, facts } = refusalDecision(refused);
    return { ...call, reason, facts };
  });
  await sql`
    insert into decisions (account_id, campaign_id, lead_id, call_id, verdict, reason, facts, decided_at, last_at)
    select r.account_id, r.campaign_id, r.lead_id, r.id, 'refuse', r.reason, r.facts, ${now}::timestamptz, ${now}::timestamptz
    from json_to_recordset(${JSON.stringify(rows)}::json) as r (id bigint, account_id bigint, campaign_id bigint, lead_id bigint,
      reason text, facts json) order by r.id`.execute(trx);
};

// A call that ends by its refusal: of make_call, of a number, or of a contact that was refused too often.
const isEnd = ({ attempt_no, refusal, refusals }: Held): boolean =>
  attempt_no === null || (refusal.scope === 'number' && refusal.ours !== true) || (refusals !== undefined && isSpent(refusals));

const endCalls = async (trx: Db, deps: LedgerDeps, held: readonly Held[], now: Date): Promise<string[]> => {
  const [first] = held;
  if (first === undefined) return [];
  const reports = new Map(held.map(({ id, refusal }) => [refusalEvent(id, refusal.code, now), id]));
  const outcomes = await settleReported(trx, deps, first.carrier, reports, now);
  await tellRefused(trx, held, new Map(), now);
  return outcomes;
};

// The tries are taken back, and each contact is due behind those who have waited as long.
const takeBack = async (trx: Db, held: readonly Held[], until: Date, primaries: readonly number[], now: Date): Promise<void> => {
  if (held.length === 0) return;
  const dueOf = ({ refusals }: Held): Date => {
    const own = refusals === undefined ? now : new Date(now.getTime() + ownWaitMs(refusals));
    return own > until ? own : until;
  };
  const again = new Map(held.map((one) => [one.id, dueOf(one)]));
  const rows = held.map(({ id, refusal, refusals }) => ({
    id,
    code: refusal.code,
    due: again.get(id),
    against: refusals?.against ?? null,
    in_all: refusals?.inAll ?? null,
  }));
  const back = sql`json_to_recordset(${JSON.stringify(rows)}::json) as r (id bigint, code text, due timestamptz, against integer, in_all integer)`;
  await sql`
    update calls set state = 'ended', outcome = 'rejected', reason = r.code, status = 'failed', lease_until = null, sent_at = null,
      refusals = r.against, refused_in_all = r.in_all, ended_at = ${now}::timestamptz, updated_at = ${now}::timestamptz
    from ${back} where calls.id = r.id`.execute(trx);
  await sql`
    update leads set call_tries = greatest(call_tries - 1, 0), due_at = r.due,
      status = case when call_tries <= 1 then 'created' else 'rescheduled' end, updated_at = ${now}::timestamptz
    from calls join ${back} on calls.id = r.id
    where leads.id = calls.lead_id and leads.status = 'processing' and leads.last_attempt_no = calls.attempt_no`.execute(trx);
  await tellRefused(trx, held, again, now);
  // Its turn may have gone to another number of the lead meanwhile, or the cascade may have ended.
  await passTurn(trx, new Map(primaries.map((id) => [id, until])));
};

const reject = async (trx: Db, deps: LedgerDeps, calls: readonly RejectedCall[], now: Date): Promise<string[]> => {
  const named = await trx
    .selectFrom('calls')
    .select('lead_id')
    .where('id', '=', list(calls.map(({ callId }) => callId)) as never)
    .execute();
  const primaries = await lockFamilies(
    trx,
    named.flatMap(({ lead_id }) => lead_id ?? []),
  );
  const held = await holdCalls(trx, calls, now);
  const outcomes = await endCalls(trx, deps, held.filter(isEnd), now);
  const until = await pauseCarrier(trx, held, now);
  const back = held.filter((one) => !isEnd(one));
  await takeBack(trx, back, until, primaries, now);
  return outcomes;
};

/** See Ledger.rejected. */
export const markRejected = async (db: Db, deps: LedgerDeps, calls: readonly RejectedCall[], now: Date): Promise<void> => {
  if (calls.length === 0) return;
  await andTell(
    deps,
    db.transaction().execute((trx) => reject(trx, deps, calls, now)),
  );
};
