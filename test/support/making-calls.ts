// An account that makes calls one by one: assistants that can and that cannot, and what the database then holds.
import type { CallRow, DecisionRow } from '../../src/db/schema.ts';
import { type Answer, type Api, type Overrides, startApp, type TestApp } from './app.ts';
import { insertAssistant } from './insert-assistant.ts';

type Ref = Awaited<ReturnType<typeof insertAssistant>>;

export interface MakingCalls {
  t: TestApp;
  /** With a number, and variables of its own. */
  assistant: Ref;
  /** Without a number. */
  silent: Ref;
  inbound: Ref;
  /** The other account's. */
  foreign: Ref;
  /** How often the dialer was woken. */
  woken: number;
  /** An assistant with a number of its own. */
  withNumber(accountId: number, phoneNumber: string, fields?: Parameters<typeof insertAssistant>[3]): Promise<Ref>;
  /** `POST /user/make_call` to NUMBER by `assistant`, but for what `fields` say. */
  make(fields?: object, headers?: Record<string, string>, api?: Api): Promise<Answer>;
  calls(): Promise<CallRow[]>;
  decisions(): Promise<DecisionRow[]>;
  /** Forgets all that was made. */
  clear(): Promise<void>;
}

/** Whom they call. */
export const NUMBER = '+12025550143';

/** Starts an application with all of it. */
export const startMakingCalls = async (overrides: Overrides = {}): Promise<MakingCalls> => {
  const t = await startApp({
    ...overrides,
    wake: () => {
      making.woken += 1;
    },
  });
  const mine = t.mine.account.id;
  const withNumber: MakingCalls['withNumber'] = async (account_id, phone_number, fields = {}) => {
    const now = t.clock();
    const number = await t.db
      .insertInto('phone_numbers')
      .values({ account_id, phone_number, country_code: 'US', type: 'sip', nickname: null, created_at: now, updated_at: now })
      .returning('id')
      .executeTakeFirstOrThrow();
    return insertAssistant(t.db, account_id, now, { phone_number_id: number.id, ...fields });
  };
  const assistant = await withNumber(mine, '+12025550100', { variables: '{"company":"Acme","first_name":"you"}' });
  const making: MakingCalls = {
    t,
    assistant,
    silent: await insertAssistant(t.db, mine, t.clock()),
    inbound: await withNumber(mine, '+12025550101', { type: 'inbound' }),
    foreign: await withNumber(t.other.account.id, '+12025550100'),
    woken: 0,
    withNumber,
    make: (fields = {}, headers = {}, api = t.api) =>
      api.post('/api/user/make_call', { phone_number: NUMBER, assistant_id: assistant.id, ...fields }, headers),
    calls: () => t.db.selectFrom('calls').selectAll().orderBy('id').execute(),
    decisions: () => t.db.selectFrom('decisions').selectAll().orderBy('id').execute(),
    clear: async () => {
      for (const table of ['calls', 'decisions', 'dnc_numbers', 'idempotency_keys'] as const) await t.db.deleteFrom(table).execute();
      making.woken = 0;
    },
  };
  return making;
};
