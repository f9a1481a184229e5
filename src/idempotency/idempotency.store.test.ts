// What a crash leaves behind: everything or nothing.
import { sql } from 'kysely';
import { beforeEach, expect, test } from 'vitest';
import { startApp, type TestApp } from '../../test/support/app.ts';
import type { Db } from '../db/schema.ts';
import { type ActResult, actOnce, createKeyStore } from './idempotency.store.ts';
import { KEY_LIFE_MS } from './idempotency.ts';

let t: TestApp;

beforeEach(async () => {
  t = await startApp();
});

const request = () => ({ accountId: t.mine.account.id, key: 'k', text: 'POST /x' });
const effects = async () => Number((await t.db.selectFrom('decisions').select('id').execute()).length);
const act = async (trx: Db): Promise<ActResult<string>> => {
  const now = t.clock();
  await trx
    .insertInto('decisions')
    .values({ account_id: t.mine.account.id, verdict: 'dial', reason: 'test', facts: '{}', decided_at: now, last_at: now })
    .execute();
  return { answer: { status: 200, response: '{"n":1}', simulated: false } };
};

test('what dies in the act has done nothing, and may be carried out again', async () => {
  const dies = async (trx: Db): Promise<never> => {
    await act(trx);
    throw new Error('power cut');
  };
  for (let round = 0; round < 3; round += 1) await expect(actOnce(t.db, request(), t.clock(), dies)).rejects.toThrow('power cut');
  expect(await effects()).toBe(0);
  expect(await actOnce(t.db, request(), t.clock(), act)).toMatchObject({ kind: 'answered', replayed: false });
  expect(await actOnce(t.db, request(), t.clock(), dies)).toMatchObject({ kind: 'answered', replayed: true });
  expect(await effects()).toBe(1);
});

test('what dies between the act and its key has done nothing', async () => {
  await sql`alter table idempotency_keys add constraint never check (false)`.execute(t.db);
  await expect(actOnce(t.db, request(), t.clock(), act)).rejects.toThrow('never');
  expect(await effects()).toBe(0);
  await sql`alter table idempotency_keys drop constraint never`.execute(t.db);
  expect(await actOnce(t.db, request(), t.clock(), act)).toMatchObject({ kind: 'answered', replayed: false });
});

test('a refusal is committed, and leaves the key free', async () => {
  const refuses = async (trx: Db): Promise<ActResult<string>> => {
    await act(trx);
    return { refusal: 'no' };
  };
  for (let round = 1; round <= 2; round += 1) {
    expect(await actOnce(t.db, request(), t.clock(), refuses)).toEqual({ kind: 'refused', refusal: 'no' });
    expect(await effects()).toBe(round);
  }
});

test('another text with the key is refused before the act', async () => {
  await actOnce(t.db, request(), t.clock(), act);
  expect(await actOnce(t.db, { ...request(), text: 'POST /y' }, t.clock(), act)).toEqual({ kind: 'reused' });
  expect(await effects()).toBe(1);
});

test('while the first is still running a second is told so, at once', async () => {
  let go = (): void => {};
  const held = new Promise<void>((resolve) => {
    go = resolve;
  });
  let began = (): void => {};
  const beginning = new Promise<void>((resolve) => {
    began = resolve;
  });
  const first = actOnce(t.db, request(), t.clock(), async (trx) => {
    began();
    await held;
    return act(trx);
  });
  await beginning;
  expect(await actOnce(t.db, request(), t.clock(), act)).toEqual({ kind: 'busy' });
  expect(await actOnce(t.db, { ...request(), text: 'POST /y' }, t.clock(), act)).toEqual({ kind: 'busy' });
  expect(await actOnce(t.db, { ...request(), key: 'other' }, t.clock(), act)).toMatchObject({ kind: 'answered' });
  go();
  await first;
  expect(await actOnce(t.db, request(), t.clock(), act)).toMatchObject({ kind: 'answered', replayed: true });
});

test('a run that ends after its key has passed to another one leaves that alone', async () => {
  const keys = createKeyStore(t.db);
  const begunAt = t.clock();
  expect(await keys.begin(request(), begunAt)).toEqual({ kind: 'begun' });
  expect(await keys.begin(request(), begunAt)).toEqual({ kind: 'running' });
  t.clock.advance(KEY_LIFE_MS);
  const later = t.clock();
  expect(await keys.begin(request(), later)).toEqual({ kind: 'begun' });
  for (const kind of ['refused', 'unknown'] as const) await keys.settle(request(), begunAt, { kind });
  expect(await keys.begin(request(), later)).toEqual({ kind: 'running' });
  const answer = { status: 201, response: '{}', headers: { location: '/x' } };
  await keys.settle(request(), later, { kind: 'finished', answer });
  await keys.settle(request(), later, { kind: 'refused' });
  expect(await keys.begin(request(), later)).toEqual({ kind: 'finished', answer });
});
