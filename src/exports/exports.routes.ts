// A list of leads as a file. What can be refused is refused before the first byte; after that a failure breaks the connection.
import type { Type } from 'typebox';
import { ValidationError } from '../errors.ts';
import { ValidationFailed } from '../http/fields.ts';
import type { App, RouteDeps } from '../http/types.ts';
import { presentLead } from '../leads/lead.ts';
import { toLeadFilter } from '../leads/lead-query.ts';
import { writeCsv } from './csv.writer.ts';
import { ExportedFile, type ExportFormat, ExportQuery, MEDIA_TYPES } from './export.schema.ts';
import { fixRange, type LeadRange, readLeads, surveyLeads } from './export-rows.store.ts';
import { allColumns, chosenColumns, headerCells, isNumeric, leadCells, type NamedColumn } from './lead-cells.ts';
import { writeNdjson } from './ndjson.writer.ts';
import { fitsSheet, MAX_ROWS } from './sheet-xml.ts';
import { writeXlsx } from './xlsx.writer.ts';

type Query = Type.Static<typeof ExportQuery>;
type File = ReturnType<typeof writeNdjson>;

// As many as an import takes.
const MAX_COLUMNS = 200;
const LONGEST_NAME = 255;

const readChoice = ({ columns, format }: Query): NamedColumn[] | undefined => {
  if (columns === undefined) return undefined;
  const refuse = (message: string): never => {
    throw new ValidationError({ columns: [message] });
  };
  if (format === 'ndjson') return refuse('The columns field is for the formats csv and xlsx: every line of ndjson is a whole lead.');
  const names = typeof columns === 'string' ? columns.split(',').map((name) => name.trim()) : Object.values(columns);
  const given = names.filter((name) => typeof name === 'string').filter((name) => name !== '');
  if (names.some((name) => name !== null && typeof name !== 'string') || given.length === 0) {
    return refuse('The columns field must be a list of names.');
  }
  if (given.length > MAX_COLUMNS) return refuse(`The columns field may name ${MAX_COLUMNS} columns.`);
  if (given.some((name) => name.length > LONGEST_NAME)) return refuse(`A name of the columns field may have ${LONGEST_NAME} characters.`);
  return chosenColumns(given);
};

interface Plan {
  range: LeadRange;
  columns: NamedColumn[];
  contacts: boolean;
}

const refuseLongList = (leads: number): void => {
  if (fitsSheet(leads)) return;
  throw new ValidationError({
    format: [`A sheet holds ${MAX_ROWS - 1} leads and the list has ${leads}: take csv or ndjson, or narrow the list.`],
  });
};

// What the header needs to know of all rows.
const planTable = async ({ db, clock }: RouteDeps, range: LeadRange, query: Query, chosen: NamedColumn[] | undefined): Promise<Plan> => {
  const isSheet = query.format === 'xlsx';
  const contacts = chosen?.some(({ column }) => 'slot' in column) ?? query.secondary ?? true;
  // Chosen columns are known; but a sheet has to be short enough.
  if (chosen !== undefined && !isSheet) return { range, columns: chosen, contacts };
  const { leads, names } = await surveyLeads(db, clock, range, { contacts, mostNames: chosen === undefined ? MAX_COLUMNS : 0 });
  const columns = chosen ?? allColumns(names);
  if (columns.length > MAX_COLUMNS) {
    throw new ValidationError({
      columns: [`The list has more than ${MAX_COLUMNS} columns: choose some of them with columns, or take ndjson.`],
    });
  }
  if (isSheet) refuseLongList(leads);
  return { range, columns, contacts };
};

const writeTable = ({ db, clock }: RouteDeps, format: 'csv' | 'xlsx', { range, columns, contacts }: Plan): File => {
  const rows = async function* () {
    for await (const leads of readLeads(db, clock, range, { contacts })) yield leads.map((lead) => leadCells(lead, columns));
  };
  const header = headerCells(columns);
  return format === 'csv' ? writeCsv(header, rows()) : writeXlsx(header, rows(), { numeric: columns.map(isNumeric), at: clock() });
};

const writeLines = ({ db, clock }: RouteDeps, range: LeadRange, contacts: boolean): File => {
  const lines = async function* () {
    for await (const leads of readLeads(db, clock, range, { contacts })) yield leads.map(presentLead);
  };
  return writeNdjson(lines());
};

const openFile = async (deps: RouteDeps, accountId: number, query: Query): Promise<File> => {
  const chosen = readChoice(query);
  const range = await fixRange(deps.db, accountId, toLeadFilter(query));
  const { format = 'csv' } = query;
  if (format === 'ndjson') return writeLines(deps, range, query.secondary ?? true);
  return writeTable(deps, format, await planTable(deps, range, query, chosen));
};

const nameFile = (format: ExportFormat, { campaign_id }: Query, now: Date): string =>
  `leads${campaign_id === undefined ? '' : `-campaign-${campaign_id}`}-${now.toISOString().slice(0, 10)}.${format}`;

export const exportsRoutes = (app: App, deps: RouteDeps): void => {
  const schema = {
    tags: ['leads'],
    summary: 'Export leads as a file',
    description:
      'The leads of the list with these filters, by ascending id, as many as there are. A file of csv or xlsx can be imported again as ' +
      'it is. A variable that a lead has only since the export began has no column.',
    querystring: ExportQuery,
    response: { 200: ExportedFile, 422: ValidationFailed },
  };
  app.get('/user/leads/export', { schema }, async (request, reply) => {
    const { query } = request;
    const { format = 'csv' } = query;
    return app.sendAttachment(request, reply, {
      name: nameFile(format, query, deps.clock()),
      type: format === 'xlsx' ? MEDIA_TYPES[format] : `${MEDIA_TYPES[format]}; charset=utf-8`,
      file: await openFile(deps, request.account.id, query),
    });
  });
};
