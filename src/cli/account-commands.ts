// Commands that open the database themselves: migrate, account, key. They are the operator's, so they need no API key.
import type { Command } from 'commander';
import { type Account, presentAccount } from '../accounts/account.ts';
import { insertAccount, listAccounts, mintKey, updateAccount } from '../accounts/accounts.store.ts';
import type { Config } from '../config.ts';
import { NO_LIMITS } from '../db/limits.ts';
import type { Db } from '../db/schema.ts';
import { MAX_RETENTION_MONTHS } from '../retention/retention.ts';
import { openConfigured } from '../server.ts';
import { chooseAccount, noSuchAccount } from './choose-account.ts';
import { readCount, readEmail, readGivenKey, readId, readLimit, readName, readZone } from './option-readers.ts';
import { type Output, table } from './output.ts';

/** What every command is given. */
export interface CommandContext {
  config: () => Config;
  output: () => Output;
}

/** Opens the configured database for one act, and closes it again. */
export const withDatabase = async <Result>(config: Config, act: (db: Db) => Promise<Result>): Promise<Result> => {
  const opened = await openConfigured(config, undefined, NO_LIMITS);
  try {
    return await act(opened.db);
  } finally {
    await opened.close();
  }
};

const accountLines = (accounts: readonly Account[]): string[] =>
  table(
    ['id', 'name', 'email', 'time zone', 'calls per campaign', 'calls in all', 'months kept'],
    accounts.map((one) => [one.id, one.name, one.email, one.timezone, one.maxCallsInParallel, one.maxParallelCalls, one.retentionMonths]),
  );

interface LimitOptions {
  timezone?: string;
  maxCallsInParallel?: number;
  maxParallelCalls?: number;
}

const limitOptions = (command: Command): Command =>
  command
    .option('--timezone <zone>', 'IANA time zone that campaigns and assistants take where they name none', readZone)
    .option('--max-calls-in-parallel <n>', 'most parallel calls that one campaign may ask for (10 when not given at creation)', readLimit)
    .option('--max-parallel-calls <n>', 'most parallel calls of all campaigns together (10 when not given at creation)', readLimit);

// As with serve, which makes the first account of a new database itself when nobody else has.
const configuredFirstKey = async (db: Db, { OUTDIAL_API_KEY: key }: Config): Promise<Config['OUTDIAL_API_KEY']> =>
  key !== undefined && (await listAccounts(db)).length === 0 ? key : undefined;

const addAccountCreate = (account: Command, { config, output }: CommandContext): void => {
  const command = account
    .command('create')
    .description('make an account and its first API key')
    .requiredOption('--name <name>', 'what it is called', readName)
    .requiredOption('--email <address>', 'where its owner is reached', readEmail)
    .option(
      '--key <id|secret>',
      'use this key: an id, a bar, 20 or more letters and digits (default: a new one; OUTDIAL_API_KEY for the first account)',
      readGivenKey,
    );
  limitOptions(command).action(async (options: LimitOptions & { name: string; email: string; key?: { id: number; secret: string } }) => {
    const { key: given, ...fields } = options;
    const now = new Date();
    // Both or neither: a refused key must not leave an account without one.
    const { made, key, configured } = await withDatabase(config(), (db) =>
      db.transaction().execute(async (trx) => {
        const configured = given === undefined ? await configuredFirstKey(trx, config()) : undefined;
        const made = await insertAccount(trx, fields, now);
        return { made, key: await mintKey(trx, made.id, 'First key', now, given ?? configured), configured };
      }),
    );
    output().result({ ...presentAccount(made), key: key.token }, [
      `Account ${made.id} (${made.name}) is made.`,
      configured === undefined ? `Its API key, shown this once: ${key.token}` : 'Its API key is the one in OUTDIAL_API_KEY.',
    ]);
  });
};

const addAccountCommands = (program: Command, context: CommandContext): void => {
  const { config, output } = context;
  const account = program.command('account').description('make and list accounts; each has its own leads, campaigns and keys');
  addAccountCreate(account, context);

  account
    .command('list')
    .description('list all accounts')
    .action(async () => {
      const accounts = await withDatabase(config(), listAccounts);
      output().result(accounts.map(presentAccount), accountLines(accounts));
    });

  limitOptions(
    account
      .command('update')
      .description('change the limits or the time zone of an account, or how long it keeps its data')
      .argument('<id>', 'its id', readId)
      .option(
        '--retention-months <n>',
        'months for which calls, leads that are done with, and what belongs to them are kept: 1 to 24',
        readCount(MAX_RETENTION_MONTHS),
      ),
  ).action(async (id: number, options: LimitOptions & { retentionMonths?: number }) => {
    const { timezone, maxCallsInParallel, maxParallelCalls, retentionMonths } = options;
    const changes = {
      ...(timezone === undefined ? {} : { timezone }),
      ...(maxCallsInParallel === undefined ? {} : { max_calls_in_parallel: maxCallsInParallel }),
      ...(maxParallelCalls === undefined ? {} : { max_parallel_calls: maxParallelCalls }),
      ...(retentionMonths === undefined ? {} : { retention_months: retentionMonths }),
    };
    const updated = await withDatabase(config(), (db) => updateAccount(db, id, changes, new Date()));
    if (updated === undefined) throw noSuchAccount(id);
    output().result(presentAccount(updated), accountLines([updated]));
  });
};

const addKeyCommands = (program: Command, { config, output }: CommandContext): void => {
  const command = program.command('key').description('make API keys');
  command
    .command('create')
    .description('make an API key; it is shown once')
    .option('--account <id>', 'whose key (may be left out while there is one account)', readId)
    .option('--name <name>', 'what it is for', readName, 'Made on the command line')
    .option('--key <id|secret>', 'use this key instead of a new one', readGivenKey)
    .action(async (options: { account?: number; name: string; key?: { id: number; secret: string } }) => {
      const key = await withDatabase(config(), async (db) => {
        const owner = await chooseAccount(db, options.account);
        return mintKey(db, owner.id, options.name, new Date(), options.key);
      });
      output().result({ id: key.id, name: key.name, key: key.token }, [`API key, shown this once: ${key.token}`]);
    });
};

/** Adds `migrate`, `account` and `key`. */
export const addOperatorCommands = (program: Command, context: CommandContext): void => {
  program
    .command('migrate')
    .description('bring the database up to date and exit (serve does so by itself)')
    .action(async () => {
      await withDatabase(context.config(), async () => {});
      context.output().result({ migrated: true }, 'The database is up to date.');
    });
  addAccountCommands(program, context);
  addKeyCommands(program, context);
};
