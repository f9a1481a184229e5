// `outdial leads`: import a contact list, list leads; export is in export-command.ts. Clients of the API like any other.
import { constants, openAsBlob } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Command } from 'commander';
import { recountLeads } from '../leads/recount.store.ts';
import { type CommandContext, withDatabase } from './account-commands.ts';
import { AnswerLostError, type Connection, type ConnectOptions, connect, RefusedError } from './connect.ts';
import { addExport } from './export-command.ts';
import { findOrMakeCampaign, type Made, type Named, takeBack } from './import-target.ts';
import { connectOptions, type FilterOptions, filterOptions, filterParameters, toQuery } from './lead-options.ts';
import { CommandError, type Output, table } from './output.ts';

interface ImportIssue {
  line: number;
  kind: string;
  column: string | null;
  message: string;
}

interface ImportResult {
  id: number;
  campaign_id: number;
  status: string;
  counts: Record<'rows' | 'imported' | 'duplicates' | 'blacklisted' | 'failed' | 'warnings', number>;
  errors: ImportIssue[];
  warnings: ImportIssue[];
}

interface ImportOptions extends ConnectOptions {
  campaign: string;
  country?: string;
  map?: string[];
  allowDuplicates?: boolean;
}

const collect = (value: string, all: string[] = []): string[] => [...all, value];

const issueLines = (title: string, issues: readonly ImportIssue[], count: number): string[] => {
  if (issues.length === 0) return [];
  const rows = issues.map((issue) => [issue.line, issue.column, issue.message]);
  const more = count > issues.length ? [`... and ${count - issues.length} more`] : [];
  return ['', title, ...table(['line', 'column', 'what'], rows), ...more];
};

const importLines = (result: ImportResult, campaign: Named): string[] => {
  const { rows, imported, duplicates, blacklisted, failed, warnings } = result.counts;
  return [
    `${imported} of ${rows} rows are now leads of campaign ${campaign.id} (${campaign.name}).`,
    `duplicates left out: ${duplicates}, failed: ${failed}, warnings: ${warnings}, of the imported on the blacklist: ${blacklisted}`,
    ...issueLines('Rows that were not added:', result.errors, duplicates + failed),
    ...issueLines('Warnings (the rows were added):', result.warnings, warnings),
  ];
};

// Before anything is made for the sake of a file that cannot be imported.
const openFile = async (file: string): Promise<File> => {
  const found = await stat(file).catch(() => undefined);
  if (found?.isDirectory()) throw new CommandError(`Cannot read ${file}: it is a folder, not a file.`);
  const isReadable = await access(file, constants.R_OK).then(
    () => true,
    () => false,
  );
  if (!found?.isFile() || !isReadable) throw new CommandError(`Cannot read ${file}.`);
  if (found.size === 0) throw new CommandError(`The file ${file} is empty.`);
  return new File([await openAsBlob(file)], basename(file));
};

const importForm = (file: File, campaign: Named, options: ImportOptions): FormData => {
  const form = new FormData();
  form.set('campaign_id', String(campaign.id));
  if (options.country !== undefined) form.set('country', options.country.toUpperCase());
  for (const pair of options.map ?? []) form.append('map', pair);
  if (options.allowDuplicates === true) form.set('allow_dupplicate', 'true');
  form.set('file', file);
  return form;
};

interface ImportEnd {
  campaign: Named;
  result: ImportResult;
}

const sendFile = async (api: Connection, form: FormData): Promise<ImportResult> => {
  try {
    return await api.request('POST', '/api/user/leads/import', form);
  } catch (error) {
    if (!(error instanceof AnswerLostError)) throw error;
    throw new CommandError(
      `${error.message}\n  If the server still runs, so does the import: GET /api/user/leads/imports tells how it went.`,
    );
  }
};

