// Contact lists as files: import one, read how it goes, take its report and a sample file, list the imports.
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
import { type ColumnMap, MappingError, parseColumnMap, planColumns } from './column-mapping.ts';
import { detectFileKind } from './csv.reader.ts';
import { type RowsFile, type RowsKind, readFileRows } from './file-rows.reader.ts';
import { Import, ImportBody, ImportFields, ImportSummary, SampleQuery } from './import.schema.ts';
import { type Course, MalformedCsvError, presentImport, presentImportSummary } from './import.ts';
import { createImport, findImport, findStoredImport, listImports, listVariableNames, readRejects, readReport } from './imports.store.ts';
import { quoteCell } from './phone-cell.ts';
import { writeRejects, writeSample } from './report.writer.ts';
import { openSpooled } from './spool.reader.ts';
import { applyRules, parseRules, type VariableRules } from './variable-rules.ts';

const DEFAULT_PER_PAGE = 15;

interface ImportRequest {
  file: UploadedFile;
  campaignId: number;
  country: CountryCode | undefined;
  map: ColumnMap;
  rules: VariableRules;
  allowDuplicate: boolean;
  dryRun: boolean;
}

const EMPTY = 'The file is empty.';
const NO_HEADER = 'The file has no header row.';
const OLD_WORKBOOK =
  'The file is an old Excel workbook (.xls), or a workbook with a password: save it as .xlsx without a password, and import that file.';

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

const isGiven = (text: unknown): boolean => text !== '';

const readRequest = (upload: Upload): ImportRequest => {
  const { map = [], required = [], types = [], ...rest } = Object.fromEntries(upload.fields);
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
    map: parseColumnMap(map.filter(isGiven)),
    rules: parseRules(required, types.filter(isGiven)),
    allowDuplicate: value.allow_dupplicate ?? false,
    dryRun: value.dry_run ?? false,
  };
};

const readFirstRow = async (file: RowsFile, kind: RowsKind): Promise<readonly string[]> => {
  for await (const [first] of readFileRows(file, kind)) if (first !== undefined) return first.cells;
  throw new ValidationError({ file: [NO_HEADER] });
};

