// Contact lists as files: import one, read how it went, list the imports.
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { findCampaign } from '../campaigns/campaigns.store.ts';
import { DomainError, type FieldErrors, ValidationError } from '../errors.ts';
import { IdParams, Message, pageQuery, ValidationFailed } from '../http/fields.ts';
import { PageOf, resolvePage, toPage, toSlice } from '../http/page.ts';
import { pageLocation } from '../http/page-location.ts';
import type { App, RouteDeps } from '../http/types.ts';
import { acceptUploads, describeUpload, type Upload, type UploadedFile, withUpload } from '../http/upload.ts';
import { compileValidator } from '../http/validator.ts';
import { type CountryCode, isCountry } from '../phone.ts';
import { requiredMessage, selectedInvalid } from '../sentences.ts';
import { type ColumnMap, type ColumnPlan, MappingError, parseColumnMap, planColumns } from './column-mapping.ts';
import { detectFileKind, readRows } from './csv.reader.ts';
import { Import, ImportBody, ImportFields, ImportSummary } from './import.schema.ts';
import { type CsvRow, MalformedCsvError, presentImport, presentImportSummary } from './import.ts';
import { createImport, findImport, finishImport, listImports, listVariableNames, readReport, saveBatch } from './imports.store.ts';
import { quoteCell } from './phone-cell.ts';
import { runImport } from './run-import.ts';

const DEFAULT_PER_PAGE = 15;

interface ImportRequest {
  file: UploadedFile;
  campaignId: number;
  country: CountryCode | undefined;
  map: ColumnMap;
  allowDuplicate: boolean;
}

const EMPTY = 'The file is empty.';
const NO_HEADER = 'The file has no header row.';
const WORKBOOK = 'The file is a spreadsheet workbook, not CSV: save it as CSV (in Excel "CSV UTF-8") and import that file.';

const checkFields = compileValidator({ schema: ImportFields, method: 'POST', url: '', httpPart: 'body' });

const fileErrors = ({ file, fields: given }: Upload): FieldErrors => {
  if (file === undefined) return { file: [given.has('file') ? 'The file field must be a file.' : requiredMessage('file')] };
  return file.size === 0 ? { file: [EMPTY] } : {};
};

const readCountry = (text: string | undefined): CountryCode | undefined => {
  const code = text?.toUpperCase();
  if (code === undefined || isCountry(code)) return code;
  throw new ValidationError({ country: [selectedInvalid('country')] });
};

// A mapping that cannot be used and a file that cannot be read are mistakes of the request.
const asRefusal = (error: unknown): unknown => {
  if (error instanceof MappingError) return new ValidationError({ [error.field]: [error.message] });
  return error instanceof MalformedCsvError ? new ValidationError({ file: [error.message] }) : error;
};

const readRequest = (upload: Upload): ImportRequest => {
  const { map = [], ...rest } = Object.fromEntries(upload.fields);
  const verdict = checkFields(Object.fromEntries(Object.entries(rest).map(([name, values]) => [name, values.at(-1)])));
  const found: FieldErrors = fileErrors(upload);
  const refused = typeof verdict === 'object' && 'error' in verdict ? verdict.error : undefined;
  if (refused instanceof ValidationError) throw new ValidationError({ ...found, ...refused.errors });
  if (Object.keys(found).length > 0 || upload.file === undefined) throw new ValidationError(found);
  // The validator's own value: of the type that its schema says.
  const { value } = verdict as { value: Type.Static<typeof ImportFields> };
  return {
    file: upload.file,
    campaignId: value.campaign_id,
    country: readCountry(value.country),
    map: parseColumnMap(map.filter((text) => text !== '')),
    allowDuplicate: value.allow_dupplicate ?? false,
  };
};

interface OpenedFile {
  rows: AsyncGenerator<CsvRow, void>;
  plan: ColumnPlan;
}

const openFile = async (file: UploadedFile, map: ColumnMap, variableNames: readonly string[]): Promise<OpenedFile> => {
  const kind = await detectFileKind(file.read());
  if (kind === 'empty') throw new ValidationError({ file: [EMPTY] });
  if (kind === 'workbook') throw new ValidationError({ file: [WORKBOOK] });
  const rows = readRows(file.read(), kind);
  const header = await rows.next();
  if (header.done) throw new ValidationError({ file: [NO_HEADER] });
  return { rows, plan: planColumns(readHeader(header.value.cells), map, variableNames) };
};

const LONGEST_NAME = 255;

