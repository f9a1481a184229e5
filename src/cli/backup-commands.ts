// `outdial backup`, `restore` and `move`: the whole database as a file, from a file, and to another server.
import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { type Command, InvalidArgumentError } from 'commander';
import { verifyBackup } from '../backup/backup.reader.ts';
import { type BackupSummary, backUp } from '../backup/backup.ts';
import { type Sink, sinkInto, writeNewFile } from '../backup/backup.writer.ts';
import { type OnProgress, refuseNewer, type TableCopy } from '../backup/backup-file.ts';
import { type MoveSummary, move } from '../backup/move.ts';
import { placeOf } from '../backup/place.ts';
import { type RestoreSummary, restore } from '../backup/restore.ts';
import type { Config } from '../config.ts';
import { knownMigrations } from '../db/migrate.ts';
import { connectAlone } from '../db/sole-connection.ts';
import type { CommandContext } from './account-commands.ts';
import { withProgress } from './copy-progress.ts';
import { connectConfigured } from './database-connection.ts';
import { CommandError, table } from './output.ts';
import { VERSION } from './version.ts';

const STANDARD = '-';

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined);

// Who waits for a lock is not told of whom; a connection that breaks is told in the driver's words.
const explainDatabase = (error: unknown): unknown => {
  if (codeOf(error) === '55P03') {
    return new CommandError(
      'Somebody has held a lock in the database for more than 30 seconds, and nothing was changed: see pg_stat_activity.',
    );
  }
  const isBroken =
    error instanceof Error && codeOf(error) === undefined && /^(Connection terminated|Client has encountered)/.test(error.message);
  return isBroken ? new CommandError('The connection to the database broke before the end: run the command again.') : error;
};

/** Runs `act` with a bar, and explains what may go wrong in the database. */
const copy = <Result>(act: (onProgress: OnProgress) => Promise<Result>): Promise<Result> =>
  withProgress(act).catch((error: unknown) => {
    throw explainDatabase(error);
  });

const exists = (file: string): CommandError => new CommandError(`${file} exists: give another name, or replace it with --force.`);

const toStandardOutput: Sink = (bytes) =>
  new Promise((resolve, reject) => {
    process.stdout.write(bytes, (error) => (error ? reject(error) : resolve()));
  });

// A device or a pipe must not be replaced by a file.
const writeInto = async (file: string, write: (sink: Sink) => Promise<void>): Promise<void> => {
  const handle = await open(file, 'w');
  try {
    await write(sinkInto(handle));
  } finally {
    await handle.close();
  }
};

const writeOut = async (file: string, force: boolean, write: (sink: Sink) => Promise<void>): Promise<void> => {
  if (file === STANDARD) {
    if (process.stdout.isTTY) throw new CommandError('A backup is nothing for a terminal: give a file, or lead the output elsewhere.', 2);
    process.stdout.on('error', () => {});
    return write(toStandardOutput);
  }
  const found = await stat(file).catch(() => undefined);
  if (found?.isDirectory()) throw new CommandError(`Cannot write ${file}: it is a folder, not a file.`);
  if (found?.isFile() && !force) throw exists(file);
  if (found !== undefined && !found.isFile()) return writeInto(file, write);
  return writeNewFile(file, force, write);
};

