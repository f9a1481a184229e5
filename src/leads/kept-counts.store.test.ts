// Whatever is done at the same time, every total is what a plain count(*) says; and a recount finds and mends what is not.
import fc from 'fast-check';
import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import { startApp, type TestApp } from '../../test/support/app.ts';
import { nextNumber } from '../../test/support/build.ts';
import { checkTotals } from '../../test/support/check-totals.ts';
import { insertCampaign, insertManyLeads } from '../../test/support/insert-leads.ts';
import { purgeAll } from '../../test/support/purge.ts';
import { toE164 } from '../phone.ts';
import { insertLeads } from './leads.store.ts';
import { recountLeads } from './recount.store.ts';

const DAY = 86_400_000;

interface World extends TestApp {
  campaigns: number[];
}

const startWorld = async (): Promise<World> => {
  const t = await startApp({ now: '2026-02-27T20:00:00Z' });
  const campaigns: number[] = [];
  for (let i = 0; i < 3; i++) campaigns.push(await insertCampaign(t.db, t.mine.account.id));
  return { ...t, campaigns };
};

type Act = {
  kind: 'create' | 'batch' | 'move' | 'status' | 'delete' | 'renumber' | 'block' | 'drop campaign';
  pick: number;
  other: number;
};

const act = (): fc.Arbitrary<Act> =>
  fc.record({
    kind: fc.constantFrom<Act['kind'][]>('create', 'create', 'batch', 'move', 'status', 'status', 'delete', 'renumber', 'block'),
    pick: fc.nat(1000),
    other: fc.nat(1000),
  });

const at = <Item>(items: readonly Item[], pick: number): Item => {
  const item = items[pick % Math.max(1, items.length)];
  if (item === undefined) throw new Error('nothing to pick from');
  return item;
};

const e164 = () => {
  const number = toE164(nextNumber());
  if (number === undefined) throw new Error('no number');
  return number;
};

// Refusals (a lead that is gone meanwhile) are as good as any end.
const perform = async (world: World, { kind, pick, other }: Act): Promise<void> => {
  const { api, db, campaigns, mine, clock } = world;
  const ids = (await db.selectFrom('leads').select('id').where('primary_id', 'is', null).orderBy('id').execute()).map(({ id }) => id);
  const campaign = at(campaigns, other);
  if (kind === 'create' || ids.length === 0) {
    await api.post('/api/user/lead', {
      campaign_id: campaign,
      phone_number: nextNumber(),
      secondary_contacts: [{ phone_number: nextNumber() }],
    });
    return;
  }
  const id = at(ids, pick);
  if (kind === 'batch') {
    const target = { accountId: mine.account.id, campaignId: campaign, allowDuplicate: true };
    await insertLeads(
      db,
      target,
      Array.from({ length: 20 }, () => ({ phone_number: e164(), variables: {}, contacts: [] })),
      clock(),
    );
  }
  if (kind === 'move') await api.put(`/api/user/leads/${id}`, { campaign_id: campaign });
  if (kind === 'status') await api.put(`/api/user/leads/${id}`, { status: at(['created', 'completed', 'reached-max-retries'], other) });
  if (kind === 'renumber') await api.put(`/api/user/leads/${id}`, { phone_number: nextNumber() });
  if (kind === 'delete') await api.delete(`/api/user/leads/${id}`);
  if (kind === 'block') await api.post('/api/user/blacklist', { lead_ids: [id] });
};

