// A rehearsal's report for people.                                                                                   [pure]
import { localTime } from '../campaigns/calling-window.ts';
import type { SimulationReport } from './report.ts';

const SKIPPED: Record<keyof SimulationReport['skipped'], string> = {
  blacklisted: 'the number is on the blacklist',
  attempts_used: 'its attempts were used up before',
  done_before: 'done with before the rehearsal',
  on_a_call_before: 'on a call when the copy was made: left out',
  not_its_turn: 'a contact that was not needed, or whose turn did not come',
  not_called_in_time: 'the rehearsal ended first',
};

const HELD_BACK: Record<string, string> = {
  outside_window: 'outside of the calling window',
  campaign_lines_full: 'all lines of the campaign in use',
  account_lines_full: 'all lines of the account in use',
  carrier_paused: 'the carrier refused calls and was left alone for a while',
  no_number: 'no number to call from',
};

const SECOND = 1;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

const duration = (seconds: number): string => {
  if (seconds < MINUTE) return `${Math.round(seconds)} s`;
  if (seconds < HOUR) return `${Math.round(seconds / MINUTE)} min`;
  return `${Math.floor(seconds / HOUR)} h ${Math.round((seconds % HOUR) / MINUTE)} min`;
};

const list = (counts: Partial<Record<string, number>>, words: Partial<Record<string, string>> = {}): string[] => {
  const entries = Object.entries(counts);
  const width = Math.max(0, ...entries.map(([, count]) => String(count).length));
  return entries.map(([name, count]) => `  ${String(count).padStart(width)}  ${words[name] ?? name}`);
};

const section = (title: string, lines: readonly string[]): string[] => (lines.length === 0 ? [] : ['', title, ...lines]);

const ending = ({ finished_at, until, left, campaign }: SimulationReport): string => {
  const tell = (at: string): string => localTime(campaign.timezone, new Date(at));
  if (finished_at !== null) return `Done on ${tell(finished_at)}.`;
  return `Not done by ${tell(until)}: ${left} ${left === 1 ? 'lead is' : 'leads are'} still to be called.`;
};

/** The report in plain lines. Times are the campaign's own. */
export const reportLines = (report: SimulationReport): string[] => {
  const { campaign, attempts, lines } = report;
  const { seed, from } = report;
  const taken = attempts.refused_by_carrier + attempts.taken_back;
  return [
    `Rehearsal of ${campaign.name} (${campaign.timezone}) from ${localTime(campaign.timezone, new Date(from))}, seed ${seed}. Nobody was called.`,
    '',
    ending(report),
    `Calls: ${attempts.sent}${taken === 0 ? '' : ` (and ${taken} that were refused or taken back before they rang)`}.`,
    `Lines in use: at most ${lines.most} of ${lines.of}, ${lines.mean} on average while anybody was called.`,
    `Longest wait from due to dialed, closed hours after that included: ${duration(report.longest_wait_seconds)}.`,
    ...section('Leads at the end', list(report.leads)),
    ...section('Their contacts', list(report.contacts)),
    ...section('What came of the calls', list(report.outcomes)),
    ...section('Numbers that were not called', list(report.skipped, SKIPPED)),
    ...section('What held the campaign back, and how often it began to', list(report.held_back, HELD_BACK)),
    ...section(
      'Calls per hour',
      report.calls_per_hour.map(({ hour, calls }) => `  ${hour.padEnd(26)}  ${calls}`),
    ),
  ];
};