const SYSTEM_ERRORS = ['ENOENT', 'EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'EFBIG', 'EDQUOT', 'EIO', 'ENOTDIR', 'EPIPE'];

const explainWriting = (file: string, error: unknown): unknown => {
  const code = codeOf(error);
  if (code === 'EEXIST') return exists(file);
  if (typeof code !== 'string' || !SYSTEM_ERRORS.includes(code)) return error;
  return new CommandError(`Cannot write ${file === STANDARD ? 'to standard output' : file} (${code}). Nothing is left of it.`);
};

const countRows = (tables: readonly TableCopy[]): number => tables.reduce((sum, { rows }) => sum + rows, 0);

const rowsByTable = (tables: readonly TableCopy[]): Record<string, number> =>
  Object.fromEntries(tables.map(({ name, rows }) => [name, rows]));

const addBackup = (program: Command, { config, output }: CommandContext): void => {
  program
    .command('backup')
    .description('write the whole database into one file, while everybody goes on with their work')
    .argument('<file>', 'where to; - for standard output. It holds personal data: it is readable for its owner alone')
    .option('--force', 'replace the file where there is one')
    .addHelpText(
      'after',
      '\nExamples:\n  outdial backup outdial.backup\n  outdial backup - | ssh backups@example.test "cat > outdial.backup"',
    )
    .action(async (file: string, { force = false }: { force?: boolean }) => {
      const source = await connectConfigured(config(), 'outdial backup');
      const take = async (onProgress: OnProgress): Promise<BackupSummary | undefined> => {
        let summary: BackupSummary | undefined;
        await writeOut(file, force, async (sink) => {
          summary = await backUp(source, sink, VERSION, onProgress);
        });
        return summary;
      };
      const summary = await copy(take)
        .catch((error: unknown) => {
          throw explainWriting(file, error);
        })
        .finally(source.close);
      if (summary === undefined) return;
      const { header, bytes } = summary;
      const said = `${countRows(header.tables)} rows of ${header.tables.length} tables as of ${header.taken_at}: ${bytes} bytes in ${file}.`;
      if (file === STANDARD) output().note(said);
      else output().result({ file, bytes, taken_at: header.taken_at, rows: rowsByTable(header.tables) }, said);
    });
};

const readFile = (file: string): AsyncIterable<Buffer> => createReadStream(file, { highWaterMark: 256 * 1024 });

// What can be read twice is read once before anything is done. The rest is found damaged before anything is kept.
const checkFile = async (file: string): Promise<void> => {
  const found = file === STANDARD ? undefined : await stat(file).catch((error: unknown) => Promise.reject(cannotRead(file, error)));
  if (found?.isDirectory()) throw new CommandError(`Cannot read ${file}: it is a folder, not a file.`);
  if (found?.isFile() !== true) return;
  const header = await verifyBackup(readFile(file)).catch((error: unknown) => Promise.reject(cannotRead(file, error)));
  refuseNewer(header, knownMigrations());
};

const cannotRead = (file: string, error: unknown): unknown =>
  typeof codeOf(error) === 'string' ? new CommandError(`Cannot read ${file} (${codeOf(error)}).`) : error;

const restoredLines = ({ header, counts }: RestoreSummary): string[] => [
  `Restored ${countRows(header.tables)} rows of ${header.tables.length} tables, as they were at ${header.taken_at}. All were counted and compared.`,
  '',
  'What rang since then this database does not know. So that nobody is called twice by itself:',
  `  campaigns that ran and are stopped until somebody starts them: ${counts.campaignsStopped}`,
  `  calls that were reserved and are taken back: ${counts.reservationsRevoked}`,
  `  calls that were under way and count as lost, whose contacts are not called again by themselves: ${counts.callsGivenUp}`,
  `  imports that ran and are marked as interrupted, since their files are in no backup: ${counts.importsInterrupted}`,
  `  webhook messages that wait and will be delivered, maybe once more: ${counts.webhooksPending}`,
  '',
  'Next: outdial serve; look at the campaigns, and start those that are to go on.',
];

const addRestore = (program: Command, { config, output }: CommandContext): void => {
  program
    .command('restore')
    .description('fill an empty database from a backup; all campaigns are stopped then')
    .argument('<file>', 'a file of outdial backup, of this version or an older one; - for standard input')
    .addHelpText(
      'after',
      '\nThe database must be new: DATABASE_URL names one without tables. Whatever goes wrong, it stays empty.\n\nExample:\n  DATABASE_URL=postgres://outdial@db.example.test/restored outdial restore outdial.backup',
    )
    .action(async (file: string) => {
      const settings = config();
      await checkFile(file);
      const target = await connectConfigured(settings, 'outdial restore');
      const source: AsyncIterable<Buffer> = file === STANDARD ? process.stdin : readFile(file);
      const summary = await copy((onProgress) => restore(target, source, new Date(), onProgress)).finally(async () => {
        await target.close();
        // What is left of it nobody waits for.
        if (file === STANDARD) process.stdin.destroy();
      });
      const { header, counts, migrated } = summary;
      output().result(
        {
          taken_at: header.taken_at,
          written_by: header.outdial,
          rows: rowsByTable(header.tables),
          migrated,
          campaigns_stopped: counts.campaignsStopped,
          reservations_revoked: counts.reservationsRevoked,
          calls_given_up: counts.callsGivenUp,
          imports_interrupted: counts.importsInterrupted,
          webhooks_pending: counts.webhooksPending,
        },
        restoredLines(summary),
      );
    });
};

const readTarget = (text: string): string => {
  if (!/^postgres(?:ql)?:\/\/./.test(text)) throw new InvalidArgumentError('It must be a URL that begins with postgres://.');
  return text;
};

const movedLines = ({ place, tables }: MoveSummary): string[] => [
  ...(tables.length === 0
    ? ['The data had been moved already; now the old database is closed as well.']
    : [
        ...table(
          ['table', 'rows', 'compared'],
          tables.map(({ name, rows }) => [name, rows, 'the same']),
        ),
        '',
      ]),
  `Everything is in ${place} now, and the old database is closed: no Outdial starts on it, and nobody is called from it.`,
  '',
  `Next: set DATABASE_URL to ${place}, with its password, and start Outdial again. DATA_DIR stays in use for files that are being imported.`,
];

const runMove = async (settings: Config, to: string): Promise<MoveSummary> => {
  if (settings.DATABASE_URL !== undefined && placeOf(settings.DATABASE_URL) === placeOf(to)) {
    throw new CommandError('That is the database that DATABASE_URL names already: there is nothing to move.', 2);
  }
  const target = await connectAlone(to, 'outdial move');
  try {
    const source = await connectConfigured(settings, 'outdial move');
    try {
      return await copy((onProgress) => move({ source, target, to, onProgress }, new Date()));
    } finally {
      await source.close();
    }
  } finally {
    await target.close();
  }
};

const addMove = (program: Command, { config, output }: CommandContext): void => {
  program
    .command('move')
    .description('move everything to another PostgreSQL server, where it goes on as it was; Outdial must be stopped')
    .requiredOption('--to <url>', 'a new database without tables, as postgres://user:password@host/name', readTarget)
    .addHelpText(
      'after',
      '\nThe old database is closed at the end, so that nobody is called from both. A move that was interrupted is run again.\n\nExample:\n  outdial move --to postgres://outdial:secret@db.example.test/outdial',
    )
    .action(async ({ to }: { to: string }) => {
      const summary = await runMove(config(), to);
      output().result(
        { moved_to: summary.place, rows: rowsByTable(summary.tables), campaigns_stopped_in_the_old_database: summary.campaignsStopped },
        movedLines(summary),
      );
    });
};

/** Adds `backup`, `restore` and `move`. */
export const addBackupCommands = (program: Command, context: CommandContext): void => {
  addBackup(program, context);
  addRestore(program, context);
  addMove(program, context);
};
