// Two ledgers, one dialer: small worlds run on the database and on a copy in memory have to come to the same in everything
// that is written down. What the seeded simulation proves of the one then holds for the other.
// LEDGER_SEED, LEDGER_COUNT: which worlds, and how many.
import { pino } from 'pino';
import { beforeAll, expect, test } from 'vitest';
import { updateAccount } from '../../src/accounts/accounts.store.ts';
import { blockNumbers } from '../../src/blacklist/blacklist.store.ts';
import { startCampaign, stopCampaign } from '../../src/campaigns/campaign-status.store.ts';
import { createSimulatedCarrier } from '../../src/carriers/simulated/simulated-carrier.ts';
import { startDialer } from '../../src/dialer/dialer.ts';
import { givenClock } from '../../src/dialer/lease.store.ts';
import type { Ledger } from '../../src/dialer/ledger.ts';
import { createMemoryLedger } from '../../src/dialer/memory-ledger.ts';
import { createSqlLedger } from '../../src/dialer/sql-ledger.store.ts';
import { runUntil, watchLedger } from '../../src/dialer/virtual-run.ts';
import { deleteLead, updateLead } from '../../src/leads/leads.store.ts';
import { copyCampaign } from '../../src/simulation/copy-campaign.store.ts';
import { createVirtualTime } from '../../src/virtual-time.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { buildNumber } from '../support/build.ts';
import { insertAssistant } from '../support/insert-assistant.ts';
import { insertCampaign, insertLead } from '../support/insert-leads.ts';
import { brokenPromises, type Rows, readRows } from '../support/promise-checker.ts';
import { doAct } from './acts.ts';
import { drawWorld, type PlannedAct, type World } from './draw-world.ts';
import { rowsOf } from './run-world.ts';

const FIRST = Number(process.env.LEDGER_SEED ?? 1);
const COUNT = Number(process.env.LEDGER_COUNT ?? (process.env.LEDGER_SEED === undefined ? 30 : 1));
const LASTS = 40 * 60_000;
const E164_SHAPE = /^\+\d+$/;

let t: TestApp;
let numbers: number[];
let nextCallId = 1;

beforeAll(async () => {
  t = await startApp();
  numbers = [];
  for (let left = 3; left > 0; left -= 1) numbers.push((await buildNumber(t.api)).id);
});

// Of five worlds one has contacts that are always refused, and one has refusals of both kinds now and then: drawn, they are too seldom.
const withRefusals = (world: World): World => {
  const { campaigns, leads } = world.ledger;
  const kind = world.seed % 5;
  if (kind !== 1 && kind !== 2) return world;
  const mix = { human: 3, no_answer: 3, rejected: 3, number_refused: 2 };
  return {
    ...world,
    ledger: {
      ...world.ledger,
      campaigns: campaigns.map((one) => ({ ...one, settings: { ...one.settings, simulation: kind === 1 ? null : { mix } } })),
      leads: leads.map((one, index) =>
        kind === 1 && index % 2 === 0 ? { ...one, phoneNumber: `${one.phoneNumber.slice(0, -2)}80` } : one,
      ),
    },
  };
};

// One campaign: acts of the second go with it.
const small = (seed: number): World => {
  const world = withRefusals(drawWorld(seed));
  const leads = world.ledger.leads.filter(({ campaignId }) => campaignId === 1);
  const kept = new Set(leads.map(({ id }) => id));
  const called = new Set(leads.map(({ phoneNumber }) => phoneNumber));
  const acts = world.acts.filter((act) => {
    if (act.atMs >= LASTS) return false;
    if ('campaignId' in act) return act.campaignId === 1;
    return 'leadId' in act ? kept.has(act.leadId) : called.has(act.number);
  });
  return { ...world, ledger: { ...world.ledger, leads }, acts };
};

