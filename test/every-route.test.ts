// Every route of the application, walked by its own list: without a key, with another account's ids, with other verbs.
// A new route is walked by itself; one whose path parameter nobody here can make an id for fails until somebody says how.
import { describe, expect, test } from 'vitest';
import { enqueuePostCall } from '../src/webhooks/webhooks.store.ts';
import { type Answer, type Caller, createApi, startApp } from './support/app.ts';
import { buildAssistant, buildCampaign, buildLead, buildNumber, nextNumber } from './support/build.ts';
import { insertAssistant } from './support/insert-assistant.ts';
import { insertCall } from './support/insert-calls.ts';

const t = await startApp();
const routes = t.app.routeList;
const apiRoutes = routes.filter(({ url }) => url.startsWith('/api/'));
const UNKNOWN = 987_654_321;

/** How each kind of id is made, by the step of the path in front of it. */
const MAKE: Record<string, (api: Caller) => Promise<Record<string, number | string>>> = {
  'api-keys': async (api) => ({ id: Number((await api.post('/api/user/api-keys', { name: 'x' })).body.api_key.token.split('|')[0]) }),
  leads: async (api) => {
    const { id, body } = await buildLead(api, { secondary_contacts: [{ phone_number: nextNumber() }] });
    return { id, contactId: body.secondary_contacts[0].id };
  },
  assistant: async (api) => ({ id: (await buildAssistant(api)).id }),
  assistants: async (api) => ({ id: (await buildAssistant(api)).body.uuid ?? (await buildAssistant(api)).id }),
  campaign: async (api) => ({ id: (await buildCampaign(api)).id }),
  campaigns: async (api) => ({ id: (await buildCampaign(api)).id }),
  'phone-numbers': async (api) => ({ id: (await buildNumber(api)).id }),
  blacklist: async (api) => {
    await api.post('/api/user/blacklist', { phone_number: nextNumber() });
    return { id: (await api.get('/api/user/blacklist')).body.data.at(-1).id };
  },
  calls: async (api) => ({
    id: await insertCall(t.db, api.account.id, (await insertAssistant(t.db, api.account.id, t.clock())).id),
  }),
  deliveries: async (api) => {
    const assistant = await insertAssistant(t.db, api.account.id, t.clock(), {
      is_webhook_active: true,
      webhook_url: 'https://example.test/',
    });
    await enqueuePostCall(t.db, await insertCall(t.db, api.account.id, assistant.id), t.clock());
    return { id: (await api.get('/api/user/webhooks/deliveries')).body.data[0].id };
  },
  import: async (api) => {
    const { id } = await t.db
      .insertInto('imports')
      .values({
        account_id: api.account.id,
        campaign_id: (await buildCampaign(api)).id,
        status: 'completed',
        counts: '{}',
        created_at: t.clock(),
        heartbeat_at: t.clock(),
      })
      .returning('id')
      .executeTakeFirstOrThrow();
    return { id };
  },
};

/** A body that a route takes, where an empty one is refused. */
const bodyOf = (method: string, url: string, ids: Record<string, unknown>): object | undefined => {
  if (!['POST', 'PUT', 'PATCH'].includes(method)) return undefined;
  if (url.endsWith('/contacts')) return { phone_number: nextNumber() };
  if (url.endsWith('/simulation')) return { simulation: null };
  if (url.endsWith('/contacts/order')) return { contact_ids: [ids.contactId ?? UNKNOWN] };
  if (/\/(enable-)?(inbound-|conversation-ended-)?webhook$/.test(url)) return { webhook_url: 'https://example.test/hook' };
  if (url.includes('/phone-numbers/')) return { nickname: 'Desk' };
  return {};
};

const kindOf = (url: string): string | undefined => {
  const steps = url.split('/');
  const at = steps.findIndex((step) => step.startsWith(':'));
  return at < 0 ? undefined : steps[at - 1];
};
const fill = (url: string, ids: Record<string, number | string>): string => url.replace(/:(\w+)/g, (_, name) => String(ids[name]));
const withSlot = routes.filter(({ url }) => url.startsWith('/api/') && url.includes(':'));
const name = ({ method, url }: { method: string; url: string }) => `${method} ${url}`;

