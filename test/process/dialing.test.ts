// The whole product in a process of its own: leads in, calls made, a signed webhook out, within seconds.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { afterEach, expect, test } from 'vitest';
import { migratedFolder, serve, stop } from './outdial.ts';

interface Received {
  headers: Record<string, string>;
  body: string;
  at: number;
}

const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

const startReceiver = async (): Promise<{ url: string; received: Received[] }> => {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      received.push({ headers: request.headers as Record<string, string>, body, at: Date.now() });
      response.end('ok');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stops.push(() => new Promise((resolve) => server.close(resolve)));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, received };
};

const until = async (what: string, done: () => boolean | Promise<boolean>): Promise<void> => {
  for (let waited = 0; waited < 30_000; waited += 50) {
    if (await done()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${what}: not within 30 seconds`);
};

test('a lead is called within two seconds of the start, and the webhook that follows is signed', async () => {
  const { url: hook, received } = await startReceiver();
  const server = await serve({ DATA_DIR: migratedFolder(), WEBHOOK_ALLOW_PRIVATE: '1' });
  stops.push(() => stop(server));
  // biome-ignore lint/suspicious/noExplicitAny: looks into answers whose shapes other tests check.
  const call = async (method: string, path: string, body?: object): Promise<any> => {
    const response = await fetch(`${server.url}/api/user${path}`, {
      method,
      headers: { authorization: `Bearer ${server.key}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer = await response.json();
    if (!response.ok) throw new Error(`${path}: ${response.status} ${JSON.stringify(answer)}`);
    return answer;
  };
  const number = (await call('POST', '/phone-numbers', { phone_number: '+12025550100' })).data.id;
  const [voice] = await call('GET', '/assistants/voices?mode=pipeline');
  const [model] = await call('GET', '/assistants/models?type=llm');
  const assistant = await call('POST', '/assistant', {
    name: 'Renewal desk',
    type: 'outbound',
    mode: 'pipeline',
    voice_id: voice.id,
    language_id: voice.language_id,
    llm_model_id: model.id,
    timezone: 'UTC',
    initial_message: 'Hello.',
    system_prompt: 'Ask.',
    is_webhook_active: true,
    webhook_url: hook,
    send_webhook_only_on_completed: false,
  });
  const campaign = await call('POST', '/campaign', { name: 'Spring', assistant_id: assistant.data.id, phone_number_ids: [number] });
  // One is reached, one is not and waits for its retry.
  const reached = await call('POST', '/lead', { campaign_id: campaign.data.id, phone_number: '+12025550101' });
  const missed = await call('POST', '/lead', { campaign_id: campaign.data.id, phone_number: '+12025550160' });
  const started = Date.now();
  await call('POST', '/campaigns/update-status', { campaign_id: campaign.data.id, action: 'start' });
  await until('a call', async () => (await call('GET', '/calls')).total > 0);
  expect(Date.now() - started).toBeLessThan(2000);
  await until('both leads settled', async () => {
    const statuses = [await call('GET', `/leads/${reached.data.id}`), await call('GET', `/leads/${missed.data.id}`)].map(
      ({ status }) => status,
    );
    return JSON.stringify(statuses) === '["completed","rescheduled"]';
  });
  await until('both webhooks', () => received.length === 2);
  const { secret } = await call('GET', '/webhooks/secret');
  for (const { body, headers } of received) {
    const payload = new Webhook(secret).verify(body, headers) as { id: number; status: string; lead: { id: number; call_tries: number } };
    expect(payload.lead.call_tries).toBe(1);
    expect(await call('GET', `/calls/${payload.id}`)).toMatchObject({ id: payload.id, status: payload.status });
  }
  const told = received.map(({ body }) => JSON.parse(body)).map(({ lead, status }) => [lead.id, status]);
  expect(told.sort()).toEqual([
    [reached.data.id, 'completed'],
    [missed.data.id, 'no-answer'],
  ]);
});
