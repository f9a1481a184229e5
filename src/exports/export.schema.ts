// What an export may be asked for.
import { Type } from 'typebox';
import { Bool, OneOf } from '../http/fields.ts';
import { leadFilters } from '../leads/lead.schema.ts';

/** The forms that an exported list can have. */
export const EXPORT_FORMATS = ['csv', 'xlsx', 'ndjson'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** What the files are called on the wire. */
export const MEDIA_TYPES: Readonly<Record<ExportFormat, string>> = {
  csv: 'text/csv',
  xlsx: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  ndjson: 'application/x-ndjson',
};

/** The filters of the list, and what the file is to be. */
export const ExportQuery = Type.Object({
  format: Type.Optional(OneOf(EXPORT_FORMATS, { default: 'csv' })),
  ...leadFilters,
  columns: Type.Optional(
    Type.Unsafe<string | Record<string, unknown>>({
      type: ['string', 'object'],
      description:
        'Which columns, in their order, with commas between them; or one columns[] for each, which may then hold commas. ' +
        'Of csv and xlsx. A name that is no column of its own is that of a variable. Default: all.',
      'x-messages': { type: 'The columns field must be a list of names.' },
    }),
  ),
  secondary: Type.Optional(
    Bool({ default: true, description: 'Whether secondary contacts are part of it. Chosen columns say that by themselves.' }),
  ),
});

const File = (description: string) => ({ schema: Type.Unsafe<unknown>({ type: 'string', description }) });

/** The file, in any of its forms. */
export const ExportedFile = {
  description: 'The file, as an attachment. It ends with a broken connection if it could not be written whole.',
  content: {
    [MEDIA_TYPES.csv]: File('UTF-8 with a byte order mark, CRLF, quoted as in RFC 4180, with a header row.'),
    [MEDIA_TYPES.xlsx]: File('A workbook of one sheet, with a header row.'),
    [MEDIA_TYPES.ndjson]: File('A lead on each line, as JSON, as the list has it.'),
  },
};
