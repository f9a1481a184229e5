import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createCaller, startApp, type TestApp } from '../../test/support/app.ts';
import { START } from '../../test/support/clock.ts';
import { insertAssistant } from '../../test/support/insert-assistant.ts';
import { insertCall } from '../../test/support/insert-calls.ts';
import { startReceiver } from '../../test/support/receiver.ts';
import { givenClock } from '../dialer/lease.store.ts';
import { claimMessages } from './claim.store.ts';
import { deliver } from './deliver.ts';
import { enqueuePostCalls } from './webhooks.store.ts';

let t: TestApp;
beforeAll(async () => {
  t = await startApp();
});
beforeEach(async () => {
  t.clock.set(START);
  t.mine = await createCaller(t.app, t.db, t.clock, 'Mine');
  t.other = await createCaller(t.app, t.db, t.clock, 'Other');
});

const ended = async (caller = t.mine, url = 'https://hooks.example.test/after-call'): Promise<{ call: number; id: number }> => {
  const assistant = await insertAssistant(t.db, caller.account.id, t.clock(), { is_webhook_active: true, webhook_url: url });
  const call = await insertCall(t.db, caller.account.id, assistant.id);
  await enqueuePostCalls(t.db, [call], t.clock());
  return { call, id: (await caller.get(`/api/user/webhooks/deliveries?call_id=${call}`)).body.data[0].id };
};
/** An attempt on this one alone: others that are due stay as they were. */
const attempt = async (id: number): Promise<void> => {
  const { claimed } = await claimMessages(t.db, givenClock, { limit: 999, perGroup: 999, perAccount: 999, held: [] }, t.clock());
  const message = claimed.find((one) => one.id === id);
  for (const other of claimed.filter((one) => one !== message)) {
    const before = { attempts: other.attempts - 1, lease_until: null };
    await t.db.updateTable('webhook_messages').set(before).where('id', '=', other.id).execute();
  }
  if (message !== undefined) await deliver({ db: t.db, clock: t.clock, allowPrivate: true }, message, new AbortController().signal);
};

describe('the secret', () => {
  test('is made when it is asked for, stays, and is the account’s own', async () => {
    const first = await t.mine.get('/api/user/webhooks/secret');
    expect(first.body).toEqual({
      secret: expect.stringMatching(/^whsec_/),
      created_at: '2026-03-02T08:15:40.000000Z',
      previous_expires_at: null,
    });
    expect(first.headers['cache-control']).toBe('no-store');
    t.clock.advance(60_000);
    expect((await t.mine.get('/api/user/webhooks/secret')).body).toEqual(first.body);
    expect((await t.other.get('/api/user/webhooks/secret')).body.secret).not.toBe(first.body.secret);
  });

  test('is rotated, before it was ever asked for too', async () => {
    const first = await t.mine.post('/api/user/webhooks/secret/rotate');
    expect(first).toMatchObject({ status: 200, body: { message: 'Signing secret rotated', data: { previous_expires_at: null } } });
    t.clock.advance(60_000);
    const second = (await t.mine.post('/api/user/webhooks/secret/rotate')).body.data;
    expect(second).toMatchObject({ created_at: '2026-03-02T08:16:40.000000Z', previous_expires_at: '2026-03-03T08:16:40.000000Z' });
    expect(second.secret).not.toBe(first.body.data.secret);
    t.clock.advance(24 * 3_600_000);
    expect((await t.mine.get('/api/user/webhooks/secret')).body).toEqual({ ...second, previous_expires_at: null });
  });
});

