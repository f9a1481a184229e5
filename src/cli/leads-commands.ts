// `outdial leads`: list and recount leads; import and export are in files of their own. Clients of the API like any other.
import type { Command } from 'commander';
import { recountLeads } from '../leads/recount.store.ts';
import { type CommandContext, withDatabase } from './account-commands.ts';
import { type ConnectOptions, connect } from './connect.ts';
import { addExport } from './export-command.ts';
import { addImport } from './import-command.ts';
import type { Named } from './import-target.ts';
import { connectOptions, type FilterOptions, filterOptions, filterParameters, toQuery } from './lead-options.ts';
import { table } from './output.ts';

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