// A name stands in every report of its column, so it has to be short, and text that the database can hold.
const readHeader = (cells: readonly string[]): string[] => {
  const names = cells.map((cell) => cell.replaceAll('\0', '').toWellFormed());
  const long = names.findIndex((name) => name.length > LONGEST_NAME);
  if (long >= 0) throw new ValidationError({ file: [`The name of column ${long + 1} is longer than ${LONGEST_NAME} characters.`] });
  // It would name a variable that nobody meant, on every lead.
  const lost = names.findIndex((name) => name.includes('\uFFFD'));
  if (lost >= 0) {
    const name = quoteCell(names[lost] ?? '');
    throw new ValidationError({
      file: [`The name of column ${lost + 1}, ${name}, holds what could not be read as text: save the file as UTF-8.`],
    });
  }
  return names;
};

const importUpload = async ({ db, clock }: RouteDeps, request: FastifyRequest, upload: Upload) => {
  const accountId = request.account.id;
  const { file, campaignId, country, map, allowDuplicate } = readRequest(upload);
  if ((await findCampaign(db, accountId, campaignId)) === undefined) throw new DomainError('campaign_not_found');
  const { rows, plan } = await openFile(file, map, await listVariableNames(db, accountId, campaignId));
  const created = await createImport(db, accountId, campaignId, clock());
  const job = { id: created.id, accountId, campaignId, allowDuplicate };
  const end = await runImport({
    rows,
    plan,
    country,
    save: (batch) => saveBatch(db, job, batch, clock()),
    onFailure: (error) => request.log.error({ importId: created.id, err: error }, 'import failed'),
  });
  const finishedAt = clock();
  await finishImport(db, accountId, created.id, end, finishedAt);
  // From what was done, not from the row: it may have gone with its campaign.
  return presentImport({ ...created, status: end.status, counts: { ...end.counts }, finished_at: finishedAt }, end.report, finishedAt);
};

const create = (app: App, deps: RouteDeps): void => {
  const schema = {
    tags: ['leads'],
    summary: 'Import a CSV file into a campaign',
    description:
      'Bad rows are reported with their line and reason, good ones are added. The answer may come while the import still runs ' +
      '(`status: running`): read it again under `Location`.',
    consumes: ['multipart/form-data'],
    body: ImportBody,
    response: { 201: Import, 400: Message, 404: Message, 413: Message, 415: Message, 422: ValidationFailed },
  };
  app.post(
    '/user/leads/import',
    // The body arrives as parts, which the handler reads and checks itself; the schema is for the document.
    { schema, config: { idempotency: 'late' }, validatorCompiler: () => () => true },
    async (request, reply) => {
      const result = await withUpload(request, 'file', async (upload) => {
        if (await app.beginKeyed(request, reply, () => describeUpload(upload))) return undefined;
        return importUpload(deps, request, upload);
      }).catch((error: unknown) => {
        throw asRefusal(error);
      });
      if (result === undefined) return reply;
      return reply
        .code(201)
        .header('location', `${pageLocation(request).path}/${result.id}`)
        .send(result);
    },
  );
};

const read = (app: App, { db, clock }: RouteDeps): void => {
  app.get(
    '/user/leads/import/:id',
    { schema: { tags: ['leads'], summary: 'Read an import', params: IdParams, response: { 200: Import, 404: Message } } },
    async (request) => {
      const row = await findImport(db, request.account.id, request.params.id);
      if (row === undefined) throw new DomainError('import_not_found');
      return presentImport(row, await readReport(db, row.id), clock());
    },
  );

  const schema = {
    tags: ['leads'],
    summary: 'Page through imports, the newest first',
    querystring: Type.Object(pageQuery(DEFAULT_PER_PAGE)),
    response: { 200: PageOf(ImportSummary), 422: ValidationFailed },
  };
  app.get('/user/leads/imports', { schema }, async (request) => {
    const { query } = request;
    const page = { page: resolvePage(query.page), perPage: query.per_page ?? DEFAULT_PER_PAGE };
    const { imports, total } = await listImports(db, request.account.id, toSlice(page));
    const now = clock();
    return toPage(
      imports.map((row) => presentImportSummary(row, now)),
      total,
      page,
      pageLocation(request),
    );
  });
};

export const importsRoutes = (app: App, deps: RouteDeps): void => {
  // A scope of its own: elsewhere a multipart body is refused.
  app.register(async (scope) => {
    await acceptUploads(scope, deps.maxUploadBytes);
    create(scope as App, deps);
  });
  read(app, deps);
};
