// Many leads in one request, in JSON or NDJSON: each is read and checked as one that is sent alone, and all are saved together.
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { waitUntilSent } from '../calls/revoke.store.ts';
import { ValidationError } from '../errors.ts';
import { Message, ValidationFailed } from '../http/fields.ts';
import type { App, RouteDeps } from '../http/types.ts';
import { compileCheck } from '../http/validator.ts';
import { isRecord } from '../is-record.ts';
import { requiredMessage } from '../sentences.ts';
import { BulkAnswer, BulkBody, BulkDefaults, BulkLead, bulkDefaults } from './bulk.schema.ts';
import { saveBulk } from './bulk.store.ts';
import { type BulkItem, type BulkResult, countOutcomes, externalIdOf, MAX_BULK_LEADS, readItem, readLines } from './bulk.ts';

const BODY_BYTES = 32 * 1_048_576;
// Leads that are read before others get a turn.
const READ_AT_ONCE = 250;

const QUERY_NAMES = [...Object.keys(bulkDefaults), 'allow_duplicate'];
const checkDefaults = compileCheck(BulkDefaults);
const checkLead = compileCheck(BulkLead);

const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const readLeads = (leads: unknown): readonly unknown[] => {
  if (leads === undefined || leads === null) throw new ValidationError({ leads: [requiredMessage('leads')] });
  if (!Array.isArray(leads)) throw new ValidationError({ leads: ['The leads field must be an array.'] });
  if (leads.length > MAX_BULK_LEADS) {
    throw new ValidationError({ leads: [`The leads field must not have more than ${MAX_BULK_LEADS} items.`] });
  }
  return leads;
};

const readDefaults = (fields: Record<string, unknown>) => {
  const defaults = checkDefaults(fields);
  if ('error' in defaults) throw defaults.error;
  return defaults.value;
};

// Unknown parameters are nobody's business.
const readQuery = (query: unknown) => {
  const known = isRecord(query) ? Object.entries(query).filter(([name]) => QUERY_NAMES.includes(name)) : [];
  return readDefaults(Object.fromEntries(known));
};

// The leads are checked one by one, so that a bad one is no other's trouble.
const readBody = (body: unknown) => {
  const { leads, ...beside } = isRecord(body) ? body : {};
  const sent = readLeads(leads);
  return { sent, defaults: readDefaults(beside) };
};

const bulk = (app: App, { db, clock, wake }: RouteDeps): void => {
  const schema = {
    tags: ['leads'],
    summary: 'Add or update many leads',
    description:
      `Up to ${MAX_BULK_LEADS} leads, as JSON or as NDJSON with a lead on each line. Each is read as one that is added alone. One whose ` +
      'external_id the campaign has is updated: number and variables as by PUT, contacts that it has not are added, none is removed. ' +
      'The answer says of each, in order, what became of it; a bad one is no other’s trouble. All is saved at once or not at all.',
    consumes: ['application/json', 'application/x-ndjson'],
    querystring: Type.Object(bulkDefaults),
    body: BulkBody,
    response: { 200: BulkAnswer, 400: Message, 404: Message, 413: Message, 415: Message, 422: ValidationFailed },
  };
  app.post(
    '/user/leads/bulk',
    {
      schema,
      bodyLimit: BODY_BYTES,
      // The handler reads and checks what was sent; the schemas are for the document.
      validatorCompiler: () => () => true,
    },
    async (request) => {
      const { account } = request;
      const query = readQuery(request.query);
      const { sent, defaults } = readBody(request.body);
      const campaignId = defaults.campaign_id ?? query.campaign_id;
      const usual = { campaign_id: campaignId, allow_dupplicate: defaults.allow_dupplicate ?? query.allow_dupplicate };
      const items: BulkItem[] = [];
      const results: BulkResult[] = [];
      for (const [index, lead] of sent.entries()) {
        if (index % READ_AT_ONCE === READ_AT_ONCE - 1) await breathe();
        const read = readItem(lead, index, usual, checkLead);
        if ('lead' in read) items.push(read);
        else results[index] = { index, status: 'invalid', errors: read.errors };
      }
      const outcomes = await saveBulk(db, { accountId: account.id, campaignId, items }, clock());
      for (const [index, outcome] of outcomes) results[index] = { index, ...outcome };
      const counts = countOutcomes(results);
      const updated = [...outcomes.values()].flatMap((outcome) => (outcome.status === 'updated' ? outcome.id : []));
      if (counts.created + counts.updated > 0) wake();
      if (updated.length > 0) await waitUntilSent(db, { leadIds: updated });
      return {
        results: results.map((result, index) => {
          const external_id = externalIdOf(sent[index]);
          return external_id === undefined ? result : { ...result, external_id };
        }),
        counts,
      };
    },
  );
};

export const bulkRoutes = (app: App, deps: RouteDeps): void => {
  // A scope of its own: elsewhere lines are refused.
  app.register(async (scope) => {
    scope.addContentTypeParser(
      ['application/x-ndjson', 'application/ndjson', 'application/jsonl'],
      { parseAs: 'buffer' },
      async (request: FastifyRequest, body: Buffer) => (request.is404 ? {} : { leads: readLines(body) }),
    );
    bulk(scope as App, deps);
  });
};