test('the list is the whole application: what is outside of /api needs no key, and is known', () => {
  const outside = new Set(routes.filter(({ url }) => !url.startsWith('/api/')).map(({ url }) => url.replace(/^\/docs.*/, '/docs')));
  expect([...outside].sort()).toEqual(['/docs', '/healthz', '/openapi.json', '/readyz']);
  expect(apiRoutes.length).toBeGreaterThan(60);
});

describe('without a key', () => {
  const nobody = createApi(t.app, undefined);
  test.each(apiRoutes.map((route) => [name(route), route] as const))('%s is 401', async (_name, { method, url }) => {
    for (const path of [fill(url, { id: 1, contactId: 2 }), `${fill(url, { id: UNKNOWN, contactId: 'x' })}?status=x&page=2`]) {
      // From an address of its own each, or guessing would be refused.
      const remoteAddress = `192.0.2.${apiRoutes.findIndex((route) => name(route) === _name) % 250}`;
      const answer = await nobody.request({ method: method as 'GET', url: path, remoteAddress });
      expect(answer.status).toBe(401);
      expect(answer.headers['content-type']).toMatch(/^application\/json/);
      if (method !== 'HEAD') expect(answer.raw).toBe('{"message":"Unauthenticated."}');
    }
  });
});

describe('with another account’s ids', () => {
  test.each(withSlot.map((route) => [name(route), route] as const))('%s answers as for an unknown id', async (_name, { method, url }) => {
    const kind = kindOf(url) ?? '';
    const make = MAKE[kind];
    if (make === undefined) throw new Error(`Say in MAKE how an id of "${kind}" is made, so that ${_name} can be walked.`);
    const ids = await make(t.mine);
    const slots = [...url.matchAll(/:(\w+)/g)].map(([, slot]) => slot ?? '');
    for (const slot of slots) if (ids[slot] === undefined) throw new Error(`MAKE.${kind} makes no ${slot}, which ${_name} needs.`);
    const unknown = Object.fromEntries(slots.map((slot) => [slot, UNKNOWN]));
    const payload = bodyOf(method, url, ids);
    const ask = (caller: Caller, path: string): Promise<Answer> =>
      caller.request({ method: method as 'GET', url: path, ...(payload === undefined ? {} : { payload }) });
    const [foreign, none] = [await ask(t.other, fill(url, ids)), await ask(t.other, fill(url, unknown))];
    expect([foreign.status, none.status]).toEqual([404, 404]);
    expect(foreign.raw).toBe(none.raw);
    if (slots.length > 1) {
      // Under a parent of one's own.
      const own = await make(t.other);
      expect((await ask(t.other, fill(url, { ...ids, id: own.id ?? 0 }))).status).toBe(404);
    }
    // The owner comes through, so the 404 was not the request's own fault, and nothing was taken away.
    const mine = await ask(t.mine, fill(url, ids));
    expect([200, 201, 400, 409, 422], `${mine.status} ${mine.raw}`).toContain(mine.status);
  });
});

// For ids in bodies.
const own = {
  lead: (await buildLead(t.other, { secondary_contacts: [{ phone_number: nextNumber() }] })).id,
  campaign: (await buildCampaign(t.other)).id,
  assistant: await buildAssistant(t.other),
};
const mine = {
  lead: await buildLead(t.mine, { secondary_contacts: [{ phone_number: nextNumber() }] }),
  campaign: (await buildCampaign(t.mine)).id,
  assistant: (await buildAssistant(t.mine)).id,
  number: (await buildNumber(t.mine)).id,
};

