// Idempotency-Key and kill -9: whatever dies in whatever middle, a repeated request has at most one effect, and the answer to
// its repetition is true.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { startApp, type TestApp } from '../support/app.ts';
import { buildCampaign } from '../support/build.ts';
import { closeLater } from '../support/closing.ts';

const SERVER = fileURLToPath(new URL('../support/keyed-server.ts', import.meta.url));

interface Life {
  child: ChildProcess;
  url: string;
}

const live = async (t: TestApp): Promise<Life> => {
  const child = spawn(process.execPath, [SERVER, t.database.url ?? ''], { stdio: ['ignore', 'pipe', 'inherit'] });
  closeLater(() => child.kill('SIGKILL'));
  const [line] = await once(child.stdout, 'data');
  return { child, url: String(line).trim() };
};

const kill = async ({ child }: Life): Promise<void> => {
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  expect(await ended).toEqual([null, 'SIGKILL']);
};

interface Answered {
  status: number;
  replayed: string | null;
  raw: string;
}

const phoneOf = (key: number): string => `+1202555${String(1000 + key)}`;

// Undefined where no answer came.
const add = async (t: TestApp, { url }: Life, campaign: number, key: number): Promise<Answered | undefined> => {
  try {
    const answer = await fetch(`${url}/api/user/lead`, {
      method: 'POST',
      headers: { authorization: `Bearer ${t.mine.token}`, 'content-type': 'application/json', 'idempotency-key': String(key) },
      // No other rule than the key keeps a second lead away.
      body: JSON.stringify({ phone_number: phoneOf(key), campaign_id: campaign, allow_dupplicate: true }),
    });
    return { status: answer.status, replayed: answer.headers.get('idempotent-replayed'), raw: await answer.text() };
  } catch {
    return undefined;
  }
};

const leadsOf = async (t: TestApp, key: number): Promise<number> =>
  (await t.db.selectFrom('leads').select('id').where('phone_number', '=', phoneOf(key)).execute()).length;

test('killed while a request waits for the database: its key is 409 from then on, and nothing is done twice', async () => {
  const t = await startApp();
  const { id: campaign } = await buildCampaign(t.api);
  const first = await live(t);
  let asked: Promise<Answered | undefined> | undefined;
  await t.db.transaction().execute(async (trx) => {
    await sql`lock table leads in exclusive mode`.execute(trx);
    asked = add(t, first, campaign, 1);
    while ((await t.db.selectFrom('idempotency_keys').select('state').execute()).length === 0) await pause(10);
    await pause(100);
    await kill(first);
  });
  expect(await asked).toBeUndefined();
  const second = await live(t);
  await pause(200);
  const done = await leadsOf(t, 1);
  expect(done).toBeLessThanOrEqual(1);
  for (let round = 0; round < 3; round += 1) {
    const again = await add(t, second, campaign, 1);
    expect([again?.status, again?.raw]).toEqual([409, expect.stringContaining('still running, or broke off, so it is not run again')]);
  }
  expect(await leadsOf(t, 1)).toBe(done);
  expect((await add(t, second, campaign, 2))?.status).toBe(200);
});

test('killed at any instant, again and again: no key has two effects, and no answer is false', async () => {
  const t = await startApp();
  const { id: campaign } = await buildCampaign(t.api);
  const answers = new Map<number, string>();
  const seen = { lost: 0, replayed: 0, stuck: 0 };
  let server = await live(t);
  let next = 0;
  for (let life = 0; life < 6; life += 1) {
    const keys = Array.from({ length: 60 }, () => next++);
    const asked = keys.map(async (key) => ({ key, answer: await add(t, server, campaign, key) }));
    if (life > 0) await pause(20 * life);
    else await asked[0];
    await kill(server);
    for (const { key, answer } of await Promise.all(asked)) {
      if (answer === undefined) seen.lost += 1;
      else if (answer.status === 200) answers.set(key, answer.raw);
    }
    server = await live(t);
    for (const key of keys) {
      const again = await add(t, server, campaign, key);
      expect([200, 409]).toContain(again?.status);
      const count = await leadsOf(t, key);
      expect(count).toBeLessThanOrEqual(1);
      if (again?.status === 200) expect(count).toBe(1);
      if (answers.has(key)) expect([again?.status, again?.replayed, again?.raw]).toEqual([200, 'true', answers.get(key)]);
      if (again?.replayed === 'true') seen.replayed += 1;
      if (again?.status === 409) seen.stuck += 1;
    }
  }
  // The kills have met requests before, in and after their middle.
  expect(Math.min(...Object.values(seen)), JSON.stringify(seen)).toBeGreaterThan(0);
});
