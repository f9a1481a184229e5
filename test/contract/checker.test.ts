// The checker of answers must object: each row breaks a good answer in one way.
import { describe, expect, test } from 'vitest';
import { ContractViolation, contractChecker, createChecker, type Exchange, findOperation } from './checker.ts';

const LEAD = {
  id: 901,
  campaign_id: 31,
  phone_number: '+12025550143',
  variables: { zebra: 1, apple: {} },
  status: 'created',
  created_at: '2026-03-02 08:15:40',
  updated_at: '2026-03-02 08:15:40',
  campaign: { id: 31, name: 'Spring renewals' },
  secondary_contacts: [
    {
      id: 902,
      phone_number: '+12025550144',
      variables: {},
      status: 'created',
      created_at: '2026-03-02 08:15:40',
      updated_at: '2026-03-02 08:15:40',
    },
  ],
};
const CONTACT = LEAD.secondary_contacts[0];
const CREATED = { message: 'Lead created successfully', data: LEAD };
const PAGE = {
  current_page: 1,
  data: [LEAD],
  first_page_url: 'http://localhost/api/user/leads?page=1',
  from: 1,
  last_page: 1,
  last_page_url: 'http://localhost/api/user/leads?page=1',
  links: [
    { url: null, label: '&laquo; Previous', active: false },
    { url: 'http://localhost/api/user/leads?page=1', label: '1', active: true },
    { url: null, label: 'Next &raquo;', active: false },
  ],
  next_page_url: null,
  path: 'http://localhost/api/user/leads',
  per_page: 15,
  prev_page_url: null,
  to: 1,
  total: 1,
};

/** The same object with its last key first. */
const reordered = (value: object): object => Object.fromEntries(Object.entries(value).toReversed());

const without = (value: object, gone: string): object => Object.fromEntries(Object.entries(value).filter(([key]) => key !== gone));

// A document of our own for a route that the contract does not name.
const own = createChecker(
  {
    paths: {
      '/healthz': {
        get: {
          responses: {
            200: {
              content: {
                'application/json': {
                  schema: { type: 'object', additionalProperties: false, required: ['status'], properties: { status: { type: 'string' } } },
                },
              },
            },
          },
        },
      },
      '/api/user/thing/{id}': { put: { 'x-aliases': ['PATCH /user/thing/{id}'], responses: { 204: { description: 'Done.' } } } },
    },
  },
  '',
);

const check = (request: string, status: number, body: unknown, more: Partial<Exchange> = {}): void => {
  const [method = '', route = ''] = request.split(' ');
  const found = findOperation({ method }, route, own);
  if (found === undefined) throw new Error(`no operation for ${request}`);
  const raw = typeof body === 'string' ? body : JSON.stringify(body);
  found.checker.check(found.operation, { method, route, status, contentType: 'application/json; charset=utf-8', raw, ...more });
};

