// Every POST of the application, walked by its own list: repeated under an Idempotency-Key it gives the first answer again.
// A new one fails here until somebody says what it can be asked.
import { expect, test } from 'vitest';
import { enqueuePostCall } from '../src/webhooks/webhooks.store.ts';
import { startApp } from './support/app.ts';
import { buildAssistant, buildCampaign, buildLead, buildNumber, nextNumber } from './support/build.ts';
import { insertAssistant } from './support/insert-assistant.ts';
import { insertCall } from './support/insert-calls.ts';

const t = await startApp();
const { api } = t;

interface Asked {
  /** What stands in the path for `:id`. */
  id?: number;
  payload?: object | string;
  headers?: Record<string, string>;
  /** Whether the second answer lacks something on purpose; a test of the route has the rest. */
  lacks?: boolean;
}

const WEBHOOK = { webhook_url: 'https://example.test/hook' };

const callingAssistant = async (): Promise<number> => (await buildAssistant(api, { phone_number_id: (await buildNumber(api)).id })).id;

/** By the end of the path, without ids. */
const ASK: Record<string, () => Promise<Asked>> = {
  'api-keys': async () => ({ payload: { name: 'x' }, lacks: true }),
  lead: async () => ({ payload: { phone_number: nextNumber(), campaign_id: (await buildCampaign(api)).id } }),
  bulk: async () => ({
    payload: { campaign_id: (await buildCampaign(api)).id, leads: [{ phone_number: nextNumber(), external_id: 'a' }] },
  }),
  contacts: async () => ({ id: (await buildLead(api)).id, payload: { phone_number: nextNumber() } }),
  blacklist: async () => ({ payload: { phone_number: nextNumber() } }),
  assistant: async () => {
    let payload: object = {};
    const post: typeof api.post = (path, body) => {
      payload = Object(body);
      return api.post(path, body);
    };
    await buildAssistant({ ...api, post });
    return { payload };
  },
  campaign: async () => ({ payload: { name: 'x', assistant_id: (await buildAssistant(api)).id } }),
  'update-status': async () => {
    const { id } = await buildCampaign(api, { assistant_id: await callingAssistant(), timezone: 'UTC' });
    await buildLead(api, { campaign_id: id });
    return { payload: { campaign_id: id, action: 'start' } };
  },
  'phone-numbers': async () => ({ payload: { phone_number: nextNumber(), nickname: 'Desk' } }),
  rotate: async () => ({}),
  replay: async () => {
    const now = t.clock();
    const assistant = await insertAssistant(t.db, t.mine.account.id, now, { is_webhook_active: true, ...WEBHOOK });
    await enqueuePostCall(t.db, await insertCall(t.db, t.mine.account.id, assistant.id), now);
    const { id } = (await api.get('/api/user/webhooks/deliveries')).body.data[0];
    return { id, payload: { from: new Date(now.getTime() - 1000).toISOString(), to: new Date(now.getTime() + 1000).toISOString() } };
  },
  make_call: async () => ({ payload: { phone_number: '+12025550143', assistant_id: await callingAssistant() } }),
  import: async () => ({
    payload: `--x\r\ncontent-disposition: form-data; name="campaign_id"\r\n\r\n${(await buildCampaign(api)).id}\r\n--x\r\ncontent-disposition: form-data; name="file"; filename="a.csv"\r\n\r\nphone\r\n+12025550143\r\n--x--\r\n`,
    headers: { 'content-type': 'multipart/form-data; boundary=x' },
  }),
  erase: async () => ({ payload: { phone_number: (await buildLead(api)).body.phone_number } }),
  webhook: async () => {
    const { id } = await buildAssistant(api);
    return { id, payload: { assistant_id: id, ...WEBHOOK } };
  },
};
const SPELLED: Record<string, string> = { assistants: 'assistant', campaigns: 'campaign' };

const askOf = (url: string): (() => Promise<Asked>) => {
  const end = url.replace(/^.*\//, '');
  const name = end.endsWith('webhook') ? 'webhook' : (SPELLED[end] ?? end);
  const ask = ASK[name];
  if (ask === undefined) throw new Error(`Say in ASK what ${url} can be asked, so that it can be walked.`);
  return ask;
};

const posts = t.app.routeList.filter(({ method, url }) => method === 'POST' && url.startsWith('/api/'));

test('there are some', () => {
  expect(posts.length).toBeGreaterThan(30);
});

test.each(posts.map(({ url }) => url))('POST %s', async (url) => {
  const { id = 0, payload, headers = {}, lacks = false } = await askOf(url)();
  const send = (key: string) =>
    api.request({
      method: 'POST',
      url: url.replace(':id', String(id)),
      headers: { ...headers, 'idempotency-key': key },
      ...(payload === undefined ? {} : { payload }),
    });
  const unusable = await send('x'.repeat(256));
  expect([unusable.status, unusable.body.message]).toEqual([400, 'The Idempotency-Key header must have 1 to 255 characters.']);

  const first = await send(url);
  expect([200, 201], first.raw).toContain(first.status);
  expect(first.headers['idempotent-replayed']).toBeUndefined();
  for (let round = 0; round < 2; round += 1) {
    const again = await send(url);
    expect([again.status, again.headers['idempotent-replayed']]).toEqual([first.status, 'true']);
    if (!lacks) expect(again.raw).toBe(first.raw);
    expect([again.headers.location, again.headers['content-type']]).toEqual([first.headers.location, first.headers['content-type']]);
  }
  const other = await api.post(
    '/api/user/blacklist',
    { phone_number: nextNumber(), reason: 'another request' },
    { 'idempotency-key': url },
  );
  expect([other.status, other.body.message]).toEqual([409, 'This Idempotency-Key belongs to a request that was different.']);
});
