// `outdial erase`: removes every trace of a person by number, through the API like any other client.
import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import type { CommandContext } from './account-commands.ts';
import { type ConnectOptions, connect } from './connect.ts';
import { connectOptions } from './lead-options.ts';
import { CommandError, table } from './output.ts';

interface Erased {
  message: string;
  dry_run: boolean;
  erased: Record<string, number>;
}

interface EraseOptions extends ConnectOptions {
  dryRun?: boolean;
  yes?: boolean;
}

const linesOf = ({ message, erased }: Erased): string[] => {
  const rows = Object.entries(erased).filter(([, count]) => count > 0);
  return [
    `${message}.`,
    ...table(
      ['what', 'how many'],
      rows.map(([kind, count]) => [kind.replaceAll('_', ' '), count]),
    ).slice(rows.length === 0 ? 1 : 0),
  ];
};

const isSure = async (): Promise<boolean> => {
  if (!process.stdin.isTTY)
    throw new CommandError('Nothing was erased: say --yes, since there is nobody to ask. --dry-run only counts.', 2);
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question('Erase everything about this number for good? [y/N] ')).trim());
  } finally {
    terminal.close();
  }
};

/** Adds `erase`. */
export const addEraseCommand = (program: Command, { config, output }: CommandContext): void => {
  const command = program
    .command('erase')
    .description('remove every trace of a person by number: leads, calls, webhooks, import rows. Only the blacklist entry stays')
    .argument('<number>', 'with its country code, e.g. +12025550143')
    .option('--dry-run', 'only count what would be removed')
    .option('--yes', 'do not ask');
  connectOptions(command).action(async (number: string, options: EraseOptions) => {
    const dryRun = options.dryRun === true;
    if (!dryRun && options.yes !== true && !(await isSure())) throw new CommandError('Nothing was erased.');
    const api = await connect(config(), options, output());
    try {
      const result = await api.request<Erased>('POST', '/api/user/erase', { phone_number: number, dry_run: dryRun });
      output().result(result, linesOf(result));
    } finally {
      await api.close();
    }
  });
};
