// A campaign is in progress and nobody claims: the log says so, a number, and its history; and it ends by itself.
import { sql } from 'kysely';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { createMonitor, type Monitor } from '../../src/monitoring/monitor.ts';
import { createWatch, type Watch } from '../../src/monitoring/watch.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { buildAssistant, buildCampaign, buildLead, buildNumber } from '../support/build.ts';
import { closeLater } from '../support/closing.ts';
import { startDialing } from '../support/dialing.ts';
import { keepLog, type LogLine } from '../support/running-server.ts';

const MINUTE = 60_000;

let t: TestApp;
let campaign: number;
let lead: number;
let watch: Watch;
let lines: LogLine[];

const watching = (): Watch => {
  const kept = keepLog();
  lines = kept.lines;
  return createWatch({ db: t.db, clock: t.clock, log: kept.log });
};

const start = async (fields: object = {}): Promise<void> => {
  const assistant = await buildAssistant(t.api, { phone_number_id: (await buildNumber(t.api)).id });
  campaign = (await buildCampaign(t.api, { assistant_id: assistant.id, timezone: 'UTC', mark_complete_when_no_leads: false, ...fields }))
    .id;
  lead = (await buildLead(t.api, { campaign_id: campaign })).id;
  const { status } = await t.api.post('/api/user/campaigns/update-status', { campaign_id: campaign, action: 'start' });
  expect(status).toBe(200);
};

// As a dialer does after its rounds.
const beat = (carrier = 'simulated') =>
  sql`
    insert into dialers (worker, carrier, beat_at) values ('w', ${carrier}, clock_timestamp())
    on conflict (worker) do update set beat_at = clock_timestamp()`.execute(t.db);
const die = () => sql`update dialers set beat_at = clock_timestamp() - interval '31 seconds'`.execute(t.db);

interface Row {
  reason: string;
  times: number;
  of: string;
  facts: Record<string, unknown>;
}
const history = async (): Promise<Row[]> => {
  const { body } = await t.api.get(`/api/user/leads/${lead}/history`);
  return body.data.filter(({ kind }: { kind: string }) => kind === 'decision');
};
const reasons = async (): Promise<string[]> => (await history()).map(({ reason, times, of }) => `${of} ${reason} ${times}`);

/** Two looks, as far apart as looks are. */
const lookTwice = async (): Promise<void> => {
  await watch.look();
  t.clock.advance(10_000);
  await watch.look();
};

beforeEach(async () => {
  t = await startApp();
  watch = watching();
});

describe('without a dialer', () => {
  beforeEach(() => start());

  test('the log, the number and the history say so, once; repetitions count up; a dialer ends it', async () => {
    t.clock.advance(MINUTE);
    await watch.look();
    expect(watch.counts()).toEqual({ no_dialer: 1, not_claimed: 0 });
    expect(await reasons()).toEqual(['campaign no_dialer 1']);
    expect((await history())[0]?.facts).toMatchObject({ last_sign_at: null });
    await watch.look();
    expect(await reasons()).toEqual(['campaign no_dialer 1']);
    t.clock.advance(MINUTE);
    await watch.look();
    expect(await reasons()).toEqual(['campaign no_dialer 2']);
    expect(lines.map(({ msg, level, campaignIds }) => [msg, level, campaignIds])).toEqual([
      ['campaigns are in progress and nobody calls: no dialer works', 40, [campaign]],
    ]);
    expect(JSON.stringify(lines)).not.toContain('+1202555');
    await beat();
    await watch.look();
    expect(watch.counts()).toEqual({ no_dialer: 0, not_claimed: 0 });
    expect(await reasons()).toEqual(['campaign no_dialer 2']);
    expect(lines.map(({ msg }) => msg).slice(1)).toEqual(['campaigns are claimed for again']);
    // The next time is another row.
    await die();
    await watch.look();
    expect(await reasons()).toEqual(['campaign no_dialer 1', 'campaign no_dialer 2']);
  });

  test('who has only just become due may wait', async () => {
    t.clock.advance(MINUTE / 3);
    await watch.look();
    expect(watch.counts().no_dialer).toBe(0);
  });

  test('several watches at once write one row', async () => {
    t.clock.advance(MINUTE);
    await Promise.all([watch, watching(), watching(), watching()].map((one) => one.look()));
    expect(await reasons()).toEqual(['campaign no_dialer 1']);
  });

  test('a campaign whose row somebody holds is told, and nobody waits for it', async () => {
    t.clock.advance(MINUTE);
    await t.db.transaction().execute(async (trx) => {
      await sql`update campaigns set name = name where id = ${campaign}`.execute(trx);
      await watch.look();
      expect(await reasons()).toEqual(['campaign no_dialer 1']);
    });
  });

  test('a stopped campaign is nobody’s to claim', async () => {
    t.clock.advance(MINUTE);
    await t.api.post('/api/user/campaigns/update-status', { campaign_id: campaign, action: 'stop' });
    await watch.look();
    expect(watch.counts().no_dialer).toBe(0);
  });
});

