import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { beforeAll, expect, test } from 'vitest';
import { startApp, type TestApp } from '../../test/support/app.ts';
import { insertCampaign, insertLead, insertManyLeads } from '../../test/support/insert-leads.ts';
import { watchStatements } from '../../test/support/watch-statements.ts';
import { fixRange, type LeadRange, readLeads, surveyLeads } from './export-rows.store.ts';
import { writeNdjson } from './ndjson.writer.ts';

const LEADS = 5000;

let t: TestApp;
let campaign: number;
let range: LeadRange;
beforeAll(async () => {
  t = await startApp();
  campaign = await insertCampaign(t.db, t.mine.account.id);
  await insertManyLeads(t.db, t.mine.account.id, campaign, LEADS);
  range = await fixRange(t.db, t.mine.account.id, {});
});

const collect = async (given = range): Promise<number[]> => {
  const ids: number[] = [];
  for await (const leads of readLeads(t.db, t.clock, given, { contacts: true })) ids.push(...leads.map(({ id }) => id));
  return ids;
};

test('each batch is one statement of its own, asked for when it is wanted, and no more once nobody wants any', async () => {
  const { watched, statements } = watchStatements(t.db);
  const file = writeNdjson(readLeads(watched, t.clock, range, { contacts: true }));
  const reader = file[Symbol.asyncIterator]();
  await reader.next();
  await sleep(200);
  const before = statements.length;
  expect(before).toBeLessThanOrEqual(3);
  expect(Math.max(...statements.map(({ rows }) => rows))).toBeLessThanOrEqual(1000);
  file.destroy();
  await sleep(100);
  expect(statements.length).toBeLessThanOrEqual(before + 1);
});

test('others have their turn between any two batches', async () => {
  let turns = 0;
  let isOver = false;
  const turn = (): void => {
    turns += 1;
    if (!isOver) setImmediate(turn);
  };
  const { watched, statements } = watchStatements(t.db);
  setImmediate(turn);
  await surveyLeads(watched, t.clock, range, { contacts: true, mostNames: 200 });
  for await (const leads of readLeads(watched, t.clock, range, { contacts: true })) expect(leads).not.toEqual([]);
  isOver = true;
  expect(statements.length).toBeGreaterThan(8);
  expect(turns).toBeGreaterThanOrEqual(statements.length);
});

test('leads that come later are not part of it; those that go are gone', async () => {
  const late = await insertLead(t.db, t.mine.account.id, campaign);
  const ids = await collect();
  expect(ids).toHaveLength(LEADS);
  const batches = readLeads(t.db, t.clock, range, { contacts: true });
  await batches.next();
  await sql`delete from leads where id >= ${ids.at(-100)}::bigint`.execute(t.db);
  let rest = 0;
  for await (const leads of batches) rest += leads.length;
  expect(rest).toBe(LEADS - 100 - 100);
  expect(await collect()).not.toContain(late);
});

test('the survey counts leads and names variables as they are first seen, each contact’s by itself', async () => {
  const own = await insertCampaign(t.db, t.other.account.id);
  const add = (variables: object, more = {}) =>
    insertLead(t.db, t.other.account.id, own, { variables: JSON.stringify(variables), ...more });
  const first = await add({ b: 1, a: 1 });
  const second = await add({ c: 1, a: 1 });
  // Places may have gaps.
  await add({ y: 1 }, { primary_id: first, position: 3, phone_number: '+12025550101' });
  await add({}, { primary_id: first, position: 7, phone_number: '+12025550102' });
  await add({ x: 1, y: 1 }, { primary_id: second, position: 1, phone_number: '+12025550101' });
  const all = await fixRange(t.db, t.other.account.id, {});
  const look = (contacts: boolean, mostNames: number) => surveyLeads(t.db, t.clock, all, { contacts, mostNames });
  expect(await look(true, 10)).toEqual({ leads: 2, names: { lead: ['b', 'a', 'c'], contacts: [['y', 'x'], []] } });
  expect(await look(false, 10)).toEqual({ leads: 2, names: { lead: ['b', 'a', 'c'], contacts: [] } });
  expect(await look(true, 0)).toEqual({ leads: 2, names: { lead: [], contacts: [] } });
  const { names } = await look(true, 3);
  expect(names.lead.length + names.contacts.flat().length).toBeGreaterThan(3);
});
