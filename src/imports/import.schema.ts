// The shapes of imports on the wire.
import { Type } from 'typebox';
import { Bool, Id, Int, IsoMicro, Nullable, Text } from '../http/fields.ts';
import { ISSUES_SHOWN } from './import.ts';

const IssueOut = Type.Object(
  {
    line: Type.Integer({ description: 'The line of the file on which the row begins, from 1 (the header); 0: the import as a whole.' }),
    kind: Type.String({
      description: 'A stable word: invalid_phone, missing_required, bad_type, duplicate, too_long, secondary_invalid and others.',
    }),
    column: Nullable(Type.String(), { description: 'The header of the column at fault.' }),
    message: Type.String({ description: 'One sentence for a person. May quote the cell.' }),
  },
  { additionalProperties: false },
);

const Counts = Type.Object(
  {
    rows: Type.Integer({ description: 'Rows read, without the header and empty rows: imported + duplicates + failed.' }),
    imported: Type.Integer({ description: 'Rows that became leads, the blacklisted ones included.' }),
    duplicates: Type.Integer({ description: 'Rows whose number the campaign had already, or an earlier row.' }),
    blacklisted: Type.Integer({ description: 'Imported rows whose number is on the blacklist.' }),
    failed: Type.Integer({ description: 'Rows that were not added for another reason.' }),
    warnings: Type.Integer({ description: 'Warnings, all of them; a row may have several.' }),
  },
  { additionalProperties: false },
);

const Progress = Type.Object(
  {
    percent: Type.Number({ description: 'Of the bytes of the file, 0 to 100.' }),
    rows_per_second: Nullable(Type.Integer()),
    seconds_left: Nullable(Type.Integer(), {
      description: 'If it goes on like that; null where nobody knows yet, or nothing is left to do.',
    }),
  },
  { additionalProperties: false },
);

const summary = {
  id: Type.Integer(),
  campaign_id: Type.Integer(),
  status: Type.Unsafe<'running' | 'completed' | 'failed'>({
    type: 'string',
    enum: ['running', 'completed', 'failed'],
    description: 'failed: it ended before the file did; the rows before are kept.',
  }),
  counts: Counts,
  dry_run: Type.Boolean({ description: 'Nothing was added: the counts say what would have been.' }),
  progress: Progress,
};
const times = { created_at: IsoMicro, finished_at: Nullable(IsoMicro) };
/** An import as lists show it. */
export const ImportSummary = Type.Object({ ...summary, ...times }, { additionalProperties: false });

/** An import with its report. */
export const Import = Type.Object(
  {
    ...summary,
    errors: Type.Array(IssueOut, {
      description: `The first ${ISSUES_SHOWN} rows that were not added (failed and duplicate); before them what ended the import early.`,
    }),
    warnings: Type.Array(IssueOut, { description: `The first ${ISSUES_SHOWN} warnings on rows that were added.` }),
    ...times,
  },
  { additionalProperties: false },
);

const fields = {
  campaign_id: Id(),
  country: Type.Optional(Text({ description: 'Country of numbers in national form, ISO 3166-1 alpha-2 (RO).' })),
  allow_dupplicate: Type.Optional(Bool({ description: 'Add rows whose number the campaign has already. Also read as allow_duplicate.' })),
  dry_run: Type.Optional(Bool({ description: 'Read and check everything, and add nothing.' })),
};

/** The fields beside the file, as they are checked. */
export const ImportFields = Type.Object(fields, { 'x-renamed': { allow_duplicate: 'allow_dupplicate' } });

/** Contacts for which a sample file has columns. */
export const SampleQuery = Type.Object({
  contacts: Type.Optional(Int({ minimum: 0, maximum: 10, default: 1, description: 'Secondary contacts with columns, 0 to 10.' })),
});

/** The multipart body, for the document. */
export const ImportBody = Type.Object({
  file: Type.Unsafe<unknown>({
    type: 'string',
    format: 'binary',
    description: 'CSV with a header row; comma, semicolon or tab; UTF-8, Windows-1252 or UTF-16.',
  }),
  ...fields,
  map: Type.Optional(
    Type.String({
      description:
        'JSON object from column header to target, or lines of column=target; may be repeated. Targets: phone_number, ' +
        "secondary_phone_N (1-10), secondary_N_<variable>, a variable's name; null or nothing leaves the column out. " +
        'Columns that are not named are mapped by their headers.',
    }),
  ),
  required: Type.Optional(
    Type.String({ description: 'Variables that must not be empty, with commas between them; may be repeated. A row without one fails.' }),
  ),
  types: Type.Optional(
    Type.String({
      description:
        'JSON object from variable to text, number or boolean, or lines of variable=type; may be repeated. Values become numbers and ' +
        'booleans (true, false, yes, no, 1, 0); a row with a cell that is none fails. Without it they are text.',
    }),
  ),
});
