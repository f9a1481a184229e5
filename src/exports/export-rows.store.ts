// The leads of a list from its first to its last, a batch at a time. Each batch is one short statement, so that nothing is held
// in the database while somebody reads slowly; and no batch is of many bytes, so that nothing is held here either.
import { type RawBuilder, sql } from 'kysely';
import type { Clock } from '../clock.ts';
import type { Db, Variables } from '../db/schema.ts';
import { gone } from '../leads/kept-counts.store.ts';
import type { LeadStatus } from '../leads/lead.ts';
import { conditionsOf } from '../leads/lead-conditions.store.ts';
import type { LeadFilter } from '../leads/lead-filter.ts';
import { type ContactsBeside, contactsBeside, toContacts } from '../leads/lead-rows.store.ts';
import type { ExportedLead, VariableNames } from './lead-cells.ts';

/** The leads of an account that a filter lets through, up to the last one that there was when it was asked. */
export interface LeadRange {
  accountId: number;
  filter: LeadFilter;
  lastId: number;
}

/** Fixes where a list ends: leads that are added from now on are not part of it. */
export const fixRange = async (db: Db, accountId: number, filter: LeadFilter): Promise<LeadRange> => {
  const last = await db
    .selectFrom('leads')
    .select((eb) => eb.fn.max('id').as('id'))
    .where('account_id', '=', accountId)
    .where('primary_id', 'is', null)
    .executeTakeFirst();
  return { accountId, filter, lastId: last?.id ?? 0 };
};

const inRange = ({ accountId, filter, lastId }: LeadRange, after: number): RawBuilder<unknown> =>
  sql`${conditionsOf(accountId, filter, { orderedById: true })} and id > ${after}::bigint and id <= ${lastId}::bigint`;

// A batch takes about this long, so that whoever else uses the database has a turn.
const FAST_MS = 20;
const SLOW_MS = 60;

/** A size that follows what the last read took. */
const createPace = (clock: Clock, { least, most }: { least: number; most: number }) => {
  let size = least;
  return async <Result>(read: (size: number) => Promise<Result>): Promise<Result> => {
    const began = clock().getTime();
    const result = await read(size);
    const took = clock().getTime() - began;
    if (took < FAST_MS) size = Math.min(most, size * 2);
    if (took > SLOW_MS) size = Math.max(least, Math.floor(size / 2));
    return result;
  };
};

interface SurveyRow {
  kind: 'leads' | 'lead' | 'contact';
  /** Of a contact: which of its lead's, from 1. */
  slot: number;
  name: string | null;
  /** Of `leads`: the last one. */
  id: number | null;
  n: number;
}

/** What to look for beside the number of leads. */
export interface Sought {
  contacts: boolean;
  /** No more names than these are wanted; 0: none. */
  mostNames: number;
}

const survey = (range: LeadRange, after: number, size: number, { contacts, mostNames }: Sought): RawBuilder<SurveyRow> => {
  const seen = sql`min(id)::bigint as id, min(at)::bigint as n`;
  const keys = sql`json_object_keys(variables) with ordinality as keys (name, at)`;
  const first = sql`order by id, n limit ${mostNames + 1}::bigint`;
  const ofLeads = sql`union all (select 'lead', 0, name, ${seen} from chunk, ${keys} group by name ${first})`;
  const ofContacts = sql`union all
    (select 'contact', slot, name, ${seen} from contact left join lateral ${keys} on true group by slot, name ${first})`;
  return sql<SurveyRow>`
    with ${gone(range.accountId)}, chunk as materialized (
      select id, variables from leads where ${inRange(range, after)} order by id limit ${sql.lit(size)}
    ), contact as (
      select primary_id as id, variables, row_number() over (partition by primary_id order by position)::int as slot
      from leads where primary_id in (select id from chunk)
    )
    select 'leads' as kind, 0 as slot, null as name, max(id) as id, count(*)::bigint as n from chunk
    ${mostNames > 0 ? ofLeads : sql``} ${mostNames > 0 && contacts ? ofContacts : sql``}`;
};

