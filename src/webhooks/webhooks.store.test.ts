import { sql } from 'kysely';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { createClock, type TestClock } from '../../test/support/clock.ts';
import { freshDatabase } from '../../test/support/db.ts';
import { insertAssistant } from '../../test/support/insert-assistant.ts';
import { insertCall } from '../../test/support/insert-calls.ts';
import { insertCampaign, insertLead } from '../../test/support/insert-leads.ts';
import { insertAccount } from '../accounts/accounts.store.ts';
import type { Db } from '../db/schema.ts';
import { enqueuePostCall, enqueuePostCalls } from './webhooks.store.ts';

const URL_OF_HOOK = 'https://hooks.example.test:8443/after-call';

let db: Db;
let clock: TestClock;
let account: number;
let assistant: number;

beforeAll(async () => {
  ({ db } = await freshDatabase());
});

beforeEach(async () => {
  await sql`delete from accounts`.execute(db);
  clock = createClock();
  account = (await insertAccount(db, { name: 'Mine', email: 'mine@example.test' }, clock())).id;
  assistant = (await insertAssistant(db, account, clock(), { is_webhook_active: true, webhook_url: URL_OF_HOOK })).id;
});

const call = (fields: Parameters<typeof insertCall>[3] = {}) => insertCall(db, account, assistant, fields);
const messages = () => db.selectFrom('webhook_messages').selectAll().orderBy('id').execute();
test('a call that has ended is enqueued once', async () => {
  const id = await call();
  await db.transaction().execute((trx) => enqueuePostCall(trx, id, clock()));
  clock.advance(5000);
  await enqueuePostCalls(db, [id, id], clock());
  const [message, ...more] = await messages();
  expect(more).toEqual([]);
  expect(message).toMatchObject({
    account_id: account,
    call_id: id,
    event: 'post_call',
    url: URL_OF_HOOK,
    host: 'hooks.example.test:8443',
    state: 'pending',
    attempts: 0,
    created_at: new Date('2026-03-02T08:15:40Z'),
    next_attempt_at: new Date('2026-03-02T08:15:40Z'),
  });
  expect(message?.webhook_id).toMatch(/^msg_[0-9a-f]{32}$/);
  expect(JSON.parse(message?.payload ?? '')).toMatchObject({ id, status: 'completed', finished_at: '2026-03-02T08:15:40.000000Z' });
});

test('a transaction that is rolled back leaves nothing', async () => {
  const id = await call();
  const broken = db.transaction().execute(async (trx) => {
    await enqueuePostCalls(trx, [id], clock());
    throw new Error('no');
  });
  await expect(broken).rejects.toThrow('no');
  expect(await messages()).toEqual([]);
});

test.each<[string, Parameters<typeof insertCall>[3], Parameters<typeof insertAssistant>[3], number]>([
  ['completed', {}, {}, 1],
  ['still live', { state: 'live', status: 'in-progress' }, {}, 0],
  ['busy', { status: 'busy', outcome: 'busy' }, {}, 0],
  ['busy, all wanted', { status: 'busy', outcome: 'busy' }, { settings: '{"send_webhook_only_on_completed":false}' }, 1],
  [
    'never left, all wanted',
    { status: 'failed', outcome: 'expired', attempt_no: 1 },
    { settings: '{"send_webhook_only_on_completed":false}' },
    0,
  ],
  [
    'make_call that never left, all wanted',
    { status: 'failed', outcome: 'expired' },
    { settings: '{"send_webhook_only_on_completed":false}' },
    1,
  ],
  ['webhook switched off', {}, { is_webhook_active: false }, 0],
  ['no address', {}, { webhook_url: null }, 0],
  ['deleted while it was live', { deleted_at: new Date(0) }, {}, 0],
  ['of an assistant that was deleted meanwhile', {}, { deleted_at: new Date(0) }, 1],
])('%s', async (_, fields, settings, count) => {
  const own = await insertAssistant(db, account, clock(), { is_webhook_active: true, webhook_url: URL_OF_HOOK, ...settings });
  await enqueuePostCalls(db, [await call({ assistant_id: own.id, ...fields })], clock());
  expect(await messages()).toHaveLength(count);
});

test('the text is of the contact that was dialed, a secondary one too, and stays as it was', async () => {
  const campaign = await insertCampaign(db, account, { assistant_id: assistant, name: 'Frühling' });
  const primary = await insertLead(db, account, campaign, { status: 'reached-max-retries' });
  const contact = await insertLead(db, account, campaign, {
    primary_id: primary,
    position: 1,
    phone_number: '+12025550144',
    status: 'completed',
    call_tries: 2,
    variables: '{"zebra":"\\u0000","apple":1}',
  });
  const id = await call({ campaign_id: campaign, lead_id: contact, attempt_no: 2, phone_number: '+12025550144' });
  await enqueuePostCalls(db, [id], clock());
  await db.updateTable('leads').set({ status: 'created' }).where('id', '=', contact).execute();
  await db.updateTable('assistants').set({ webhook_url: 'https://else.example.test/' }).where('id', '=', assistant).execute();
  const [message] = await messages();
  expect(message?.url).toBe(URL_OF_HOOK);
  expect(JSON.parse(message?.payload ?? '').lead).toMatchObject({
    id: contact,
    status: 'completed',
    call_tries: 2,
    variables: { zebra: '\0', apple: 1 },
    campaign: { id: campaign, name: 'Frühling', allowed_days: ['monday'] },
  });
});

test('a call whose contact was deleted is enqueued without it', async () => {
  const campaign = await insertCampaign(db, account, { assistant_id: assistant });
  await enqueuePostCalls(db, [await call({ campaign_id: campaign })], clock());
  expect(JSON.parse((await messages())[0]?.payload ?? '')).not.toHaveProperty('lead');
});

test('many calls cost two statements', async () => {
  const ids: number[] = [];
  for (let i = 0; i < 300; i++) ids.push(await call());
  const counted: string[] = [];
  const counting = db.withPlugin({
    transformQuery: ({ node }) => {
      counted.push(node.kind);
      return node;
    },
    transformResult: async ({ result }) => result,
  });
  await enqueuePostCalls(counting, ids, clock());
  expect(counted).toHaveLength(2);
  expect(await messages()).toHaveLength(300);
  await enqueuePostCalls(counting, [], clock());
  expect(counted).toHaveLength(2);
});