describe('every total is a plain count', () => {
  test('at every quiet point of concurrent creates, updates, moves and deletes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(act(), { minLength: 1, maxLength: 8 }), { minLength: 2, maxLength: 6 }), async (rounds) => {
        const world = await startWorld();
        for (const together of rounds) {
          await Promise.all(together.map((one) => perform(world, one)));
          world.clock.advance(DAY / 3);
          await checkTotals(world.db, [world.mine.account.id, world.other.account.id]);
        }
      }),
      { numRuns: 6 },
    );
  });

  test('with a campaign that is deleted, also while it is purged', async () => {
    const world = await startWorld();
    const [gone = 0, kept = 0] = world.campaigns;
    await insertManyLeads(world.db, world.mine.account.id, gone, 2500);
    await insertManyLeads(world.db, world.mine.account.id, kept, 700);
    await checkTotals(world.db, [world.mine.account.id]);
    await world.api.delete(`/api/user/campaign/${gone}`);
    await checkTotals(world.db, [world.mine.account.id]);
    let batches = 0;
    await purgeAll(world.db, async () => {
      await checkTotals(world.db, [world.mine.account.id]);
      batches += 1;
      return false;
    });
    expect(batches).toBeGreaterThan(2);
    await checkTotals(world.db, [world.mine.account.id]);
    expect((await world.api.get('/api/user/leads')).body.total).toBe(700);
  });

  test('the journal is folded again and again, and stays short', async () => {
    const world = await startWorld();
    for (let i = 0; i < 150; i++) await perform(world, { kind: 'create', pick: i, other: i });
    const { n } = await world.db
      .selectFrom('lead_count_changes')
      .select((eb) => eb.fn.countAll<number>().as('n'))
      .executeTakeFirstOrThrow();
    expect(Number(n)).toBeLessThan(64);
    await checkTotals(world.db, [world.mine.account.id]);
  });
});

// Ids side by side that are counted together, as migrations/0009 has it.
const SPAN = 131_072;

describe('pages are where they should be', () => {
  test('across blocks and spans of ids, from both ends, in both orders, with every filter that is counted', async () => {
    const world = await startWorld();
    const { id: accountId } = world.mine.account;
    const [first = 0, second = 0] = world.campaigns;
    // The second lot goes on in the next span, the third leaves two out.
    for (const [lot, campaign] of [first, second, first].entries()) {
      await sql`select setval('leads_id_seq', ${[1, SPAN - 1100, 4 * SPAN - 1][lot] ?? 0}::bigint)`.execute(world.db);
      await insertManyLeads(world.db, accountId, campaign, 2300);
      // The same numbers once more.
      await world.db.updateTable('leads').set({ duplicate_allowed: true }).execute();
    }
    await sql`delete from leads where id % 7 = 0`.execute(world.db);
    const ids = (await world.db.selectFrom('leads').select('id').orderBy('id').execute()).map(({ id }) => id);
    const page = async (query: string) =>
      (await world.api.get(`/api/user/leads?per_page=100&${query}`)).body.data.map(({ id }: { id: number }) => id);
    for (const n of [1, 2, 20, 21, 22, 30, 31, 40, 41, 42, 58, 59, 60]) {
      expect(await page(`page=${n}`), `page ${n}`).toEqual(ids.slice((n - 1) * 100, n * 100));
      expect(await page(`page=${n}&sort=-id`), `page ${n}, turned round`).toEqual(ids.toReversed().slice((n - 1) * 100, n * 100));
    }
    const dated = (
      await world.db
        .selectFrom('leads')
        .select('id')
        .where('created_at', '>=', new Date('2026-03-03'))
        .where('created_at', '<', new Date('2026-03-04'))
        .orderBy('id')
        .execute()
    ).map(({ id }) => id);
    for (const n of [1, 21, 22, 23, 30, 36, 37]) {
      expect(await page(`page=${n}&date_from=2026-03-03&date_to=2026-03-03`), `day, page ${n}`).toEqual(
        dated.slice((n - 1) * 100, n * 100),
      );
    }
    const ofFirst = (await world.db.selectFrom('leads').select('id').where('campaign_id', '=', first).orderBy('id').execute()).map(
      ({ id }) => id,
    );
    for (const n of [1, 21, 22, 39, 40]) {
      expect(await page(`page=${n}&campaign_id=${first}`), `campaign, page ${n}`).toEqual(ofFirst.slice((n - 1) * 100, n * 100));
    }
    for (const n of [1, 22, 39, 40]) {
      const turned = ofFirst.toReversed().slice((n - 1) * 100, n * 100);
      expect(await page(`page=${n}&campaign_id=${first}&sort=-id`), `campaign, page ${n}, turned round`).toEqual(turned);
    }
    for (const n of [1, 23, 37]) {
      const turned = dated.toReversed().slice((n - 1) * 100, n * 100);
      expect(await page(`page=${n}&date_from=2026-03-03&date_to=2026-03-03&sort=-id`), `day, page ${n}, turned round`).toEqual(turned);
    }
    // Beyond the end there is nobody, and the total is what it was.
    const beyond = (await world.api.get('/api/user/leads?per_page=100&page=62')).body;
    expect([beyond.data, beyond.total]).toEqual([[], ids.length]);
    // Changes that are not folded yet count, too: a third of the leads has another status since a moment.
    await sql`update leads set status = 'completed' where id % 3 = 0`.execute(world.db);
    for (let i = 0; i < 5; i += 1)
      await sql`update leads set status = 'created' where id = ${ids[3 * i + 1200] ?? 0}::bigint`.execute(world.db);
    const completed = (await world.db.selectFrom('leads').select('id').where('status', '=', 'completed').orderBy('id').execute()).map(
      ({ id }) => id,
    );
    for (const n of [1, 8, 14, 20]) {
      expect(await page(`page=${n}&status=completed`), `status, page ${n}`).toEqual(completed.slice((n - 1) * 100, n * 100));
      const turned = completed.toReversed().slice((n - 1) * 100, n * 100);
      expect(await page(`page=${n}&status=completed&sort=-id`), `status, page ${n}, turned round`).toEqual(turned);
    }
    await world.api.delete(`/api/user/campaign/${second}`);
    for (const n of [1, 21, 22, 39, 40]) {
      expect(await page(`page=${n}`), `page ${n}, one deleted`).toEqual(ofFirst.slice((n - 1) * 100, n * 100));
      const turned = ofFirst.toReversed().slice((n - 1) * 100, n * 100);
      expect(await page(`page=${n}&sort=-id`), `page ${n}, one deleted, turned round`).toEqual(turned);
    }
  });
});