const readCourse = async (
  { map, rules, country, allowDuplicate }: ImportRequest,
  file: RowsFile,
  variableNames: readonly string[],
): Promise<Course> => {
  const kind = await detectFileKind(file.read());
  if (kind === 'empty') throw new ValidationError({ file: [EMPTY] });
  if (kind === 'xls') throw new ValidationError({ file: [OLD_WORKBOOK] });
  const header = readHeader(await readFirstRow(file, kind));
  const plan = applyRules(planColumns(header, map, variableNames), rules);
  return { kind, header, plan, country: country ?? null, allow_duplicate: allowDuplicate };
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

const beginImport = async ({ db, clock, imports }: RouteDeps, accountId: number, upload: Upload): Promise<number> => {
  const asked = readRequest(upload);
  const { file, campaignId, dryRun } = asked;
  if ((await findCampaign(db, accountId, campaignId)) === undefined) throw new DomainError('campaign_not_found');
  const variableNames = await listVariableNames(db, accountId, campaignId);
  const spooled = await openSpooled(imports.folder, file.name);
  const course = await readCourse(asked, spooled, variableNames).finally(() => spooled.close());
  await file.keep();
  return (await createImport(db, { accountId, campaignId, spool: file.name, bytes: file.size, course, dryRun }, clock())).id;
};

const LONGEST_WAIT = 60;

// RFC 7240: how long the client would wait for the end, in seconds.
const readWait = (prefer: string | string[] | undefined): number | undefined => {
  const text = [prefer ?? ''].flat().join(',');
  if (/(^|,)\s*respond-async\b/i.test(text)) return 0;
  const wait = /(^|[,;])\s*wait\s*=\s*"?(\d{1,6})"?/i.exec(text)?.[2];
  return wait === undefined ? undefined : Math.min(Number(wait), LONGEST_WAIT) * 1000;
};

const waitAtMost = async (work: Promise<void>, milliseconds: number): Promise<void> => {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  await Promise.race([work, over]);
  clearTimeout(timer);
};

const create = (app: App, deps: RouteDeps): void => {
  const schema = {
    tags: ['leads'],
    summary: 'Import a CSV or XLSX file into a campaign',
    description:
      'Bad rows are reported with their line and reason, good ones are added. The import runs in the background: a short one has ended when ' +
      'the answer comes, a longer one is `running`: read it again under `Location`. `Prefer: wait=30` waits that many seconds for the end ' +
      '(0 to 60, 2 without it), `Prefer: respond-async` not at all.',
    consumes: ['multipart/form-data'],
    body: ImportBody,
    response: { 201: Import, 400: Message, 404: Message, 413: Message, 415: Message, 422: ValidationFailed },
  };
  app.post(
    '/user/leads/import',
    // The body arrives as parts, which the handler reads and checks itself; the schema is for the document.
    { schema, config: { idempotency: 'late' }, validatorCompiler: () => () => true },
    async (request, reply) => {
      const accountId = request.account.id;
      const place = { field: 'file', folder: deps.imports.folder };
      const id = await withUpload(request, place, async (upload) => {
        if (await app.beginKeyed(request, reply, () => describeUpload(upload))) return undefined;
        return beginImport(deps, accountId, upload);
      }).catch((error: unknown) => {
        throw asRefusal(error);
      });
      if (id === undefined) return reply;
      await waitAtMost(deps.imports.run(id), readWait(request.headers.prefer) ?? deps.imports.waitMs);
      const row = await findStoredImport(deps.db, accountId, id);
      // It went with its campaign.
      if (row === undefined) throw new DomainError('campaign_not_found');
      return reply
        .code(201)
        .header('location', `${pageLocation(request).path}/${id}`)
        .send(presentImport(row, await readReport(deps.db, id), deps.clock()));
    },
  );
};

const CsvFile = {
  description: 'The file, as an attachment.',
  content: {
    'text/csv': {
      schema: Type.Unsafe<unknown>({ type: 'string', description: 'UTF-8 with a byte order mark, CRLF, quoted as in RFC 4180.' }),
    },
  },
};

const CSV = 'text/csv; charset=utf-8';

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

  const report = {
    tags: ['leads'],
    summary: 'The rows of an import that were not added, as CSV',
    description: 'All of them, as they stood in the file, with a last column `error`. Corrected, the file can be imported as it is.',
    params: IdParams,
    response: { 200: CsvFile, 404: Message },
  };
  app.get('/user/leads/import/:id/report', { schema: report }, async (request, reply) => {
    const row = await findImport(db, request.account.id, request.params.id);
    if (row === undefined) throw new DomainError('import_not_found');
    // Imports of before there were reports have none.
    const course = (row.course as Course | null) ?? { header: [], plan: { variables: [] } };
    const file = writeRejects(course, readRejects(db, row.id));
    return app.sendAttachment(request, reply, { name: `import-${row.id}-errors.csv`, type: CSV, file });
  });

  const sample = {
    tags: ['leads'],
    summary: 'A sample of a file to import into a campaign, as CSV',
    description: "A column for the number, for each variable of the campaign's assistant, and for secondary contacts.",
    params: IdParams,
    querystring: SampleQuery,
    response: { 200: CsvFile, 404: Message, 422: ValidationFailed },
  };
  app.get('/user/campaigns/:id/import-sample', { schema: sample }, async (request, reply) => {
    const { id } = request.params;
    if ((await findCampaign(db, request.account.id, id)) === undefined) throw new DomainError('campaign_not_found');
    const variables = await listVariableNames(db, request.account.id, id);
    const file = writeSample(variables, request.query.contacts ?? 1);
    return app.sendAttachment(request, reply, { name: `campaign-${id}-sample.csv`, type: CSV, file });
  });

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
