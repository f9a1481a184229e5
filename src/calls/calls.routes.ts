// The call log over HTTP: list, read, delete.
import type { Type } from 'typebox';
import { assistantRefOf } from '../assistants/assistant-ref.ts';
import { IdParams, Message, ValidationFailed } from '../http/fields.ts';
import { PageOf, resolvePage, toPage, toSlice } from '../http/page.ts';
import { pageLocation } from '../http/page-location.ts';
import type { App, RouteDeps } from '../http/types.ts';
import { dayStart, nextDay } from '../http/wire-time.ts';
import { toPhonePattern } from '../phone.ts';
import { CARRIER_HEADERS, Call, CallQuery } from './call.schema.ts';
import { CARRIER_HEADER, presentCall, toCallStatus } from './call.ts';
import { type CallFilter, deleteCall, findCall, listCalls } from './calls.store.ts';

const DEFAULT_PER_PAGE = 15;
const TAGS = ['calls'];

const toFilter = (query: Type.Static<typeof CallQuery>): CallFilter => {
  const { status, type, phone_number: phone, assistant_id: assistant, campaign_id: campaignId } = query;
  const from = query.date_from === undefined ? undefined : dayStart(query.date_from);
  const to = query.date_to === undefined ? undefined : dayStart(query.date_to);
  const before = to === undefined ? undefined : nextDay(to);
  return {
    ...(status === undefined ? {} : { status: toCallStatus(status) }),
    ...(type === undefined ? {} : { type }),
    ...(phone === undefined ? {} : { phonePattern: toPhonePattern(phone) }),
    ...(assistant === undefined ? {} : { assistant: assistantRefOf(assistant) }),
    ...(campaignId === undefined ? {} : { campaignId }),
    ...(from === undefined ? {} : { createdFrom: from }),
    ...(before === undefined ? {} : { createdBefore: before }),
  };
};

export const callsRoutes = (app: App, { db, clock }: RouteDeps): void => {
  const list = {
    tags: TAGS,
    summary: 'Page through calls',
    description:
      'Calls that were sent, and those of make_call that came to nothing, the newest first. Filters combine; those given stay in the page URLs.',
    querystring: CallQuery,
    response: { 200: PageOf(Call), 422: ValidationFailed },
  };
  app.get('/user/calls', { schema: list }, async (request) => {
    const { query } = request;
    const page = { page: resolvePage(query.page), perPage: query.per_page ?? DEFAULT_PER_PAGE };
    const { calls, total } = await listCalls(db, request.account.id, toFilter(query), toSlice(page));
    return toPage(calls.map(presentCall), total, page, pageLocation(request));
  });

  const read = {
    tags: TAGS,
    summary: 'Read a call (the bare object, not wrapped)',
    description: 'A call of make_call can be read from its answer on; it is listed once it was sent or has failed.',
    params: IdParams,
    response: { 200: { ...Call, headers: CARRIER_HEADERS }, 404: Message },
  };
  app.get('/user/calls/:id', { schema: read }, async (request, reply) => {
    const call = await findCall(db, request.account.id, request.params.id);
    if (call.simulated) reply.header(CARRIER_HEADER, 'simulated');
    return presentCall(call);
  });

  const remove = {
    tags: TAGS,
    summary: 'Delete a call: its record, its transcript and what was gathered from it',
    description: 'A call that goes on is not hung up. One that was not sent yet is taken back.',
    params: IdParams,
    response: { 200: Message, 404: Message },
  };
  app.delete('/user/calls/:id', { schema: remove }, async (request) => {
    await deleteCall(db, request.account.id, request.params.id, clock());
    return { message: 'Call deleted successfully' };
  });
};
