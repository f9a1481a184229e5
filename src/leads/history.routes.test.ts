import type { Insertable } from 'kysely';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startApp, type TestApp } from '../../test/support/app.ts';
import { insertCall } from '../../test/support/insert-calls.ts';
import { insertCampaign, insertLead } from '../../test/support/insert-leads.ts';
import type { DecisionsTable } from '../db/schema.ts';

let t: TestApp;
let campaign: number;
let assistant: number;
let lead: number;
let contact: number;

// Seconds after the lead came.
const at = (seconds: number): Date => new Date(t.clock().getTime() + seconds * 1000);

const decide = async (seconds: number, fields: Partial<Insertable<DecisionsTable>> = {}): Promise<number> => {
  const row = {
    account_id: t.mine.account.id,
    campaign_id: campaign,
    lead_id: lead,
    verdict: 'refuse' as const,
    reason: 'blacklisted',
    facts: '{"zone":"Europe/Vienna"}',
    decided_at: at(seconds),
    last_at: at(seconds),
    ...fields,
  };
  return (await t.db.insertInto('decisions').values(row).returning('id').executeTakeFirstOrThrow()).id;
};
const call = (seconds: number, attempt_no: number, fields: object = {}) =>
  insertCall(t.db, t.mine.account.id, assistant, {
    campaign_id: campaign,
    lead_id: lead,
    attempt_no,
    created_at: at(seconds),
    sent_at: at(seconds + 1),
    ...fields,
  });
const move = (table: 'leads' | 'campaigns', id: number, status: string, seconds: number) =>
  t.db
    .updateTable(table)
    .set({ status: status as 'completed', updated_at: at(seconds) })
    .where('id', '=', id)
    .execute();

const read = (id = lead, query = '', api = t.api) => api.get(`/api/user/leads/${id}/history${query}`);
const told = async (id = lead, query = ''): Promise<unknown[]> => {
  const { status, body, raw } = await read(id, query);
  if (status !== 200) throw new Error(`${status} ${raw}`);
  return body.data.map((row: Record<string, string>) =>
    row.kind === 'change' ? `${row.of} ${row.from} > ${row.to}` : row.kind === 'call' ? `call ${row.id}` : `${row.of} ${row.reason}`,
  );
};

beforeAll(async () => {
  t = await startApp();
});

beforeEach(async () => {
  const { id } = t.mine.account;
  campaign = await insertCampaign(t.db, id);
  assistant = (await t.db.selectFrom('campaigns').select('assistant_id').where('id', '=', campaign).executeTakeFirstOrThrow()).assistant_id;
  lead = await insertLead(t.db, id, campaign, { created_at: at(0) });
  contact = await insertLead(t.db, id, campaign, { primary_id: lead, position: 1, phone_number: '+12025550199', created_at: at(0) });
});

