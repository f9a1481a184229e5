// A process that is frozen within a claim: the server undoes what it had begun, others go on, and so does it when it thaws.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { givenClock } from '../../src/dialer/lease.store.ts';
import { createSqlLedger } from '../../src/dialer/sql-ledger.store.ts';
import { startApp } from '../support/app.ts';
import { buildAssistant, buildCampaign, buildLead, buildNumber } from '../support/build.ts';
import { TERMS } from '../support/claim-terms.ts';
import { closeLater } from '../support/closing.ts';

const PAUSE = 3000;

const at = (file: string) => JSON.stringify(new URL(`../../src/${file}`, import.meta.url).href);

// Holds what a claim holds, says so, and thinks for a moment: there it is frozen. Then it claims in earnest.
const PROGRAM = `
  import { openDatabase } from ${at('db/open.ts')};
  import { claimDue } from ${at('dialer/claim.store.ts')};
  import { holdClaimFacts } from ${at('dialer/claim-facts.store.ts')};
  import { givenClock } from ${at('dialer/lease.store.ts')};
  const { campaign, terms, now, url } = JSON.parse(process.env.GIVEN);
  const at = new Date(now);
  const say = (text) => process.stdout.write(text + '\\n');
  const source = { kind: 'server', url, longestPauseMs: ${PAUSE}, onIdleError: ({ code }) => say('lost ' + code) };
  const { db, close } = await openDatabase(source);
  try {
    await db.transaction().execute(async (trx) => {
      await holdClaimFacts(trx, campaign, terms, at);
      say('held');
      await new Promise((resolve) => process.stdin.once('data', resolve));
      await trx.selectFrom('leads').select('id').execute();
    });
    say('kept');
  } catch {
    say('failed');
  }
  const { reserved, refused } = await claimDue(db, givenClock, campaign, terms, at);
  say('then ' + (refused ?? reserved.length));
  await close();
  process.exit();`;

test('a process that is frozen within a claim holds up the others for a moment only, and goes on when it thaws', async () => {
  const t = await startApp();
  const assistant = await buildAssistant(t.api, { phone_number_id: (await buildNumber(t.api)).id });
  const { id: campaign } = await buildCampaign(t.api, { assistant_id: assistant.id, timezone: 'UTC', mark_complete_when_no_leads: false });
  await buildLead(t.api, { campaign_id: campaign });
  const move = (action: string) => t.api.post('/api/user/campaigns/update-status', { campaign_id: campaign, action });
  expect((await move('start')).status).toBe(200);

  const given = JSON.stringify({ campaign, terms: TERMS, now: t.clock(), url: t.database.url });
  const child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM], {
    env: { ...process.env, GIVEN: given },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  closeLater(() => child.kill('SIGKILL'));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<string> => String((await lines.next()).value);
  expect(await next()).toBe('held');
  child.kill('SIGSTOP');

  const ledger = createSqlLedger(t.db, { clock: givenClock, sendingMs: 20_000, reportWaitMs: 60_000, tell: async () => {} });
  // Busy: nothing to be had, and no reason to be told.
  expect(await ledger.claim(campaign, TERMS, t.clock())).toMatchObject({ reserved: [], refused: undefined, again: expect.any(Date) });
  // A person's stop waits for the claim, and no longer than that lives.
  expect((await move('stop')).status).toBe(200);
  expect((await move('start')).status).toBe(200);
  const { reserved } = await ledger.claim(campaign, TERMS, t.clock());
  expect(reserved).toHaveLength(1);

  child.stdin.write('go on\n');
  child.kill('SIGCONT');
  expect([await next(), await next(), await next()]).toEqual(['lost 25P03', 'failed', 'then 0']);
}, 60_000);

test('every connection has a bound to its pauses, and notices that the other end is gone', async () => {
  const t = await startApp();
  const { rows } = await sql<{ pause: string; idle: string }>`
    select current_setting('idle_in_transaction_session_timeout') as pause, current_setting('tcp_keepalives_idle') as idle`.execute(t.db);
  expect(rows[0]).toEqual({ pause: '15s', idle: '10' });
});