test('outside of its window a campaign without a dialer is in order', async () => {
  await start({ allowed_hours_start_time: '20:00', allowed_hours_end_time: '21:00' });
  t.clock.advance(MINUTE);
  await watch.look();
  expect(watch.counts().no_dialer).toBe(0);
  expect(await reasons()).toEqual([]);
});

describe('with a dialer that lives', () => {
  beforeEach(async () => {
    await start();
    t.clock.advance(6 * MINUTE);
    await beat();
  });

  test('and does not come to the campaign', async () => {
    await watch.look();
    expect(watch.counts().not_claimed).toBe(0);
    t.clock.advance(10_000);
    await watch.look();
    expect(watch.counts()).toEqual({ no_dialer: 0, not_claimed: 1 });
    expect(await reasons()).toEqual(['campaign not_claimed 1']);
    expect(lines.map(({ msg, campaignIds }) => [msg, campaignIds])).toEqual([
      ['campaigns are in progress and no dialer claims for them', [campaign]],
    ]);
  });

  test('and whose lines are full', async () => {
    await sql`update accounts set max_parallel_calls = 1`.execute(t.db);
    await sql`
      insert into calls (account_id, assistant_id, campaign_id, state, status, phone_number, caller_number, carrier, simulated, worker,
        variables, created_at, updated_at)
      select account_id, assistant_id, null, 'live', 'initiated', '+12025550199', '+12025550198', 'simulated', true, 'w', '{}',
        created_at, created_at from campaigns where id = ${campaign}`.execute(t.db);
    await lookTwice();
    expect(watch.counts().not_claimed).toBe(0);
  });

  test('and whose carrier is left alone', async () => {
    await sql`insert into carrier_pauses values ('simulated', 3, '503', ${new Date(t.clock().getTime() + MINUTE)})`.execute(t.db);
    await lookTwice();
    expect(watch.counts().not_claimed).toBe(0);
  });

  test('and that said a moment ago why it does not call', async () => {
    const refused = { account_id: t.mine.account.id, campaign_id: campaign, verdict: 'refuse' as const, facts: '{}' };
    const at = t.clock();
    await t.db
      .insertInto('decisions')
      .values({ ...refused, reason: 'campaign_rate', decided_at: at, last_at: at })
      .execute();
    await lookTwice();
    expect(watch.counts().not_claimed).toBe(0);
    t.clock.advance(6 * MINUTE);
    await lookTwice();
    expect(watch.counts().not_claimed).toBe(1);
  });
});

test('a dialer at work is no silence, nor is a campaign in which it is held up by nobody', async () => {
  await start();
  for (let index = 0; index < 5; index += 1) await buildLead(t.api, { campaign_id: campaign });
  const dialing = await startDialing(t, { settings: { rates: { campaign: 1, number: 1, carrier: 1 } } });
  for (let minute = 0; minute < 8; minute += 1) {
    await dialing.pass(MINUTE);
    await beat();
    await watch.look();
    expect(watch.counts()).toEqual({ no_dialer: 0, not_claimed: 0 });
  }
});

test('whoever serves the API or delivers watches by itself: the metric and the readiness show it; who only dials does not', async () => {
  await start();
  t.clock.advance(MINUTE);
  const begin = async (role: 'api' | 'worker' | 'dialer'): Promise<Monitor> => {
    const { log } = keepLog();
    const metricsAt = { host: '127.0.0.1', port: 0 };
    const monitor = createMonitor({ db: t.db, clock: t.clock, log, role, metricsAt, pool: undefined, firstLookMs: 0 });
    closeLater(monitor.stop);
    await monitor.start();
    return monitor;
  };
  const metric = async (monitor: Monitor): Promise<string | undefined> => {
    const text = await (await fetch(monitor.metricsUrl() ?? '')).text();
    return /^outdial_campaigns_unclaimed\{reason="no_dialer"\} (\d+)$/m.exec(text)?.[1];
  };
  const [api, worker, dialer] = await Promise.all([begin('api'), begin('worker'), begin('dialer')]);
  for (const monitor of [api, worker]) {
    await vi.waitFor(async () => expect(await metric(monitor)).toBe('1'), { timeout: 10_000 });
    const { ready, checks } = await monitor.readiness();
    expect([ready, checks.campaigns]).toMatchObject([true, { ok: false, required: false, figures: { unclaimed: 1 } }]);
  }
  expect(await metric(dialer)).toBeUndefined();
  expect(await reasons()).toEqual(['campaign no_dialer 1']);
});
