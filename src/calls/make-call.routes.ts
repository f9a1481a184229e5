// `POST /user/make_call`: one call now, outside any campaign. The answer is given once the reservation is committed; the
// dialer, which is woken, places the call.
import type { Type } from 'typebox';
import { assistantRefOf } from '../assistants/assistant-ref.ts';
import type { Db } from '../db/schema.ts';
import { DomainError, type ErrorCode } from '../errors.ts';
import { Message, ValidationFailed } from '../http/fields.ts';
import { keyOf } from '../http/idempotency.ts';
import type { App, RouteDeps } from '../http/types.ts';
import { type ActResult, actOnce, type KeptAnswer, type OnceResult } from '../idempotency/idempotency.store.ts';
import { requestText } from '../idempotency/idempotency.ts';
import { toE164 } from '../phone.ts';
import { CARRIER_HEADERS, CallInitiated, KeyHeader, LinesFull, MakeCall } from './call.schema.ts';
import { CARRIER_HEADER } from './call.ts';
import { type CallRefusal, type CallRequest, reserveCall } from './make-call.store.ts';

const REFUSALS: Record<CallRefusal, ErrorCode> = {
  assistant_unknown: 'call_assistant_not_found',
  assistant_inbound: 'outbound_assistant_not_found',
  blacklisted: 'call_blacklisted',
  no_number: 'call_without_number',
  account_lines_full: 'call_lines_full',
  number_rate: 'call_rate_reached',
  carrier_rate: 'call_rate_reached',
};

/** Seconds after which to try again: lines are free again after about what the shorter calls take. */
const RETRY_AFTER: Partial<Record<CallRefusal, number>> = { account_lines_full: 5, number_rate: 1, carrier_rate: 1 };

const toRequest = (
  { phone_number, assistant_id, variables = {} }: Type.Static<typeof MakeCall>,
  accountId: number,
  { carrier, rates, databaseLeases }: Pick<RouteDeps, 'carrier' | 'rates' | 'databaseLeases'>,
): CallRequest => {
  const phoneNumber = toE164(phone_number);
  if (phoneNumber === undefined) throw new DomainError('call_number_unreadable');
  return { accountId, assistant: assistantRefOf(assistant_id), phoneNumber, variables, carrier, rates, databaseLeases };
};

const reserve = async (trx: Db, request: CallRequest, now: Date): Promise<ActResult<CallRefusal>> => {
  const result = await reserveCall(trx, request, now);
  if (result.kind === 'refused') return { refusal: result.reason };
  const body = { message: 'Call initiated successfully', data: {}, call_id: result.callId, status: 'initiated' };
  return { answer: { status: 200, response: JSON.stringify(body), simulated: request.carrier.simulated } };
};

const reserveUnkeyed = async (db: Db, request: CallRequest, now: Date): Promise<OnceResult<CallRefusal>> => {
  const result = await db.transaction().execute((trx) => reserve(trx, request, now));
  return 'refusal' in result ? { kind: 'refused', ...result } : { kind: 'answered', ...result, replayed: false };
};

/** The answer of a call that was reserved, or the refusal as an error. */
const toAnswer = (result: OnceResult<CallRefusal>): { answer: KeptAnswer; replayed: boolean } => {
  switch (result.kind) {
    case 'answered':
      return result;
    case 'busy':
      throw new DomainError('idempotency_key_busy');
    case 'reused':
      throw new DomainError('idempotency_key_reused');
    case 'refused': {
      const retryAfter = RETRY_AFTER[result.refusal];
      throw new DomainError(REFUSALS[result.refusal], retryAfter === undefined ? {} : { retry_after: retryAfter });
    }
  }
};

export const makeCallRoutes = (app: App, deps: RouteDeps): void => {
  const { db, clock, wake } = deps;
  const schema = {
    tags: ['calls'],
    summary: 'Dial one number now, outside any campaign',
    description:
      'The call counts among the lines of the account. With an Idempotency-Key header (1 to 255 characters) the request may be repeated: for 24 hours the same key and body get the first answer again, with Idempotent-Replayed: true.',
    headers: KeyHeader,
    body: MakeCall,
    response: {
      200: { ...CallInitiated, headers: CARRIER_HEADERS },
      400: Message,
      404: Message,
      409: Message,
      422: ValidationFailed,
      429: LinesFull,
    },
  };
  const config = { invalid: 'The given data was invalid.', idempotency: 'own' } as const;
  app.post('/user/make_call', { schema, config }, async (request, reply) => {
    const { id: accountId } = request.account;
    const key = keyOf(request);
    const asked = toRequest(request.body, accountId, deps);
    const now = clock();
    const result =
      key === undefined
        ? await reserveUnkeyed(db, asked, now)
        : await actOnce(db, { accountId, key, text: requestText('POST', '/user/make_call', request.body) }, now, (trx) =>
            reserve(trx, asked, now),
          );
    const retryAfter = result.kind === 'refused' ? RETRY_AFTER[result.refusal] : undefined;
    if (retryAfter !== undefined) reply.header('retry-after', retryAfter);
    const { answer, replayed } = toAnswer(result);
    if (replayed) reply.header('idempotent-replayed', 'true');
    else wake();
    if (answer.simulated) reply.header(CARRIER_HEADER, 'simulated');
    // As it was kept, byte for byte.
    reply.type('application/json; charset=utf-8');
    return reply
      .code(200)
      .serializer(() => answer.response)
      .send(JSON.parse(answer.response));
  });
};
