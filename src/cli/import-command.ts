// `outdial leads import`: sends a file, follows the import to its end, and says how it went.
import { constants, createWriteStream, openAsBlob } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { SingleBar } from 'cli-progress';
import type { Command } from 'commander';
import type { CommandContext } from './account-commands.ts';
import { AnswerLostError, type Connection, type ConnectOptions, connect, RefusedError } from './connect.ts';
import { findOrMakeCampaign, type Made, type Named, takeBack } from './import-target.ts';
import { connectOptions } from './lead-options.ts';
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
  dry_run: boolean;
  progress: { percent: number; rows_per_second: number | null; seconds_left: number | null };
  counts: Record<'rows' | 'imported' | 'duplicates' | 'blacklisted' | 'failed' | 'warnings', number>;
  errors: ImportIssue[];
  warnings: ImportIssue[];
}

interface ImportOptions extends ConnectOptions {
  campaign: string;
  country?: string;
  map?: string[];
  require?: string[];
  type?: string[];
  allowDuplicates?: boolean;
  dryRun?: boolean;
  report?: string;
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
    result.dry_run
      ? `A dry run: nothing was added. ${imported} of ${rows} rows would become leads of campaign ${campaign.id} (${campaign.name}).`
      : `${imported} of ${rows} rows are now leads of campaign ${campaign.id} (${campaign.name}).`,
    `duplicates left out: ${duplicates}, failed: ${failed}, warnings: ${warnings}, of the imported on the blacklist: ${blacklisted}`,
    ...issueLines('Rows that were not added:', result.errors, duplicates + failed),
    ...issueLines(result.dry_run ? 'Warnings (the rows would be added):' : 'Warnings (the rows were added):', result.warnings, warnings),
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
  for (const name of options.require ?? []) form.append('required', name);
  for (const pair of options.type ?? []) form.append('types', pair);
  if (options.dryRun === true) form.set('dry_run', 'true');
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

const POLL_MS = 500;

const timeLeft = (seconds: number | null): string => {
  if (seconds === null) return '';
  return seconds < 90 ? `${seconds} s left` : `${Math.ceil(seconds / 60)} min left`;
};

const createBar = () =>
  new SingleBar({
    format: '{bar} {percentage}% | {rows} rows | {rate} rows/s | {left}',
    stream: process.stderr,
    hideCursor: true,
    clearOnComplete: true,
  });

/** Reads the import until it has ended; on a terminal with a bar. It goes on without us: whoever breaks off loses nothing. */
const follow = async (api: Connection, begun: ImportResult): Promise<ImportResult> => {
  if (begun.status !== 'running') return begun;
  const bar = process.stderr.isTTY ? createBar() : undefined;
  const show = ({ progress, counts }: ImportResult): void =>
    bar?.update(progress.percent, { rows: counts.rows, rate: progress.rows_per_second ?? '-', left: timeLeft(progress.seconds_left) });
  bar?.start(100, 0, { rows: 0, rate: '-', left: '' });
  try {
    let result = begun;
    while (result.status === 'running') {
      show(result);
      await pause(POLL_MS);
      result = await api.request('GET', `/api/user/leads/import/${begun.id}`);
    }
    return result;
  } finally {
    bar?.stop();
  }
};

const saveReport = async (api: Connection, { id }: ImportResult, path: string): Promise<void> => {
  const file = await api.download(`/api/user/leads/import/${id}/report`);
  await pipeline(file, createWriteStream(path));
};

const runImport = async (api: Connection, file: File, options: ImportOptions, output: Output): Promise<ImportEnd> => {
  const made: Made[] = [];
  try {
    const campaign = await findOrMakeCampaign(api, options.campaign, made, output);
    return { campaign, result: await follow(api, await sendFile(api, importForm(file, campaign, options))) };
  } catch (error) {
    // Only what was refused has surely left nothing in the campaign.
    if (!(error instanceof RefusedError) || error.status >= 500) throw error;
    throw new CommandError([error.message, ...(await takeBack(api, made))].join('\n  '));
  }
};

/** Adds `leads import`. */
export const addImport = (leads: Command, { config, output }: CommandContext): void => {
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
    .option('--require <variable>', 'a variable that must not be empty; may be repeated', collect)
    .option('--type <variable=type>', 'whether a variable is a number, a boolean or text, as it is without; may be repeated', collect)
    .option('--dry-run', 'read and check everything, and add nothing')
    .option('--report <file>', 'write the rows that were not added to a CSV file, each with its reason')
    .option('--allow-duplicates', 'add rows although the campaign has their number');
  connectOptions(command).action(async (file: string, options: ImportOptions) => {
    const opened = await openFile(file);
    const api = await connect(config(), options, output());
    try {
      const { campaign, result } = await runImport(api, opened, options, output());
      if (options.report !== undefined) await saveReport(api, result, options.report);
      const saved =
        options.report === undefined ? [] : ['', `The rows that were not added are in ${options.report}: correct and import it.`];
      output().result(result, [...importLines(result, campaign), ...saved]);
      if (result.status === 'failed') process.exitCode = 1;
    } finally {
      await api.close();
    }
  });
};
