// Options that commands on leads share: which API, and which leads.
import type { Command } from 'commander';
import { readId } from './option-readers.ts';

/** Adds the options of `ConnectOptions`. */
export const connectOptions = (command: Command): Command =>
  command
    .option('--url <url>', 'a running server (default: OUTDIAL_URL, else the database itself)')
    .option('--key <key>', 'API key for a running server (default: OUTDIAL_API_KEY)')
    .option('--account <id>', 'whose leads, when the database is opened directly and holds several accounts', readId);

/** Which leads are meant. */
export interface FilterOptions {
  status?: string;
  campaign?: string;
  phone?: string;
  from?: string;
  to?: string;
}

/** Adds the options of `FilterOptions`. */
export const filterOptions = (command: Command): Command =>
  command
    .option('--status <status>', 'created, scheduled, processing, completed, rescheduled, reached-max-retries or blacklisted')
    .option('--campaign <id>', 'of one campaign')
    .option('--phone <part>', 'whose number holds these digits; with a leading + it begins with them')
    .option('--from <day>', 'created on or after this day (YYYY-MM-DD, UTC)')
    .option('--to <day>', 'created on or before this day');

/** The filters as the API's parameters. */
export const filterParameters = ({ status, campaign, phone, from, to }: FilterOptions): Record<string, string | undefined> => ({
  status,
  campaign_id: campaign,
  phone_number: phone,
  date_from: from,
  date_to: to,
});

/** A query string of the parameters that are given, empty where there is none. */
export const toQuery = (parameters: Readonly<Record<string, string | undefined>>): string => {
  const given = Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`;
};