/** The world in the database, and the names that its people have there. */
const insertWorld = async ({ ledger, start }: World): Promise<{ campaignId: number; leadIds: Map<number, number> }> => {
  const { db, mine } = t;
  const account = mine.account.id;
  const [campaign] = ledger.campaigns;
  if (campaign === undefined) throw new Error('a world has a campaign');
  const { window, policy, settings } = campaign;
  await db.deleteFrom('dnc_numbers').execute();
  await db.deleteFrom('carrier_pauses').execute();
  await db.deleteFrom('carrier_accepts').execute();
  await updateAccount(db, account, { max_parallel_calls: campaign.accountCap }, start);
  const assistant = await insertAssistant(db, account, start, {
    settings: JSON.stringify(settings.assistant_settings),
    post_call_schema: JSON.stringify(settings.post_call_schema),
  });
  const campaignId = await insertCampaign(db, account, {
    assistant_id: assistant.id,
    timezone: window.zone,
    max_calls_in_parallel: campaign.cap,
    mark_complete_when_no_leads: campaign.completesWhenDone,
    allowed_hours_start_time: window.start,
    allowed_hours_end_time: window.end,
    allowed_days: JSON.stringify(window.days),
    max_retries: policy.maxRetries,
    // What the database allows at least.
    retry_interval: Math.max(10, policy.retryIntervalMinutes),
    retry_on_voicemail: policy.retryOnVoicemail,
    retry_on_goal_incomplete: policy.goal !== null,
    goal_completion_variable: settings.goal_completion_variable,
    simulation: settings.simulation === null ? null : JSON.stringify(settings.simulation),
  });
  for (const [index] of campaign.numbers.entries()) {
    const values = { campaign_id: campaignId, phone_number_id: numbers[index] ?? 0, position: index + 1 };
    await db.insertInto('campaign_phone_numbers').values(values).execute();
  }
  const leadIds = new Map<number, number>();
  const positions = new Map<number, number>();
  for (const { id, primaryId, phoneNumber, status, dueAt } of ledger.leads) {
    const position = primaryId === null ? null : (positions.get(primaryId) ?? 0) + 1;
    if (primaryId !== null && position !== null) positions.set(primaryId, position);
    const fields = { phone_number: phoneNumber, status, due_at: dueAt, primary_id: leadIds.get(primaryId ?? 0) ?? null, position };
    leadIds.set(id, await insertLead(db, account, campaignId, fields));
  }
  for (const { phoneNumber: phone_number } of ledger.blacklist.filter((one) => E164_SHAPE.test(one.phoneNumber)))
    await db.insertInto('dnc_numbers').values({ account_id: account, phone_number, created_at: start }).execute();
  return { campaignId, leadIds };
};

// What is no business of either ledger: whether the act is allowed.
const refused = () => undefined;

const doSql = async (planned: PlannedAct, now: Date): Promise<void> => {
  const { db, mine } = t;
  const account = mine.account.id;
  const statuses = { complete: 'completed', exhaust: 'reached-max-retries', reset: 'created' } as const;
  switch (planned.kind) {
    case 'start':
      await startCampaign(db, account, planned.campaignId, now);
      return;
    case 'stop':
      await stopCampaign(db, account, planned.campaignId, now);
      return;
    case 'block':
      await blockNumbers(db, account, [planned.number], null, now);
      return;
    case 'delete':
      await deleteLead(db, account, planned.leadId, now).catch(refused);
      return;
    default:
      await updateLead(db, account, planned.leadId, { status: statuses[planned.kind] }, now).catch(refused);
  }
};

// One act after the other, in the order in which they were asked for: how long a ledger takes must not decide which of two comes first.
const inTurns = (ledger: Ledger): Ledger => {
  let last: Promise<unknown> = Promise.resolve();
  return new Proxy(ledger, {
    get: (target, name: keyof Ledger) => {
      const act = target[name] as (...given: unknown[]) => Promise<unknown>;
      return (...given: unknown[]) => {
        const mine = last.then(() => new Promise((resolve) => setImmediate(resolve))).then(() => act(...given));
        last = mine.catch(() => {});
        return mine;
      };
    },
  });
};

const run = async (world: World, inner: Ledger, perform: (act: PlannedAct, now: Date) => Promise<void> | void) => {
  const time = createVirtualTime(world.start);
  const carrier = createSimulatedCarrier({ scheduler: time, seed: world.seed });
  const { ledger, busy } = watchLedger(inTurns(inner));
  const log = pino({ level: 'silent' });
  const { rates, idleMs, leaseMs } = world;
  const dialer = await startDialer({ ledger, carrier, schedule: time, log, settings: { rates, idleMs, leaseMs } });
  const until = (ms: number) => runUntil(time, dialer, busy, new Date(world.start.getTime() + ms));
  for (const act of world.acts) {
    await until(act.atMs);
    await perform(act, time.now());
    dialer.wake();
  }
  await until(LASTS);
  // It is left where it stands: without its clock it does nothing more.
  return carrier.rings();
};

