// The webhook switches under every spelling: texts, effects, refusals, other accounts.
import { beforeAll, describe, expect, test } from 'vitest';
import { startApp, type TestApp } from '../../test/support/app.ts';
import { buildAssistant } from '../../test/support/build.ts';

let t: TestApp;
let id: number;
let uuid: string;
let theirs: { id: number; uuid: string };

beforeAll(async () => {
  t = await startApp();
  id = (await buildAssistant(t.api)).id;
  uuid = (await t.api.get(`/api/user/assistant/${id}`)).body.uuid;
  const other = (await buildAssistant(t.other)).id;
  theirs = { id: other, uuid: (await t.other.get(`/api/user/assistant/${other}`)).body.uuid };
});

const URL = 'https://hooks.example.test/after-call';
const post = (path: string, body?: object) => t.api.post(`/api/user/${path}`, body);
const state = async () => {
  const { is_webhook_active, webhook_url, inbound_webhook_url, conversation_ended_webhook_url } = (
    await t.api.get(`/api/user/assistant/${id}`)
  ).body;
  return [is_webhook_active, webhook_url, inbound_webhook_url, conversation_ended_webhook_url];
};

const OFF = [false, null, null, null];
const KINDS = [
  ['', 'Webhook enabled successfully', 'Webhook disabled successfully', [true, URL, null, null]],
  ['inbound-', 'Webhook enabled successfully', 'Inbound webhook disabled successfully', [false, null, URL, null]],
  [
    'conversation-ended-',
    'Conversation ended webhook enabled successfully',
    'Conversation ended webhook disabled successfully',
    [false, null, null, URL],
  ],
] as const;