describe('the contract checker', () => {
  test('accepts that a key is taken, of a POST', () => {
    expect(() => check('POST /api/user/lead', 409, { message: 'Still running.' }, { keyed: true })).not.toThrow();
    expect(() => check('GET /api/user/leads', 409, { message: 'Still running.' }, { keyed: true })).toThrow('not listed');
  });

  test.each<[string, string, number, unknown]>([
    ['a page', 'GET /api/user/leads', 200, PAGE],
    ['a lead', 'GET /api/user/leads/:id', 200, LEAD],
    ['a lead that was created', 'POST /api/user/lead', 200, CREATED],
    ['a listed refusal', 'POST /api/user/lead', 422, { message: 'Validation failed', errors: { phone_number: ['Wrong.'] } }],
    ['a refusal that anything may answer', 'GET /api/user/leads', 400, { message: 'Malformed JSON' }],
    ['a throttled request', 'GET /api/user/leads/:id', 429, { message: 'Too Many Attempts.', retry_after: 3 }],
    ['an alias', 'PATCH /api/leads/:id', 404, { message: 'Lead not found' }],
    ['our own route', 'GET /healthz', 200, { status: 'ok' }],
    ['an alias of our own', 'PATCH /api/user/thing/:id', 204, ''],
    ['a HEAD', 'HEAD /api/user/leads', 200, ''],
  ])('accepts %s', (_, request, status, body) => {
    expect(() => check(request, status, body)).not.toThrow();
  });

  test.each<[string, string, number, unknown, RegExp]>([
    ['an unknown key', 'GET /api/user/leads/:id', 200, { ...LEAD, extra: 1 }, /additional properties.*extra/],
    [
      'an unknown key of a nested object',
      'GET /api/user/leads',
      200,
      { ...PAGE, data: [{ ...LEAD, campaign: { id: 31, name: 'x', extra: 1 } }] },
      /data\/0\/campaign.*extra/,
    ],
    ['a missing key', 'GET /api/user/leads/:id', 200, without(LEAD, 'campaign_id'), /required property 'campaign_id'/],
    [
      'a missing key of a contact',
      'GET /api/user/leads/:id',
      200,
      { ...LEAD, secondary_contacts: [without(CONTACT ?? {}, 'status')] },
      /secondary_contacts\/0.*'status'/,
    ],
    ['a wrong order', 'GET /api/user/leads/:id', 200, reordered(LEAD), /the body must have its keys in the order id, campaign_id/],
    ['a wrong order in an envelope', 'GET /api/user/leads', 200, reordered(PAGE), /in the order current_page, data/],
    [
      'a wrong order of a nested row',
      'GET /api/user/leads',
      200,
      { ...PAGE, data: [{ ...LEAD, secondary_contacts: [reordered(CONTACT ?? {})] }] },
      /data\/0\/secondary_contacts\/0 must have its keys in the order/,
    ],
    ['a number as text', 'GET /api/user/leads/:id', 200, { ...LEAD, id: '901' }, /\/id must be integer/],
    ['another form of time', 'GET /api/user/leads/:id', 200, { ...LEAD, created_at: '2026-03-02T08:15:40Z' }, /created_at must match/],
    ['an empty object that became an array', 'GET /api/user/leads/:id', 200, { ...LEAD, variables: [] }, /\/variables must be object/],
    ['another sentence', 'POST /api/user/lead', 200, { ...CREATED, message: 'Created' }, /\/message must be equal to constant/],
    ['a status that is not listed', 'POST /api/user/lead', 201, CREATED, /answered 201.*\n.*not listed/],
    ['an unlisted refusal with more than a message', 'GET /api/user/leads', 400, { message: 'No', stack: 'at x' }, /stack/],
    ['a throttled request that does not say for how long', 'GET /api/user/leads', 429, { message: 'Too Many Attempts.' }, /retry_after/],
    ['a validation failure without errors', 'GET /healthz', 422, { message: 'No' }, /'errors'/],
    ['a body where none belongs', 'PUT /api/user/thing/:id', 204, { done: true }, /no body/],
    ['what is no JSON', 'GET /api/user/leads/:id', 200, '<html>', /no JSON/],
    ['a conflict without a key', 'POST /api/user/lead', 409, { message: 'Still running.' }, /not listed/],
    ['a wrong answer of an alias', 'PATCH /api/leads/:id', 200, LEAD, /PUT \/api\/leads|PUT \/api\/user\/leads/],
    ['an unknown key of our own route', 'GET /healthz', 200, { status: 'ok', uptime: 3 }, /uptime/],
    ['a status that our own document does not list', 'GET /healthz', 503, { status: 'no' }, /not listed/],
  ])('refuses %s', (_, request, status, body, reason) => {
    expect(() => check(request, status, body)).toThrow(ContractViolation);
    expect(() => check(request, status, body)).toThrow(reason);
  });

  test('refuses another media type', () => {
    expect(() => check('GET /api/user/leads/:id', 200, LEAD, { contentType: 'text/html' })).toThrow(/media type is text\/html/);
  });

  test('names the operation, the status and all reasons at once', () => {
    const wrong = { ...without(LEAD, 'status'), id: 'x', extra: 1 };
    expect(() => check('GET /api/user/leads/:id', 200, wrong)).toThrow(/^GET \/api\/user\/leads\/\{id\} answered 200.*\n( {2}- .*\n){3}/);
  });

  test('can compile every response of the contract', () => {
    const { operations, check: checkOne } = contractChecker();
    expect(operations.size).toBeGreaterThan(40);
    for (const operation of operations.values()) {
      for (const status of Object.keys(operation.responses)) {
        const exchange = {
          method: 'GET',
          route: undefined,
          status: Number(status),
          contentType: 'application/json',
          raw: '"no answer is a text"',
        };
        expect(() => checkOne(operation, exchange), `${operation.name} ${status}`).toThrow(ContractViolation);
      }
    }
  });
});