describe('with another account’s ids in the body', () => {
  const form = (campaignId: number) => ({
    payload: `--x\r\ncontent-disposition: form-data; name="campaign_id"\r\n\r\n${campaignId}\r\n--x\r\ncontent-disposition: form-data; name="file"; filename="a.csv"\r\ncontent-type: text/csv\r\n\r\nphone\r\n+12025550143\r\n--x--\r\n`,
    headers: { 'content-type': 'multipart/form-data; boundary=x' },
  });
  const contact: number = mine.lead.body.secondary_contacts[0].id;
  const toggles = ['webhook', 'inbound-webhook', 'conversation-ended-webhook'].flatMap((hook) => [`enable-${hook}`, `disable-${hook}`]);

  const cases: [string, 'POST' | 'PUT', string, number, (id: number) => object][] = [
    ['campaign_id of a new lead', 'POST', '/api/user/lead', mine.campaign, (id) => ({ phone_number: '+12025550999', campaign_id: id })],
    ['campaign_id of many leads', 'POST', '/api/user/leads/bulk', mine.campaign, (id) => ({ campaign_id: id, leads: [] })],
    ['campaign_id of a lead', 'PUT', `/api/user/leads/${own.lead}`, mine.campaign, (id) => ({ campaign_id: id })],
    ['contact_ids of a lead', 'PUT', `/api/user/leads/${own.lead}/contacts/order`, contact, (id) => ({ contact_ids: [id] })],
    ['lead_ids of the blacklist', 'POST', '/api/user/blacklist', mine.lead.id, (id) => ({ lead_ids: [id] })],
    ['contacts among lead_ids', 'POST', '/api/user/blacklist', contact, (id) => ({ lead_ids: [id] })],
    ['assistant_id of a new campaign', 'POST', '/api/user/campaign', mine.assistant, (id) => ({ name: 'x', assistant_id: id })],
    ['assistant_id of a campaign', 'PUT', `/api/user/campaign/${own.campaign}`, mine.assistant, (id) => ({ assistant_id: id })],
    ['phone_number_ids of a campaign', 'PUT', `/api/user/campaign/${own.campaign}`, mine.number, (id) => ({ phone_number_ids: [id] })],
    [
      'phone_number_ids of a new campaign',
      'POST',
      '/api/user/campaign',
      mine.number,
      (id) => ({ name: 'x', assistant_id: own.assistant.id, phone_number_ids: [id] }),
    ],
    [
      'campaign_id to be started',
      'POST',
      '/api/user/campaigns/update-status',
      mine.campaign,
      (id) => ({ campaign_id: id, action: 'start' }),
    ],
    [
      'assistant_id of make_call',
      'POST',
      '/api/user/make_call',
      mine.assistant,
      (id) => ({ phone_number: '+12025550143', assistant_id: id }),
    ],
    ['phone_number_id of an assistant', 'PUT', `/api/user/assistant/${own.assistant.id}`, mine.number, (id) => ({ phone_number_id: id })],
    ...toggles.map((toggle): [string, 'POST', string, number, (id: number) => object] => [
      `assistant_id of ${toggle}`,
      'POST',
      `/api/user/assistants/${toggle}`,
      mine.assistant,
      (id) => ({ assistant_id: id, webhook_url: 'https://example.test/hook' }),
    ]),
  ];

  test.each(cases)('%s answers as for an unknown one', async (_name, method, url, foreign, body) => {
    const answers: Answer[] = [];
    for (const id of [foreign, UNKNOWN]) answers.push(await t.other.request({ method, url, payload: body(id) }));
    expect(answers[0]?.status).toBe(answers[1]?.status);
    expect([404, 422]).toContain(answers[0]?.status);
    expect(answers[0]?.raw).toBe(answers[1]?.raw);
  });

  test('campaign_id of an import answers as for an unknown one', async () => {
    const [foreign, unknown] = [
      await t.other.request({ method: 'POST', url: '/api/user/leads/import', ...form(mine.campaign) }),
      await t.other.request({ method: 'POST', url: '/api/user/leads/import', ...form(UNKNOWN) }),
    ];
    expect([foreign.status, foreign.raw]).toEqual([404, unknown.raw]);
    expect((await t.mine.get(`/api/user/leads?campaign_id=${mine.campaign}`)).body.total).toBe(0);
  });
});

describe('with another verb', () => {
  const pattern = (url: string) => new RegExp(`^${url.replace(/:\w+/g, '[^/]+')}$`);
  const paths = [...new Set(apiRoutes.map(({ url }) => fill(url, { id: 5, contactId: 6 })))];

  test.each(paths)('%s is 405, and says which it takes', async (path) => {
    const allowed = [...new Set(apiRoutes.filter(({ url }) => pattern(url).test(path)).map(({ method }) => method))];
    const others = (['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const).filter((method) => !allowed.includes(method));
    expect(others.length).toBeGreaterThan(0);
    for (const method of others) {
      for (const caller of [t.mine, createApi(t.app, undefined)]) {
        const answer = await caller.request({ method, url: `${path}?x=1` });
        expect([answer.status, String(answer.headers.allow).split(', ').sort()], method).toEqual([405, [...allowed].sort()]);
        expect(answer.body.message).toContain(`The ${method} method is not supported for route ${path.slice(1)}. Supported methods: `);
      }
    }
  });
});
