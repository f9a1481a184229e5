// The shapes of leads on the wire: what is answered and what may be sent.
import { Type } from 'typebox';
import { Bool, Changes, Day, Id, OneOf, Phone, pageQuery, SpaceDateTime, Text, VariablesIn, VariablesOut } from '../http/fields.ts';
import { AUTOMATIC_STATUSES, LEAD_STATUSES, MAX_CONTACTS } from './lead.ts';
import { LEAD_ORDERS } from './lead-filter.ts';

const MAX_VARIABLE_FILTERS = 10;

const Status = Type.Unsafe<(typeof LEAD_STATUSES)[number]>({ type: 'string', enum: [...LEAD_STATUSES] });

/** A secondary contact. */
export const SecondaryContact = Type.Object(
  {
    id: Type.Integer({ description: 'From the same sequence as the ids of leads.' }),
    phone_number: Type.String({ description: 'E.164' }),
    variables: VariablesOut,
    status: Status,
    created_at: SpaceDateTime,
    updated_at: SpaceDateTime,
  },
  { additionalProperties: false },
);

/** A lead. */
export const Lead = Type.Object(
  {
    id: Type.Integer(),
    campaign_id: Type.Integer(),
    phone_number: Type.String({ description: 'E.164' }),
    variables: VariablesOut,
    status: Status,
    created_at: SpaceDateTime,
    updated_at: SpaceDateTime,
    campaign: Type.Object({ id: Type.Integer(), name: Type.String() }, { additionalProperties: false }),
    secondary_contacts: Type.Array(SecondaryContact, { description: 'In calling order.' }),
  },
  { additionalProperties: false },
);

/** What a list of leads may be narrowed to: the documented five, and ours. */
export const leadFilters = {
  status: Type.Optional(OneOf(LEAD_STATUSES)),
  campaign_id: Type.Optional(Id()),
  phone_number: Type.Optional(
    Type.String({
      maxLength: 32,
      format: 'phone-filter',
      description: 'A part of the number: digits anywhere, or with a leading + from its start. Separators are dropped.',
    }),
  ),
  date_from: Type.Optional(Day({ description: 'Created on or after this day, UTC.' })),
  date_to: Type.Optional(Day({ description: 'Created on or before this day, UTC.' })),
  updated_since: Type.Optional(
    Type.String({
      format: 'instant',
      'x-messages': { format: 'The :attribute field must be a valid date.' },
      description: 'Changed at or after this instant: a day, YYYY-MM-DD HH:MM:SS, or ISO 8601; UTC where no offset is named.',
    }),
  ),
  variables: Type.Optional(
    Type.Record(Type.String(), Type.String({ maxLength: 2000 }), {
      maxProperties: MAX_VARIABLE_FILTERS,
      description: 'variables[key]=value: leads whose variable has exactly this value. Several must all hold.',
      'x-messages': {
        type: 'The :attribute field must be an array.',
        maxProperties: `The :attribute field must not have more than ${MAX_VARIABLE_FILTERS} items.`,
      },
    }),
  ),
  q: Type.Optional(
    Text({
      maxLength: 200,
      description:
        'Words, all of which must be found: as the beginning of a word of a variable, or, if it is four digits or more, as a part of the number.',
    }),
  ),
};

/** How a list of leads may be ordered. */
export const leadOrder = {
  sort: Type.Optional(OneOf(LEAD_ORDERS, { description: 'A leading - turns it round. By id where none is given.' })),
};

/** The parameters of the list. */
export const LeadQuery = Type.Object({
  ...leadFilters,
  ...leadOrder,
  ...pageQuery(15),
  cursor: Type.Optional(
    Type.String({
      format: 'cursor',
      'x-messages': { format: 'The selected :attribute is invalid.' },
      description: 'Instead of a page: read on from here, as next_cursor and prev_cursor say. Empty: from the beginning.',
    }),
  ),
});

/** A secondary contact to be added. */
export const ContactCreate = Type.Object(
  { phone_number: Phone(), variables: Type.Optional(VariablesIn()) },
  { 'x-renamed': { variable: 'variables' } },
);

/** A lead to be added. */
export const LeadCreate = Type.Object(
  {
    phone_number: Phone(),
    campaign_id: Id(),
    variables: Type.Optional(VariablesIn()),
    allow_dupplicate: Type.Optional(
      Bool({ default: false, description: 'Add it although the campaign has the number. Spelled with two p, as documented.' }),
    ),
    secondary_contacts: Type.Optional(Type.Array(ContactCreate, { maxItems: MAX_CONTACTS, description: 'In calling order.' })),
  },
  { 'x-renamed': { variable: 'variables', allow_duplicate: 'allow_dupplicate' } },
);

const StatusChange = Type.Optional(
  OneOf(LEAD_STATUSES, {
    not: { enum: [...AUTOMATIC_STATUSES] },
    'x-messages': { not: 'This status is assigned automatically and cannot be set manually' },
  }),
);

const VariablesChange = Type.Optional(
  VariablesIn({ description: 'Merged key by key into the stored ones.', 'x-messages': { type: 'Variables must be an array' } }),
);

/** What may be changed of a lead; any other key is refused. */
export const LeadUpdate = Changes(
  { campaign_id: Type.Optional(Id()), phone_number: Type.Optional(Phone()), status: StatusChange, variables: VariablesChange },
  { additionalProperties: false },
);

/** What may be changed of a contact. */
export const ContactUpdate = Changes(
  { phone_number: Type.Optional(Phone()), status: StatusChange, variables: VariablesChange },
  { additionalProperties: false },
);

/** A new calling order. */
export const ContactOrder = Type.Object({
  contact_ids: Type.Array(Id(), { maxItems: MAX_CONTACTS, uniqueItems: true }),
});