describe('a lead’s history', () => {
  test('has decisions, calls and changes, the newest first, each with its own fields', async () => {
    const outside = await decide(1, { lead_id: null, reason: 'outside_window', times: 40, last_at: at(39) });
    const dial = await decide(50, { verdict: 'dial', reason: 'due', call_id: 9, facts: '{}' });
    await move('leads', lead, 'scheduled', 50);
    const made = await call(50, 1, {
      state: 'ended',
      status: 'completed',
      outcome: 'reached',
      answered_by: 'human',
      duration: 12,
      answered_at: at(53.5),
      ended_at: at(66),
    });
    await move('leads', lead, 'completed', 66);
    const { body } = await read();
    expect(body.total).toBe(5);
    expect(body.data).toEqual([
      { at: '2026-03-02T08:16:46.000000Z', kind: 'change', id: expect.any(Number), of: 'lead', from: 'scheduled', to: 'completed' },
      {
        at: '2026-03-02T08:16:30.000000Z',
        kind: 'call',
        id: made,
        attempt_no: 1,
        state: 'ended',
        status: 'completed',
        outcome: 'reached',
        reason: null,
        simulated: true,
        carrier: 'simulated',
        phone_number: '+12025550143',
        caller_number: '+12025550100',
        answered_by: 'human',
        duration: 12,
        sent_at: '2026-03-02T08:16:31.000000Z',
        answered_at: '2026-03-02T08:16:33.500000Z',
        ended_at: '2026-03-02T08:16:46.000000Z',
        deleted: false,
      },
      {
        at: '2026-03-02T08:16:30.000000Z',
        kind: 'decision',
        id: dial,
        of: 'lead',
        verdict: 'dial',
        reason: 'due',
        facts: {},
        times: 1,
        last_at: '2026-03-02T08:16:30.000000Z',
        call_id: 9,
      },
      { at: '2026-03-02T08:16:30.000000Z', kind: 'change', id: expect.any(Number), of: 'lead', from: 'created', to: 'scheduled' },
      {
        at: '2026-03-02T08:15:41.000000Z',
        kind: 'decision',
        id: outside,
        of: 'campaign',
        verdict: 'refuse',
        reason: 'outside_window',
        facts: { zone: 'Europe/Vienna' },
        times: 40,
        last_at: '2026-03-02T08:16:19.000000Z',
        call_id: null,
      },
    ]);
  });

  test('shows attempts that were revoked, without a status, and calls whose record was deleted', async () => {
    const revoked = await call(1, 1, { state: 'ended', status: 'initiated', outcome: 'revoked', sent_at: null });
    const made = await call(2, 2);
    await t.api.delete(`/api/user/calls/${made}`);
    const { data } = (await read()).body;
    expect(data.map((row: Record<string, unknown>) => [row.id, row.status, row.outcome, row.deleted])).toEqual([
      [made, 'completed', null, true],
      [revoked, null, 'revoked', false],
    ]);
  });

  test('a contact has its own, with its campaign’s', async () => {
    await decide(1);
    await decide(2, { lead_id: contact, reason: 'attempts_used' });
    await decide(3, { lead_id: null, reason: 'no_number' });
    const made = await call(4, 1, { lead_id: contact });
    await move('leads', contact, 'completed', 5);
    await move('campaigns', campaign, 'in-progress', 6);
    expect(await told(contact)).toEqual([
      'campaign draft > in-progress',
      'lead created > completed',
      `call ${made}`,
      'campaign no_number',
      'lead attempts_used',
    ]);
    expect(await told()).toEqual(['campaign draft > in-progress', 'campaign no_number', 'lead blacklisted']);
  });

  test('leaves out what its campaign did before it came, but not what still stood then', async () => {
    await move('campaigns', campaign, 'in-progress', -20);
    await decide(-10, { lead_id: null, reason: 'outside_window', last_at: at(5) });
    await decide(-9, { lead_id: null, reason: 'carrier_rate', last_at: at(-8) });
    await decide(0, { lead_id: null, reason: 'no_number' });
    expect(await told()).toEqual(['campaign no_number', 'campaign outside_window']);
  });

  test('knows nothing of other leads, campaigns and accounts', async () => {
    const mine = t.mine.account.id;
    const elsewhere = await insertCampaign(t.db, mine);
    const other = await insertLead(t.db, mine, campaign);
    await decide(1, { lead_id: other });
    await decide(1, { lead_id: null, campaign_id: elsewhere });
    await decide(1, { lead_id: null, campaign_id: null, reason: 'make_call' });
    await call(1, 1, { lead_id: other });
    await call(1, 2, { lead_id: null, campaign_id: null, attempt_no: null });
    await move('leads', other, 'completed', 2);
    await move('campaigns', elsewhere, 'completed', 2);
    // A call's own moves are in the log of changes, too.
    const own = await call(3, 1, { state: 'live' });
    await t.db
      .updateTable('calls')
      .set({ state: 'ended', updated_at: at(4) })
      .where('id', '=', own)
      .execute();
    expect(await told()).toEqual([`call ${own}`]);
  });

  test('a lead to whom nothing happened has an empty page', async () => {
    expect((await read()).body).toMatchObject({ data: [], total: 0, from: null, last_page: 1, per_page: 15 });
  });
});

describe('pages', () => {
  test('tile what has happened, whichever end they are sought from, also where much happens at once', async () => {
    for (let index = 0; index < 40; index += 1) {
      // Out of the order of ids, and four at a time.
      const seconds = Math.floor(((index * 7) % 40) / 4);
      if (index % 4 === 0) await decide(seconds);
      else if (index % 4 === 1) await decide(seconds, { lead_id: null, reason: 'no_number' });
      else if (index % 4 === 2) await call(seconds, index);
      else await move('leads', lead, index % 8 === 3 ? 'scheduled' : 'created', seconds);
    }
    const whole = (await read(lead, '?per_page=100')).body.data;
    expect(whole).toHaveLength(40);
    const instants = whole.map((row: { at: string }) => row.at);
    expect(instants).toEqual([...instants].sort().reverse());
    for (const size of [1, 3, 7, 15]) {
      const paged = [];
      for (let page = 1; page <= Math.ceil(40 / size); page += 1)
        paged.push(...(await read(lead, `?per_page=${size}&page=${page}`)).body.data);
      expect(paged).toEqual(whole);
    }
    expect((await read(lead, '?page=99')).body).toMatchObject({ data: [], total: 40, current_page: 99 });
  });

  test('have the usual bounds', async () => {
    for (const query of ['?per_page=0', '?per_page=101', '?per_page=x']) expect((await read(lead, query)).status).toBe(422);
    const { body } = await read(lead, '?page=abc&x=1');
    expect([body.current_page, body.first_page_url]).toEqual([
      1,
      `http://localhost/api/user/leads/${lead}/history?page=1`.replace('page=1', 'x=1&page=1'),
    ]);
  });
});

test('another account’s lead, an unknown one and one of a deleted campaign are 404', async () => {
  const gone = await insertLead(t.db, t.mine.account.id, await insertCampaign(t.db, t.mine.account.id, { deleted_at: t.clock() }));
  for (const answer of [await read(lead, '', t.other), await read(contact, '', t.other), await read(gone), await read(999_999)]) {
    expect([answer.status, answer.raw]).toEqual([404, '{"message":"Lead not found"}']);
  }
});
