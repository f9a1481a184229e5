// The command line. Exit codes: 0 done, 1 refused or failed, 2 a mistake in the environment or in the command.
import { Command, CommanderError, Option } from 'commander';
import { KeyIdTakenError } from '../accounts/accounts.store.ts';
import { BackupFileError } from '../backup/backup-file.ts';
import { CopyRefusedError } from '../backup/load.ts';
import { type Config, ConfigError, loadConfig, processEnvironment, VARIABLES } from '../config.ts';
import { MovedDatabaseError, NewerDatabaseError } from '../db/migrate.ts';
import { ROLES, type Role } from '../engine.ts';
import { DatabaseNotStartedError, DataDirUnusableError, NoDatabaseProgramError, OlderDataDirError } from '../postgres/errors.ts';
import { addOperatorCommands, type CommandContext } from './account-commands.ts';
import { addBackupCommands } from './backup-commands.ts';
import { addEraseCommand } from './erase-command.ts';
import { addLeadsCommands } from './leads-commands.ts';
import { CommandError, createOutput } from './output.ts';
import { serve } from './serve.ts';
import { addSimulateCommand } from './simulate-command.ts';
import { VERSION } from './version.ts';

const environmentHelp = (): string =>
  [
    '',
    'Environment (also read from a .env file in the working folder):',
    ...Object.entries(VARIABLES).map(
      ([name, { fallback, meaning }]) => `  ${name.padEnd(16)} ${meaning}${fallback === undefined ? '' : ` [${fallback}]`}`,
    ),
    '',
    'Examples:',
    '  outdial serve',
    '  outdial leads import examples/contacts.csv --campaign "Spring renewals" --country RO',
    '  outdial leads list --status created --json',
    '  outdial leads export --campaign 1 --out leads.xlsx',
    '  outdial backup outdial-2026-11-23.backup',
    '  outdial account create --name Acme --email ops@acme.example --timezone Europe/Vienna',
    '',
    'All commands work beside a running server, on its database. With --url or --key, leads and erase commands go through the server.',
  ].join('\n');

const buildProgram = (): { program: Command; isJson: () => boolean } => {
  const program = new Command('outdial');
  const isJson = (): boolean => program.opts<{ json?: boolean }>().json === true;
  program
    .description('Outbound calling you host yourself.')
    .version(VERSION)
    .option('--json', 'print one JSON value, for machines; mistakes too, on standard error')
    .showHelpAfterError('(add --help for what there is)')
    .configureHelp({ showGlobalOptions: true })
    .addHelpText('after', environmentHelp)
    // For machines a mistake in the command is told as any other failure is.
    .configureOutput({
      writeErr: (text) => {
        if (!isJson()) process.stderr.write(text);
      },
    })
    .exitOverride();
  let config: Config | undefined;
  const context: CommandContext = {
    config: () => (config ??= loadConfig(processEnvironment())),
    output: () => createOutput(isJson()),
  };
  program
    .command('serve')
    .description('run the server (migrates the database first)')
    .addOption(
      new Option('--role <role>', 'what this process does; several may share one database. Each answers /healthz')
        .choices(ROLES)
        .default('all'),
    )
    .action(({ role }: { role: Role }) => serve(context.config(), context.output(), role));
  addOperatorCommands(program, context);
  addLeadsCommands(program, context);
  addSimulateCommand(program, context);
  addBackupCommands(program, context);
  addEraseCommand(program, context);
  return { program, isJson };
};

const KNOWN_REFUSALS = [
  CommandError,
  BackupFileError,
  CopyRefusedError,
  DatabaseNotStartedError,
  DataDirUnusableError,
  KeyIdTakenError,
  MovedDatabaseError,
  NewerDatabaseError,
  NoDatabaseProgramError,
  OlderDataDirError,
];

const isKnownRefusal = (error: unknown): error is Error => KNOWN_REFUSALS.some((known) => error instanceof known);

// Sockets and drivers: their messages are made for people (connection refused, address in use).
const isSystemError = (error: unknown): error is Error => error instanceof Error && 'code' in error;

// Commander says "error: ..." to people; and of a command without its subcommand nothing, since it shows the help.
const usageProblem = ({ code, message }: CommanderError): string =>
  code === 'commander.help' ? 'A command is missing: see --help.' : message.replace(/^error: /, '');

/** What went wrong, in as few words as it deserves. */
const problemsOf = (error: unknown): readonly string[] => {
  if (error instanceof ConfigError) return error.problems;
  if (error instanceof CommanderError) return [usageProblem(error)];
  if (error instanceof AggregateError)
    return [error.errors.map((one: unknown) => (one instanceof Error ? one.message : String(one))).join('; ')];
  if (isKnownRefusal(error) || isSystemError(error)) return [error.message];
  return [error instanceof Error ? (error.stack ?? error.message) : String(error)];
};

const exitCodeOf = (error: unknown): number => {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof ConfigError) return 2;
  return error instanceof CommandError ? error.exitCode : 1;
};

const { program, isJson } = buildProgram();
try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = exitCodeOf(error);
  // To people Commander has said it already, with a hint at the help.
  const isTold = error instanceof CommanderError && (error.exitCode === 0 || !isJson());
  if (!isTold) createOutput(isJson()).failure(problemsOf(error));
}