describe.each(KINDS)('the %swebhook', (kind, enabled, disabled, on) => {
  const spellings: [string, () => Promise<{ status: number; raw: string }>, () => Promise<{ status: number; raw: string }>][] = [
    ...[() => id, () => String(id), () => uuid, () => uuid.toUpperCase()].map(
      (ref, at) =>
        [
          `in the body, form ${at}`,
          () => post(`assistants/enable-${kind}webhook`, { assistant_id: ref(), webhook_url: URL }),
          () => post(`assistants/disable-${kind}webhook`, { assistant_id: ref() }),
        ] as [string, () => ReturnType<typeof post>, () => ReturnType<typeof post>],
    ),
    ...['assistant', 'assistants'].flatMap((path) =>
      [() => id, () => uuid].map(
        (ref, at) =>
          [
            `in the path of ${path}, form ${at}`,
            () => post(`${path}/${ref()}/enable-${kind}webhook`, { webhook_url: URL }),
            () => post(`${path}/${ref()}/disable-${kind}webhook`),
          ] as [string, () => ReturnType<typeof post>, () => ReturnType<typeof post>],
      ),
    ),
    [
      'as one client spells it',
      () => post(`assistants/${uuid}/${kind}webhook`, { webhook_url: URL }),
      () => post(`assistant/${id}/disable-${kind}webhook`, {}),
    ],
  ];

  test.each(spellings)('goes on and off, the assistant %s', async (_name, turnOn, turnOff) => {
    expect(await state()).toEqual(OFF);
    const first = await turnOn();
    expect([first.status, first.raw]).toEqual([200, `{"message":"${enabled}","data":[]}`]);
    expect(await state()).toEqual(on);
    // Again: the same.
    expect((await turnOn()).status).toBe(200);
    const last = await turnOff();
    expect([last.status, last.raw]).toEqual([200, `{"message":"${disabled}","data":[]}`]);
    expect((await turnOff()).status).toBe(200);
    expect(await state()).toEqual(OFF);
  });

  test('an empty body lacks its fields', async () => {
    const missing = { assistant_id: ['The assistant id field is required.'], webhook_url: ['The webhook url field is required.'] };
    for (const body of [undefined, {}, [], { assistant_id: '', webhook_url: ' ' }]) {
      const enable = await post(`assistants/enable-${kind}webhook`, body);
      expect([enable.status, enable.body]).toEqual([422, { message: 'The given data was invalid.', errors: missing }]);
      const disable = await post(`assistants/disable-${kind}webhook`, body);
      expect([disable.status, disable.body]).toEqual([
        422,
        { message: 'The given data was invalid.', errors: { assistant_id: missing.assistant_id } },
      ]);
    }
    const inPath = await post(`assistant/${id}/enable-${kind}webhook`, {});
    expect([inPath.status, inPath.body]).toEqual([
      422,
      { message: 'The given data was invalid.', errors: { webhook_url: missing.webhook_url } },
    ]);
  });

  test.each([
    ['no url', 'The webhook url field must be a valid URL.'],
    ['ftp://files.example.test/', 'The webhook url field must be a valid URL.'],
    ['javascript:alert(1)', 'The webhook url field must be a valid URL.'],
    ['https://', 'The webhook url field must be a valid URL.'],
    ['https://hooks.example.test:99999/', 'The webhook url field must be a valid URL.'],
    ['//hooks.example.test/', 'The webhook url field must be a valid URL.'],
    [`https://hooks.example.test/${'a'.repeat(2048)}`, 'The webhook url field must not be greater than 2048 characters.'],
    [5, 'The webhook url field must be a string.'],
    ['https://hooks.example.test/\0', 'The webhook url field contains characters that are not allowed (NUL or a lone surrogate).'],
  ])('refuses the URL %j', async (webhook_url, sentence) => {
    const { status, body } = await post(`assistants/enable-${kind}webhook`, { assistant_id: id, webhook_url });
    expect([status, body]).toEqual([422, { message: 'The given data was invalid.', errors: { webhook_url: [sentence] } }]);
    expect(await state()).toEqual(OFF);
  });

  test.each([true, 'abc', 1.5, [1], { id: 1 }, '012'])('refuses the assistant %j', async (assistant_id) => {
    const { status, body } = await post(`assistants/disable-${kind}webhook`, { assistant_id });
    expect(status).toBe(422);
    expect(body).toEqual({
      message: 'The given data was invalid.',
      errors: { assistant_id: ['The assistant id field must be an integer.'] },
    });
  });

  test("knows no assistant that is unknown or somebody else's", async () => {
    const nobody = [
      999_999,
      '999999',
      '9'.repeat(30),
      1e30,
      '00000000-0000-4000-8000-000000000000',
      theirs.id,
      String(theirs.id),
      theirs.uuid,
    ];
    for (const ref of nobody) {
      const answers = [
        await post(`assistants/enable-${kind}webhook`, { assistant_id: ref, webhook_url: URL }),
        await post(`assistants/disable-${kind}webhook`, { assistant_id: ref }),
        await post(`assistants/${ref}/enable-${kind}webhook`, { webhook_url: URL }),
        await post(`assistant/${ref}/disable-${kind}webhook`),
        await post(`assistants/${ref}/${kind}webhook`, { webhook_url: URL }),
      ];
      for (const { status, raw } of answers) expect([ref, status, raw]).toEqual([ref, 404, '{"message":"Assistant not found"}']);
    }
    const { webhook_url, inbound_webhook_url, conversation_ended_webhook_url } = (await t.other.get(`/api/user/assistant/${theirs.id}`))
      .body;
    expect([webhook_url, inbound_webhook_url, conversation_ended_webhook_url]).toEqual([null, null, null]);
  });
});

test('a switch touches the time of the assistant', async () => {
  t.clock.set('2026-03-05T10:00:00Z');
  await post('assistants/enable-webhook', { assistant_id: id, webhook_url: URL });
  expect((await t.api.get(`/api/user/assistant/${id}`)).body.updated_at).toBe('2026-03-05T10:00:00.000000Z');
});

test('a webhook that is on keeps its URL against an update, and an update may switch it off', async () => {
  await post('assistants/enable-webhook', { assistant_id: id, webhook_url: URL });
  const refused = await t.api.put(`/api/user/assistant/${id}`, { webhook_url: null });
  expect(refused.body.errors).toEqual({ webhook_url: ['The webhook url field is required when is webhook active is true.'] });
  expect((await t.api.put(`/api/user/assistant/${id}`, { is_webhook_active: 0, webhook_url: null })).status).toBe(200);
  expect(await state()).toEqual(OFF);
});

test.each(['get', 'put', 'delete'] as const)('%s on a switch is no way to use it', async (verb) => {
  const { status } = await t.api[verb](`/api/user/assistant/${id}/enable-webhook`);
  expect(status).toBe(405);
});
