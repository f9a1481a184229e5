// `GET /user/leads/{id}/history`: why this person was called, or was not.
import { IdParams, Message, ValidationFailed } from '../http/fields.ts';
import { PageOf, resolvePage, toPage, toSlice } from '../http/page.ts';
import { pageLocation } from '../http/page-location.ts';
import type { App, RouteDeps } from '../http/types.ts';
import { HistoryQuery, HistoryRow } from './history.schema.ts';
import { listHistory } from './history.store.ts';
import { presentEntry } from './history.ts';

const DEFAULT_PER_PAGE = 15;

export const historyRoutes = (app: App, { db }: RouteDeps): void => {
  const schema = {
    tags: ['leads'],
    summary: 'Page through what has happened to a lead or contact',
    description:
      'Decisions to dial or not to, attempts, and changes of status, the newest first; also those that concern its campaign as a whole. A secondary contact has a history of its own.',
    params: IdParams,
    querystring: HistoryQuery,
    response: { 200: PageOf(HistoryRow), 404: Message, 422: ValidationFailed },
  };
  app.get('/user/leads/:id/history', { schema }, async (request) => {
    const { query } = request;
    const page = { page: resolvePage(query.page), perPage: query.per_page ?? DEFAULT_PER_PAGE };
    const { entries, total } = await listHistory(db, request.account.id, request.params.id, toSlice(page));
    return toPage(entries.map(presentEntry), total, page, pageLocation(request));
  });
};
