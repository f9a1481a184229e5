// The kept counts after kill -9: a process that changes leads dies in the middle of it, and every total is a plain count.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { recountLeads } from '../../src/leads/recount.store.ts';
import { startApp } from '../support/app.ts';
import { checkTotals } from '../support/check-totals.ts';
import { closeLater } from '../support/closing.ts';
import { insertCampaign } from '../support/insert-leads.ts';

const WRITER = fileURLToPath(new URL('../support/count-writer.ts', import.meta.url));

test('five lives of a process that writes, each killed in the middle', async () => {
  const t = await startApp();
  const { id: accountId } = t.mine.account;
  const campaigns = [await insertCampaign(t.db, accountId), await insertCampaign(t.db, accountId)];
  let leads = 0;
  for (let life = 0; life < 5; life += 1) {
    const args = [WRITER, t.database.url ?? '', ...[accountId, ...campaigns].map(String)];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    closeLater(() => child.kill('SIGKILL'));
    await once(child.stdout, 'data');
    await pause(40 * (life + 1));
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    expect(await ended).toEqual([null, 'SIGKILL']);
    await checkTotals(t.db, [accountId]);
    const { total } = (await t.api.get('/api/user/leads')).body;
    expect(total).toBeGreaterThan(leads);
    leads = total;
  }
  expect(await recountLeads(t.db)).toEqual({ totals: 0, cells: 0 });
});