// All that is written down, but for the names of workers and of rows.
const written = ({ attempts, decisions, changes, leads }: Rows, campaignId: number) => ({
  leads: leads.filter(({ campaign_id }) => campaign_id === campaignId).map(({ id, status, due_at }) => ({ id, status, due_at })),
  attempts: attempts
    .filter(({ campaign_id }) => campaign_id === campaignId)
    .map(({ id, lead_id, attempt_no, state, outcome, phone_number, created_at, sent_at }) => ({
      id,
      lead_id,
      attempt_no,
      state,
      outcome,
      phone_number,
      created_at,
      sent_at,
    })),
  decisions: decisions
    .filter(({ campaign_id }) => campaign_id === campaignId)
    .map(({ lead_id, call_id, verdict, reason, times, decided_at, facts }) => ({
      lead_id,
      call_id,
      verdict,
      reason,
      times,
      decided_at,
      facts: JSON.parse(JSON.stringify(facts)),
    })),
  changes: changes
    .filter(({ campaign_id }) => campaign_id === campaignId)
    .map(({ what, lead_id, call_id, from_status, to_status, at }) =>
      [what, lead_id, call_id, from_status, to_status, at.toISOString()].join(' '),
    )
    .sort(),
});

const compare = async (seed: number): Promise<number> => {
  const world = small(seed);
  const { campaignId, leadIds } = await insertWorld(world);
  const named = world.acts.map((act): PlannedAct => {
    if ('campaignId' in act) return { ...act, campaignId };
    return 'leadId' in act ? { ...act, leadId: leadIds.get(act.leadId) ?? 0 } : act;
  });
  const placed: World = { ...world, acts: named };
  const copied = await copyCampaign(t.db, campaignId);
  if (copied === undefined) throw new Error('the campaign is there');
  const blacklist = copied.blacklist.map((phoneNumber) => ({ accountId: copied.campaign.accountId, phoneNumber }));
  const memory = createMemoryLedger({ campaigns: [copied.campaign], leads: copied.leads, blacklist, firstCallId: nextCallId });

  const sqlLedger = createSqlLedger(t.db, { clock: givenClock, sendingMs: 20_000, reportWaitMs: 60_000, tell: async () => {} });
  const sqlRings = await run(placed, sqlLedger, doSql);
  const memoryRings = await run(placed, memory, (act, now) => {
    doAct(memory.state, act, now);
  });
  const sqlRows = await readRows(t.db);
  expect(written(rowsOf(memory.state), campaignId), `LEDGER_SEED=${seed}`).toEqual(written(sqlRows, campaignId));
  expect(memoryRings).toEqual(sqlRings);
  const decisions = sqlRows.decisions.filter(({ campaign_id }) => campaign_id === campaignId);
  expect(brokenPromises({ rings: sqlRings, rows: { ...sqlRows, decisions }, final: false })).toEqual([]);
  // The next world is alone, and its time may be an earlier one.
  nextCallId += sqlRows.attempts.length;
  await t.db.deleteFrom('calls').execute();
  await t.db.updateTable('campaigns').set({ status: 'stopped' }).where('status', '=', 'in-progress').execute();
  return sqlRings.length;
};

test(`${COUNT} worlds from seed ${FIRST} come to the same on both ledgers`, async () => {
  let rings = 0;
  for (let seed = FIRST; seed < FIRST + COUNT; seed += 1) rings += await compare(seed);
  if (COUNT >= 30) expect(rings).toBeGreaterThan(COUNT);
  const refusals = await t.db
    .selectFrom('decisions')
    .select('reason')
    .where('reason', 'in', ['carrier_refused', 'number_refused'])
    .execute();
  if (COUNT >= 30) expect(refusals.length).toBeGreaterThan(2 * COUNT);
}, 300_000);