const runImport = async (api: Connection, file: File, options: ImportOptions, output: Output): Promise<ImportEnd> => {
  const made: Made[] = [];
  try {
    const campaign = await findOrMakeCampaign(api, options.campaign, made, output);
    return { campaign, result: await sendFile(api, importForm(file, campaign, options)) };
  } catch (error) {
    // Only what was refused has surely left nothing in the campaign.
    if (!(error instanceof RefusedError) || error.status >= 500) throw error;
    throw new CommandError([error.message, ...(await takeBack(api, made))].join('\n  '));
  }
};

const addImport = (leads: Command, { config, output }: CommandContext): void => {
  const command = leads
    .command('import')
    .description('add the rows of a CSV or XLSX file to a campaign')
    .argument(
      '<file>',
      'CSV (comma, semicolon or tab; UTF-8 or Windows-1252) or an .xlsx workbook, whose first sheet counts; with a header row',
    )
    .requiredOption('--campaign <id or name>', 'where to; a name that does not exist yet makes the campaign')
    .option('--country <code>', 'two-letter country of numbers written without a country code, e.g. RO')
    .option(
      '--map <column=target>',
      'what a column is: phone_number, secondary_phone_1, a variable name, or nothing to leave it out; may be repeated',
      collect,
    )
    .option('--allow-duplicates', 'add rows although the campaign has their number');
  connectOptions(command).action(async (file: string, options: ImportOptions) => {
    const opened = await openFile(file);
    const api = await connect(config(), options, output());
    try {
      const { campaign, result } = await runImport(api, opened, options, output());
      output().result(result, importLines(result, campaign));
      if (result.status === 'failed') process.exitCode = 1;
    } finally {
      await api.close();
    }
  });
};

interface ListedLead {
  id: number;
  phone_number: string;
  status: string;
  created_at: string;
  campaign: Named;
  secondary_contacts: unknown[];
}

interface LeadPage {
  data: ListedLead[];
  current_page: number;
  last_page: number;
  total: number;
}

interface ListOptions extends ConnectOptions, FilterOptions {
  perPage?: string;
  page?: string;
}

const addList = (leads: Command, { config, output }: CommandContext): void => {
  const command = filterOptions(leads.command('list').description('list leads, a page at a time'))
    .option('--per-page <n>', '1 to 100')
    .option('--page <n>', 'from 1');
  connectOptions(command).action(async (options: ListOptions) => {
    const api = await connect(config(), options, output());
    const query = toQuery({ ...filterParameters(options), per_page: options.perPage, page: options.page });
    try {
      const page = await api.request<LeadPage>('GET', `/api/user/leads${query}`);
      const rows = page.data.map((lead) => [
        lead.id,
        lead.phone_number,
        lead.status,
        lead.created_at,
        lead.campaign.name,
        lead.secondary_contacts.length,
      ]);
      output().result(page, [
        ...table(['id', 'phone number', 'status', 'created (UTC)', 'campaign', 'contacts'], rows),
        `page ${page.current_page} of ${page.last_page}, ${page.total} leads`,
      ]);
    } finally {
      await api.close();
    }
  });
};

const addRecount = (leads: Command, { config, output }: CommandContext): void => {
  leads
    .command('recount')
    .description('count all leads anew and mend the kept counts; says if that was needed. Opens the database itself')
    .action(async () => {
      const wrong = await withDatabase(config(), recountLeads);
      const said =
        wrong.totals + wrong.cells === 0
          ? 'All counts were right.'
          : `Mended ${wrong.totals} totals and ${wrong.cells} counts of blocks and days that were wrong. That should never be: please report it.`;
      output().result(wrong, said);
    });
};

/** Adds `leads import`, `leads list`, `leads export` and `leads recount`. */
export const addLeadsCommands = (program: Command, context: CommandContext): void => {
  const leads = program.command('leads').description('import, list, export and recount leads');
  addImport(leads, context);
  addList(leads, context);
  addExport(leads, context);
  addRecount(leads, context);
};