describe('recount', () => {
  test('finds nothing where nothing is wrong', async () => {
    const world = await startWorld();
    for (let i = 0; i < 70; i++) await perform(world, { kind: i % 3 === 0 ? 'status' : 'create', pick: i, other: i });
    expect(await recountLeads(world.db)).toEqual({ totals: 0, cells: 0 });
  });

  test('mends what is wrong, missing or too many, and says how much it was', async () => {
    const world = await startWorld();
    const { id: accountId } = world.mine.account;
    await insertManyLeads(world.db, accountId, at(world.campaigns, 0), 300);
    for (let i = 0; i < 10; i++) await perform(world, { kind: 'status', pick: i, other: i });
    await sql`select fold_lead_counts()`.execute(world.db);
    await sql`update lead_spans set created = created + 5 where campaign_id = 0`.execute(world.db);
    await sql`delete from lead_cells where campaign_id = 0`.execute(world.db);
    await sql`
      insert into lead_cells (account_id, campaign_id, block, day, created, scheduled, processing, completed, rescheduled, "reached-max-retries", blacklisted)
      values (${accountId}, 0, 77, '2020-01-01', 3, 0, 0, 0, 0, 0, 0)`.execute(world.db);
    await expect(checkTotals(world.db, [accountId])).rejects.toThrow();
    const wrong = await recountLeads(world.db);
    expect([wrong.totals, wrong.cells]).toEqual([1, 2]);
    await checkTotals(world.db, [accountId]);
    expect(await recountLeads(world.db)).toEqual({ totals: 0, cells: 0 });
  });

  test('while others write', async () => {
    const world = await startWorld();
    await sql`update lead_spans set created = 7`.execute(world.db);
    const writes = Array.from({ length: 40 }, (_, i) => perform(world, { kind: i % 4 === 0 ? 'delete' : 'create', pick: i, other: i }));
    await Promise.all([...writes, recountLeads(world.db), recountLeads(world.db)]);
    await checkTotals(world.db, [world.mine.account.id]);
  });
});
