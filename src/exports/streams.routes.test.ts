// Files over a real connection: a reader who is slow, one who is told that the file broke off, one who leaves, and a stop.
import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import { startApp, type TestApp } from '../../test/support/app.ts';
import { insertCampaign } from '../../test/support/insert-leads.ts';
import { readWorkbook } from '../../test/support/read-workbook.ts';
import { EXPORT_FORMATS } from './export.schema.ts';

const LEADS = 6000;

// More bytes than the buffers between a server and its reader hold, in a form that cannot be packed.
const fill = async ({ db, mine }: TestApp): Promise<void> => {
  const campaign = await insertCampaign(db, mine.account.id);
  await sql`
    insert into leads (account_id, campaign_id, phone_number, variables, status, created_at, updated_at)
    select ${mine.account.id}::bigint, ${campaign}::bigint, '+1202' || lpad(g::text, 7, '0'),
      json_build_object('note', (select string_agg(md5(g::text || ':' || n), '') from generate_series(1, 120) n)), 'created', now(), now()
    from generate_series(1, ${LEADS}::integer) g`.execute(db);
};

const begin = async ({ app, mine }: TestApp, format: string): Promise<IncomingMessage> => {
  if (!app.server.listening) await app.listen({ port: 0 });
  const { port } = app.server.address() as AddressInfo;
  const request = http.get({
    port,
    path: `/api/user/leads/export?format=${format}`,
    headers: { authorization: `Bearer ${mine.token}` },
    agent: false,
  });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return response;
};

describe.each(EXPORT_FORMATS)('%s', (format) => {
  test('waits for its reader, and breaks the connection when it cannot go on', async () => {
    const t = await startApp();
    await fill(t);
    const whole = await buffer(await begin(t, format));
    if (format === 'xlsx') expect(await readWorkbook(whole)).toHaveLength(LEADS + 1);
    else expect(whole.toString().trimEnd().split('\n')).toHaveLength(LEADS + (format === 'csv' ? 1 : 0));

    const response = await begin(t, format);
    response.pause();
    // Time enough to have read it all.
    await sleep(1500);
    await sql`alter table leads rename to leads_elsewhere`.execute(t.db);
    const received: Buffer[] = [];
    const reading = async () => {
      for await (const chunk of response) received.push(chunk);
    };
    await expect(reading()).rejects.toThrow('aborted');
    expect(Buffer.concat(received).length).toBeLessThan(whole.length);
    expect(response.complete).toBe(false);
  });
});

test('a reader who leaves keeps nothing busy, and a stop waits for none who reads slowly', async () => {
  const t = await startApp();
  await fill(t);
  const left = await begin(t, 'csv');
  left.on('error', () => {});
  left.destroy();
  const slow = await begin(t, 'ndjson');
  slow.pause();
  const began = performance.now();
  await t.app.close();
  expect(performance.now() - began).toBeLessThan(8000);
  await expect(buffer(slow)).rejects.toThrow('aborted');
});
