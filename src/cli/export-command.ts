// `outdial leads export`: a list of leads into a file, or to standard output. A file appears when it is whole, and not before.
import { randomBytes } from 'node:crypto';
import { createWriteStream, rmSync } from 'node:fs';
import { open, rename, rm, stat } from 'node:fs/promises';
import { extname } from 'node:path';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Command, Option } from 'commander';
import type { CommandContext } from './account-commands.ts';
import { type ConnectOptions, connect } from './connect.ts';
import { connectOptions, type FilterOptions, filterOptions, filterParameters, toQuery } from './lead-options.ts';
import { CommandError } from './output.ts';

const FORMATS = ['csv', 'xlsx', 'ndjson'] as const;
type Format = (typeof FORMATS)[number];

const ENDINGS: Readonly<Record<string, Format>> = { '.csv': 'csv', '.xlsx': 'xlsx', '.ndjson': 'ndjson', '.jsonl': 'ndjson' };

interface ExportOptions extends ConnectOptions, FilterOptions {
  format?: Format;
  out?: string;
  columns?: string;
  secondary: boolean;
}

const chooseFormat = ({ format, out }: ExportOptions): Format => {
  const found = format ?? (out === undefined ? 'csv' : ENDINGS[extname(out).toLowerCase()]);
  if (found === undefined) {
    throw new CommandError(`The ending of ${out} says nothing of its format: use .csv, .xlsx or .ndjson, or give one with --format.`);
  }
  if (found === 'xlsx' && out === undefined && process.stdout.isTTY) {
    throw new CommandError('A workbook is nothing for a terminal: give a file with --out.');
  }
  return found;
};

const MEGABYTE = 1_000_000;
const SHOW_EVERY = 200;

/** Counts bytes, and shows them to whoever sits at a terminal. */
const createCounter = (isShown: boolean) => {
  let bytes = 0;
  let shownAt = 0;
  const show = (): void => {
    process.stderr.write(`\r${(bytes / MEGABYTE).toFixed(1)} MB`);
    shownAt = performance.now();
  };
  const counter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (isShown && performance.now() - shownAt >= SHOW_EVERY) show();
      done(null, chunk);
    },
  });
  const clear = (): void => {
    if (shownAt > 0) process.stderr.write('\r\x1b[K');
  };
  return { counter, clear, count: () => bytes };
};

const brokenOff = (error: unknown): unknown => {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code !== 'ECONNRESET' && code !== 'ERR_STREAM_PREMATURE_CLOSE') return error;
  return new CommandError('The export broke off before it was whole: the server has failed or was stopped. Its log says why.');
};

const toStandardOutput = async (file: Readable, counter: Transform): Promise<void> => {
  try {
    await pipeline(file, counter, process.stdout, { end: false });
  } catch (error) {
    // Whoever read it wanted no more of it, as head does.
    if (error instanceof Error && 'code' in error && error.code === 'EPIPE') return;
    throw error;
  }
};

// Removed at an interrupt as well, which ends the process.
const removeOnInterrupt = (path: string): (() => void) => {
  const remove = (signal: NodeJS.Signals): void => {
    rmSync(path, { force: true });
    process.removeListener('SIGINT', remove).removeListener('SIGTERM', remove);
    process.kill(process.pid, signal);
  };
  process.once('SIGINT', remove).once('SIGTERM', remove);
  return () => process.removeListener('SIGINT', remove).removeListener('SIGTERM', remove);
};

const toNewFile = async (file: Readable, counter: Transform, out: string): Promise<void> => {
  const part = `${out}.${randomBytes(4).toString('hex')}.part`;
  const target = await open(part, 'wx').catch((error: NodeJS.ErrnoException) => {
    file.destroy();
    throw new CommandError(`Cannot write ${out} (${error.code}).`);
  });
  const forget = removeOnInterrupt(part);
  try {
    await pipeline(file, counter, target.createWriteStream({ flush: true }));
    await rename(part, out);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  } finally {
    forget();
  }
};

const write = async (file: Readable, counter: Transform, out: string | undefined): Promise<void> => {
  if (out === undefined) return toStandardOutput(file, counter);
  const found = await stat(out).catch(() => undefined);
  if (found !== undefined && !found.isFile()) {
    // A device or a pipe, which must not be replaced by a file.
    return pipeline(file, counter, createWriteStream(out));
  }
  return toNewFile(file, counter, out);
};

const refuseFolder = async (out: string | undefined): Promise<void> => {
  if (out === undefined) return;
  const found = await stat(out).catch(() => undefined);
  if (found?.isDirectory()) throw new CommandError(`Cannot write ${out}: it is a folder, not a file.`);
};

const runExport = async ({ config, output }: CommandContext, options: ExportOptions): Promise<void> => {
  const format = chooseFormat(options);
  await refuseFolder(options.out);
  const api = await connect(config(), options, output());
  const { counter, clear, count } = createCounter(process.stderr.isTTY && options.out !== undefined);
  try {
    const query = toQuery({
      format,
      ...filterParameters(options),
      columns: options.columns,
      secondary: options.secondary ? undefined : '0',
    });
    await write(await api.download(`/api/user/leads/export${query}`), counter, options.out).catch((error: unknown) => {
      throw brokenOff(error);
    });
    clear();
    if (options.out !== undefined) output().result({ file: options.out, format, bytes: count() }, `${options.out}: ${count()} bytes.`);
  } finally {
    await api.close();
  }
};

/** Adds `leads export`. */
export const addExport = (leads: Command, context: CommandContext): void => {
  const command = filterOptions(leads.command('export').description('write leads into a file, as many as there are'))
    .option('--out <file>', 'where to; a file that is there is replaced when the new one is whole (default: standard output)')
    .addOption(new Option('--format <format>', 'default: by the ending of the file, else csv').choices(FORMATS))
    .option('--columns <names>', 'which columns, in their order, with commas between them (csv and xlsx)')
    .option('--no-secondary', 'leave secondary contacts out');
  connectOptions(command).action((options: ExportOptions) => runExport(context, options));
};