describe('the deliveries', () => {
  test('are paged, the newest first, and filtered', async () => {
    const made = [await ended(), await ended(), await ended()];
    await ended(t.other);
    const list = async (query = '') => {
      const { body } = await t.mine.get(`/api/user/webhooks/deliveries${query}`);
      return { total: body.total, ids: body.data.map(({ id }: { id: number }) => id) };
    };
    const ids = made.map(({ id }) => id).reverse();
    expect(await list()).toEqual({ total: 3, ids });
    expect(await list('?per_page=2&page=2')).toEqual({ total: 3, ids: ids.slice(2) });
    expect(await list('?page=99')).toEqual({ total: 3, ids: [] });
    expect(await list(`?call_id=${made[1]?.call}`)).toEqual({ total: 1, ids: [made[1]?.id] });
    expect(await list('?state=pending')).toEqual({ total: 3, ids });
    expect(await list('?state=failed')).toEqual({ total: 0, ids: [] });
    for (const query of ['?state=lost', '?call_id=x', '?per_page=101']) {
      expect((await t.mine.get(`/api/user/webhooks/deliveries${query}`)).status, query).toBe(422);
    }
  });

  test('show their text and every attempt', async () => {
    const receiver = await startReceiver((response, count) => response.writeHead(count === 1 ? 500 : 200).end(`answer ${count}`));
    const { id, call } = await ended(t.mine, receiver.url);
    await attempt(id);
    t.clock.advance(30_000);
    await attempt(id);
    const { body } = await t.mine.get(`/api/user/webhooks/deliveries/${id}`);
    expect(body).toMatchObject({ id, call_id: call, event: 'post_call', url: receiver.url, state: 'delivered', attempts: 2 });
    expect(JSON.stringify(body.payload)).toBe(receiver.seen[0]?.body);
    expect(body.log).toEqual([
      {
        attempt: 1,
        at: '2026-03-02T08:15:40.000000Z',
        url: receiver.url,
        request_headers: expect.objectContaining({ 'webhook-id': body.webhook_id }),
        status: 500,
        response_body: 'answer 1',
        error: null,
        duration_ms: expect.any(Number),
      },
      expect.objectContaining({ attempt: 2, status: 200, response_body: 'answer 2' }),
    ]);
  });

  test('of a call that was deleted are still listed, without their text, and are not sent again', async () => {
    const receiver = await startReceiver((response) => response.end('You sent me: +12025550143'));
    const [sent, waiting] = [await ended(t.mine, receiver.url), await ended(t.mine, receiver.url)];
    await attempt(sent.id);
    t.clock.advance(1000);
    for (const { call } of [sent, waiting]) expect((await t.mine.delete(`/api/user/calls/${call}`)).status).toBe(200);
    const { body } = await t.mine.get('/api/user/webhooks/deliveries');
    expect(body.data).toMatchObject([
      { id: waiting.id, call_id: waiting.call, state: 'cancelled', attempts: 0, next_attempt_at: null },
      { id: sent.id, call_id: sent.call, state: 'delivered', attempts: 1, next_attempt_at: null },
    ]);
    expect((await t.mine.get('/api/user/webhooks/deliveries?state=cancelled')).body.data).toHaveLength(1);
    const detail = await t.mine.get(`/api/user/webhooks/deliveries/${sent.id}`);
    expect(detail.body).toMatchObject({ state: 'delivered', payload: null, log: [{ attempt: 1, status: 200, response_body: null }] });
    expect((await t.mine.get(`/api/user/webhooks/deliveries/${waiting.id}`)).body).toMatchObject({ payload: null, log: [] });
    for (const { id } of [sent, waiting]) {
      const refused = await t.mine.post(`/api/user/webhooks/deliveries/${id}/replay`);
      expect([refused.status, refused.body.errors]).toEqual([422, { id: ['There is nothing to send again: the call was deleted.'] }]);
    }
    const day = { from: '2026-03-02T00:00:00Z', to: '2026-03-03T00:00:00Z' };
    expect((await t.mine.post('/api/user/webhooks/replay', day)).body.data).toEqual({ replayed: 0 });
    for (const { id } of [sent, waiting]) await attempt(id);
    expect(receiver.seen).toHaveLength(1);
  });

  test('of others are none', async () => {
    const { id } = await ended(t.other);
    for (const path of [`deliveries/${id}`, 'deliveries/987654321', 'deliveries/abc', 'deliveries/9223372036854775808']) {
      expect((await t.mine.get(`/api/user/webhooks/${path}`)).body).toEqual({ message: 'Delivery not found' });
      expect((await t.mine.post(`/api/user/webhooks/${path}/replay`)).status).toBe(404);
    }
  });
});

