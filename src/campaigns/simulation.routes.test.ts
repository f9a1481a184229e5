import { beforeAll, expect, test } from 'vitest';
import { startApp, type TestApp } from '../../test/support/app.ts';
import { insertCampaign } from '../../test/support/insert-leads.ts';

const PLAN = { mix: { machine: 1, human: 3 }, goal_rate: 0.5, seed: 7 };

let t: TestApp;
let campaign: number;
let path: string;

beforeAll(async () => {
  t = await startApp();
  campaign = await insertCampaign(t.db, t.mine.account.id);
  path = `/api/user/campaigns/${campaign}/simulation`;
});

test('there is none at first; it is set, read, and taken away again', async () => {
  expect((await t.api.get(path)).body).toEqual({ simulation: null });
  const set = await t.api.put(path, { simulation: PLAN });
  expect([set.status, set.body]).toEqual([200, { message: 'Simulation updated successfully', data: { simulation: PLAN } }]);
  expect((await t.api.get(path)).raw).toBe(JSON.stringify({ simulation: PLAN }));
  expect((await t.api.put(path, { simulation: {} })).body.data).toEqual({ simulation: {} });
  expect((await t.api.put(path, { simulation: null })).body.data).toEqual({ simulation: null });
  expect((await t.api.get(path)).body).toEqual({ simulation: null });
});

test('what is wrong with it is said by field, and nothing changes', async () => {
  await t.api.put(path, { simulation: PLAN });
  const { status, body } = await t.api.put(path, { simulation: { mix: { human: -1 }, colour: 'red' } });
  expect([status, body.message, Object.keys(body.errors).sort()]).toEqual([
    422,
    'The given data was invalid.',
    ['simulation.colour', 'simulation.mix', 'simulation.mix.human'],
  ]);
  expect((await t.api.get(path)).body).toEqual({ simulation: PLAN });
});

test.each<[string, object | undefined, string]>([
  ['no body', undefined, 'The simulation field is required.'],
  ['nothing', {}, 'The simulation field is required.'],
  ['text', { simulation: 'x' }, 'The simulation field must be an array.'],
  ['a list', { simulation: [] }, 'The simulation field must be an array.'],
  ['a number', { simulation: 1 }, 'The simulation field must be an array.'],
])('%s is 422', async (_name, body, message) => {
  const answer = await t.api.put(path, body);
  expect([answer.status, answer.body.errors]).toEqual([422, { simulation: [message] }]);
});

test('NUL and numbers beyond all are 422', async () => {
  const headers = { 'content-type': 'application/json' };
  for (const payload of ['{"simulation":{"seed":"\\u0000"}}', '{"simulation":{"late_seconds":1e999}}']) {
    expect((await t.api.request({ method: 'PUT', url: path, payload, headers })).status).toBe(422);
  }
});

test('another account’s campaign, an unknown and a deleted one are 404', async () => {
  const gone = await insertCampaign(t.db, t.other.account.id, { deleted_at: t.clock() });
  for (const id of [campaign, gone, 999_999, 'x']) {
    const url = `/api/user/campaigns/${id}/simulation`;
    for (const answer of [await t.other.get(url), await t.other.put(url, { simulation: null })]) expect(answer.status).toBe(404);
  }
});

test('a running campaign keeps its own', async () => {
  const running = await insertCampaign(t.db, t.mine.account.id, { status: 'in-progress' });
  const { status, body } = await t.api.put(`/api/user/campaigns/${running}/simulation`, { simulation: PLAN });
  expect([status, body]).toEqual([409, { message: 'Campaign is already in progress' }]);
});
