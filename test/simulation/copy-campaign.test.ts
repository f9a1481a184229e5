// A rehearsal of a campaign that is in a database.
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { copyCampaign } from '../../src/simulation/copy-campaign.store.ts';
import { simulate } from '../../src/simulation/simulate.ts';
import { startApp } from '../support/app.ts';
import { buildAssistant, buildNumber, numberEndingIn } from '../support/build.ts';

const DAY = 86_400_000;

test('a copy of a campaign is rehearsed with its leads, contacts, blacklist and numbers, and nothing in the database changes', async () => {
  const t = await startApp();
  const number = (await buildNumber(t.api)).id;
  const assistant = await buildAssistant(t.api, { timezone: 'Europe/Vienna' });
  const body = { name: 'Spring', assistant_id: assistant.id, phone_number_ids: [number], timezone: 'UTC', max_retries: 2 };
  const campaign_id = (await t.api.post('/api/user/campaign', body)).body.data.id;
  const add = (digits: string, secondary: string[] = []) =>
    t.api.post('/api/user/lead', {
      campaign_id,
      phone_number: numberEndingIn(digits),
      secondary_contacts: secondary.map((one) => ({ phone_number: numberEndingIn(one) })),
    });
  await add('01');
  await add('50', ['01', '02']);
  const blocked = (await add('03')).body.data.id;
  await t.api.post('/api/user/blacklist', { lead_ids: [blocked] });
  const dump = async () => {
    const { rows } = await sql<{ name: string }>`select tablename as name from pg_tables where schemaname = 'public'`.execute(t.db);
    const tables = await Promise.all(
      rows.map(async ({ name }) => [name, (await sql`select * from ${sql.table(name)} order by 1`.execute(t.db)).rows] as const),
    );
    return JSON.stringify(tables.sort());
  };
  const before = await dump();
  const copied = await copyCampaign(t.db, campaign_id);
  if (copied === undefined) throw new Error('the campaign is there');
  const from = t.clock();
  const report = await simulate(copied, { from, until: new Date(from.getTime() + DAY), seed: 1 });
  expect(await dump()).toBe(before);
  expect(report).toMatchObject({
    left: 0,
    attempts: { sent: 4 },
    outcomes: { reached: 2, busy: 2 },
    leads: { completed: 1, 'reached-max-retries': 1 },
    contacts: { completed: 1, created: 1 },
    skipped: { not_its_turn: 1 },
  });
  expect(await copyCampaign(t.db, campaign_id + 1)).toBeUndefined();
});
