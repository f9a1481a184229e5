// The shapes of many leads at once: what may be sent, what each item is checked against, and what is answered.
import { Type } from 'typebox';
import { Bool, Id, Text } from '../http/fields.ts';
import { MAX_BULK_LEADS, MAX_EXTERNAL_ID } from './bulk.ts';
import { LeadCreate } from './lead.schema.ts';

const renamed = { 'x-renamed': { variable: 'variables', allow_duplicate: 'allow_dupplicate' } };

const externalId = Type.Optional(
  Text({
    maxLength: MAX_EXTERNAL_ID,
    description: 'What the lead is called where it comes from. A lead of the campaign that has it already is updated instead.',
  }),
);

/** One lead, with its campaign. */
export const BulkLead = Type.Object({ ...LeadCreate.properties, external_id: externalId }, renamed);

/** What holds for the leads that say nothing else: as fields of the body, or in the query. */
export const bulkDefaults = {
  campaign_id: Type.Optional(Id({ description: 'The campaign of those leads that name none.' })),
  allow_dupplicate: Type.Optional(Bool({ description: 'For those leads that do not say it themselves.' })),
};

/** The fields of a body beside its leads. */
export const BulkDefaults = Type.Object(bulkDefaults, { 'x-renamed': { allow_duplicate: 'allow_dupplicate' } });

/** The body in JSON. In NDJSON each line is one of its leads. */
export const BulkBody = Type.Object(
  {
    ...bulkDefaults,
    leads: Type.Array(Type.Object({ ...BulkLead.properties, campaign_id: Type.Optional(Id()) }, renamed), { maxItems: MAX_BULK_LEADS }),
  },
  { 'x-renamed': { allow_duplicate: 'allow_dupplicate' } },
);

const Count = Type.Integer({ minimum: 0 });

/** What became of each lead, in the order sent. */
export const BulkAnswer = Type.Object(
  {
    results: Type.Array(
      Type.Object(
        {
          index: Type.Integer({ minimum: 0, description: 'The place of the lead in the request, from 0; empty lines do not count.' }),
          status: Type.Unsafe<'created' | 'updated' | 'duplicate' | 'invalid'>({
            type: 'string',
            enum: ['created', 'updated', 'duplicate', 'invalid'],
          }),
          id: Type.Optional(Type.Integer({ description: 'Of a duplicate: the lead that has the number.' })),
          external_id: Type.Optional(Type.String()),
          lead_status: Type.Optional(
            Type.Unsafe<'created' | 'blacklisted'>({
              type: 'string',
              enum: ['created', 'blacklisted'],
              description: 'Of a lead that was created.',
            }),
          ),
          errors: Type.Optional(Type.Record(Type.String(), Type.Array(Type.String()))),
        },
        { additionalProperties: false },
      ),
    ),
    counts: Type.Object({ created: Count, updated: Count, duplicate: Count, invalid: Count }, { additionalProperties: false }),
  },
  { additionalProperties: false },
);
