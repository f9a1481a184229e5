// The time machine: what a campaign would do, on a copy in memory. Opens the database itself, and only reads it.
import { readFileSync } from 'node:fs';
import { type Command, InvalidArgumentError } from 'commander';
import { openConfigured } from '../server.ts';
import { type CopiedCampaign, copyCampaign } from '../simulation/copy-campaign.store.ts';
import { startOfDay } from '../simulation/local-day.ts';
import { reportLines } from '../simulation/report-lines.ts';
import { type Rehearsal, simulate } from '../simulation/simulate.ts';
import { readRehearsal } from '../simulation/simulation-file.ts';
import { simulationOr } from '../simulation/typical.ts';
import type { CommandContext } from './account-commands.ts';
import { readCount, readId } from './option-readers.ts';
import { CommandError, type Output } from './output.ts';

interface Options {
  campaign?: number;
  file?: string;
  days: number;
  seed: string;
  from?: string;
}

const DAY = 86_400_000;
const MOST_DAYS = 366;

const HELP = `
Runs the real dialer on a clock that jumps from event to event, with simulated calls, on a copy of the campaign in memory:
calls per hour, when it would be done, what would come of the calls, who would be skipped and why. The campaign runs in the
copy whatever its status is. Nobody is called and nothing is written; 10,000 leads take some seconds.

How the simulated calls turn out: the campaign's own simulation (docs/carriers.md) if it has one; else, since the last digits
of real numbers mean nothing, 45 % human, 20 % voicemail, 25 % no answer, 8 % busy, 2 % dead numbers. The same seed gives the
same calls.

Examples:
  outdial simulate --campaign 7
  outdial simulate --campaign 7 --from 2026-12-01 --days 30 --seed 2
  outdial simulate --file examples/simulation.json --json

docs/simulation.md explains the file and each line of the report.`;

const readDate = (text: string): string => {
  if (!/^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2})?(Z|[+-]\d{2}:\d{2}))?$/.test(text) || Number.isNaN(Date.parse(text)))
    throw new InvalidArgumentError('It must be a date such as 2026-12-01, or an instant such as 2026-12-01T09:00:00Z.');
  return text;
};

const startOf = (from: string | undefined, zone: string): Date => {
  if (from === undefined) return new Date();
  const start = from.includes('T') ? new Date(from) : startOfDay(from, zone);
  if (start === undefined) throw new CommandError(`There is no ${from} in ${zone}.`, 2);
  return start;
};

const readJson = (path: string): unknown => {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    const why = error instanceof SyntaxError ? `is not JSON: ${error.message}` : 'cannot be read';
    throw new CommandError(`${path} ${why}`);
  }
};

// Its leads are due from the start on, which its own zone decides.
const fromFile = (path: string, from: string | undefined): { rehearsal: Rehearsal; start: Date } => {
  const value = readJson(path);
  const seen = readRehearsal(value, new Date(0));
  if (!seen.ok) throw new CommandError(`${path} cannot be used:\n  ${seen.problems.slice(0, 20).join('\n  ')}`);
  const start = startOf(from, seen.rehearsal.campaign.window.zone);
  const leads = seen.rehearsal.leads.map((lead) => (lead.dueAt === null ? lead : { ...lead, dueAt: start }));
  return { rehearsal: { ...seen.rehearsal, leads }, start };
};

const copyOf = async ({ config }: CommandContext, id: number): Promise<CopiedCampaign> => {
  const opened = await openConfigured(config());
  try {
    const copied = await copyCampaign(opened.db, id);
    if (copied === undefined) throw new CommandError(`There is no campaign ${id}.`);
    return copied;
  } finally {
    await opened.close();
  }
};

const noteObstacles = ({ campaign, assistantGone, hasSimulation }: CopiedCampaign, output: Output): void => {
  if (assistantGone) output.note('Its assistant was deleted: as it is, the campaign cannot be started.');
  if (campaign.numbers.length === 0) output.note('It has no number to call from: as it is, the campaign cannot be started.');
  if (!hasSimulation) output.note('The campaign does not say how its simulated calls turn out, so they turn out as is usual.');
};

const fromDatabase = async (
  context: CommandContext,
  id: number,
  from: string | undefined,
): Promise<{ rehearsal: Rehearsal; start: Date }> => {
  const copied = await copyOf(context, id);
  noteObstacles(copied, context.output());
  const { campaign, leads, blacklist } = copied;
  const settings = { ...campaign.settings, simulation: simulationOr(campaign.settings.simulation) };
  return { rehearsal: { campaign: { ...campaign, settings }, leads, blacklist }, start: startOf(from, campaign.window.zone) };
};

const rehearse = async (context: CommandContext, { campaign, file, from, days, seed }: Options): Promise<void> => {
  if ((campaign === undefined) === (file === undefined))
    throw new CommandError('Give a campaign of the database with --campaign, or a file with --file.', 2);
  const { rehearsal, start } = campaign === undefined ? fromFile(file ?? '', from) : await fromDatabase(context, campaign, from);
  const report = await simulate(rehearsal, { from: start, until: new Date(start.getTime() + days * DAY), seed });
  context.output().result(report, reportLines(report));
};

/** Adds `simulate`. */
export const addSimulateCommand = (program: Command, context: CommandContext): void => {
  program
    .command('simulate')
    .description('show what a campaign would do, without calling anybody')
    .option('--campaign <id>', 'a campaign of the database', readId)
    .option('--file <file>', 'a campaign described in a JSON file')
    .option('--from <date>', 'when it starts: a date (midnight in the campaign’s zone) or an instant (default: now)', readDate)
    .option('--days <n>', 'days after which to stop at the latest', readCount(MOST_DAYS), 14)
    .option('--seed <seed>', 'a number or a word', '1')
    .addHelpText('after', HELP)
    .action((options: Options) => rehearse(context, options));
};