describe('replay', () => {
  test('of one, whatever became of it', async () => {
    const receiver = await startReceiver();
    const { id } = await ended(t.mine, receiver.url);
    await attempt(id);
    t.clock.advance(5000);
    const { body } = await t.mine.post(`/api/user/webhooks/deliveries/${id}/replay`);
    expect(body).toMatchObject({
      message: 'Delivery will be sent again',
      data: { id, state: 'pending', attempts: 1, next_attempt_at: '2026-03-02T08:15:45.000000Z' },
    });
    await attempt(id);
    expect(receiver.seen).toHaveLength(2);
  });

  test('of a time: from, but not to; those that are done; the account’s own', async () => {
    const receiver = await startReceiver((response, count) => response.writeHead(count === 1 ? 410 : 200).end());
    const all: number[] = [];
    for (let i = 0; i < 4; i++) {
      all.push((await ended(t.mine, receiver.url)).id);
      t.clock.advance(60_000);
    }
    const foreign = (await ended(t.other, receiver.url)).id;
    // The first fails, the fourth stays pending.
    for (const id of [...all.slice(0, 3), foreign]) await attempt(id);
    const replay = async (body: object) => (await t.mine.post('/api/user/webhooks/replay', body)).body.data?.replayed;
    const day = { from: '2026-03-02T00:00:00Z', to: '2026-03-03T00:00:00+00:00' };
    expect(await replay({ ...day, to: '2026-03-02T08:15:40Z' })).toBe(0);
    expect(await replay({ ...day, state: 'failed' })).toBe(1);
    expect(await replay({ from: '2026-03-02T10:16:40+02:00', to: '2026-03-02T08:17:40.000Z' })).toBe(1);
    expect(await replay(day)).toBe(1);
    expect(await replay(day)).toBe(0);
    const states = await t.db
      .selectFrom('webhook_messages')
      .select(['id', 'state'])
      .where('id', 'in', [...all, foreign])
      .execute();
    expect(new Map(states.map(({ id, state }) => [id, state]))).toEqual(
      new Map([...all.map((id) => [id, 'pending']), [foreign, 'delivered']] as never),
    );
  });

  test.each([
    [{}, { from: ['The from field is required.'], to: ['The to field is required.'] }],
    [
      { from: 'yesterday', to: '2026-03-02' },
      { from: [expect.stringContaining('ISO 8601')], to: [expect.stringContaining('ISO 8601')] },
    ],
    [{ from: '2026-03-02T00:00:00Z', to: '2026-03-02T00:00:00Z' }, { to: ['The to field must be a time after from.'] }],
    [{ from: '2026-12-31T23:59:60Z', to: '2027-01-01T00:00:00Z' }, { from: ['The from field must be a valid date and time.'] }],
    [{ from: '2026-03-02T00:00:00Z', to: '2026-03-03T00:00:00Z', state: 'pending' }, { state: ['The selected state is invalid.'] }],
    [{ from: '0001-01-01T00:00:00Z', to: '9999-12-31T23:59:59Z' }, undefined],
    [{ from: '0000-01-01T00:00:00Z', to: '9999-12-31T23:59:59Z' }, { from: ['The from field must be a valid date and time.'] }],
    [{ from: '2026-03-02T00:00:00Z', to: '9999-12-31T23:59:59-12:00' }, { to: ['The to field must be a valid date and time.'] }],
    [
      { from: 5, to: null },
      { from: ['The from field must be a string.'], to: ['The to field is required.'] },
    ],
  ])('of a time that is none (%#)', async (body, errors) => {
    const answer = await t.mine.post('/api/user/webhooks/replay', body);
    expect(answer.status, answer.raw).toBe(errors === undefined ? 200 : 422);
    if (errors !== undefined) expect(answer.body.errors).toEqual(errors);
  });
});