/** What there is to know of a list before its file is begun. */
export interface Survey {
  leads: number;
  names: VariableNames;
}

/**
 * Looks through a list: how many leads, and which variables they and their contacts have. Stops early where there are more names
 * than are wanted; `names` then has more.
 */
export const surveyLeads = async (db: Db, clock: Clock, range: LeadRange, sought: Sought): Promise<Survey> => {
  const pace = createPace(clock, { least: 500, most: 8000 });
  const lead = new Set<string>();
  const contacts: Set<string>[] = [];
  const note = ({ kind, slot, name }: SurveyRow): void => {
    if (kind === 'lead' && name !== null) lead.add(name);
    if (kind !== 'contact') return;
    while (contacts.length < slot) contacts.push(new Set());
    if (name !== null) contacts[slot - 1]?.add(name);
  };
  let leads = 0;
  let after = 0;
  const countNames = () => contacts.reduce((sum, { size }) => sum + size, lead.size);
  while (countNames() <= sought.mostNames) {
    const { rows } = await pace((size) => survey(range, after, size, sought).execute(db));
    rows.forEach(note);
    const whole = rows.find(({ kind }) => kind === 'leads');
    if (whole === undefined || whole.id === null) break;
    after = Number(whole.id);
    leads += Number(whole.n);
  }
  return { leads, names: { lead: [...lead], contacts: contacts.map((names) => [...names]) } };
};

// Of variables, as text, that a batch may have; one lead may have more, and is a batch then.
const MAX_BATCH_BYTES = 4_000_000;

interface BatchRow {
  id: number;
  campaign_id: number;
  campaign_name: string;
  phone_number: string;
  variables: Variables;
  status: LeadStatus;
  call_tries: number;
  created_at: Date;
  updated_at: Date;
  contacts: ContactsBeside;
}

const NONE = sql`null::json`;
const CONTACT_BYTES = sql`coalesce((select sum(octet_length(c.variables::text)) from leads c where c.primary_id = leads.id), 0)`;

const batchOf = (range: LeadRange, after: number, size: number, withContacts: boolean): RawBuilder<BatchRow> => sql<BatchRow>`
  with ${gone(range.accountId)}, chunk as materialized (
    select id, campaign_id, phone_number, variables, status, call_tries, created_at, updated_at,
      octet_length(variables::text) + ${withContacts ? CONTACT_BYTES : sql`0`} as bytes
    from leads where ${inRange(range, after)} order by id limit ${sql.lit(size)}
  ), batch as (
    select chunk.*, sum(bytes) over (order by id rows unbounded preceding) - bytes as before from chunk
  )
  select batch.id, campaign_id, campaigns.name as campaign_name, phone_number, variables, batch.status, call_tries,
    batch.created_at, batch.updated_at, ${withContacts ? contactsBeside('batch') : NONE} as contacts
  from batch join campaigns on campaigns.id = campaign_id
  where before < ${MAX_BATCH_BYTES}
  order by batch.id`;

const toLead = ({ contacts, ...row }: BatchRow): ExportedLead => ({ ...row, contacts: toContacts(contacts) });

/** The leads of a list by ascending id, with their contacts if wanted. The next batch is read when it is asked for. */
export const readLeads = async function* (
  db: Db,
  clock: Clock,
  range: LeadRange,
  { contacts }: { contacts: boolean },
): AsyncGenerator<ExportedLead[], void> {
  const pace = createPace(clock, { least: 100, most: 1000 });
  let after = 0;
  for (;;) {
    const { rows } = await pace((size) => batchOf(range, after, size, contacts).execute(db));
    const last = rows.at(-1);
    if (last === undefined) return;
    after = last.id;
    yield rows.map(toLead);
  }
};
