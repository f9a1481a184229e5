// The keeper: a shell that starts the server, stops it when its last user has gone, and outlives whoever started it. It is no Node process, since
// one of those takes 40 MB; and no process of ours could do it, since any of them may be killed.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, renameSync, statSync } from 'node:fs';
import type { ClusterFolder } from './cluster.ts';
import type { PreparedPrograms } from './programs.ts';
import { reachAs } from './reach.ts';

// Arguments: the folder, the pipe's name, the copy of the programs or nothing, then the server's command.
// - 3 is the pipe. The server inherits it, so that the pipe has a reader as long as any process of the server lives.
// - cat reads until no user is left. SIGINT is PostgreSQL's fast stop: it ends connections and loses nothing.
// - A server that ended by itself takes cat along (the group is the keeper's own): nobody then reads, and the next process starts anew.
const SCRIPT = `
folder=$1 pipe=$2 copy=$3
shift 3
exec 3<"$folder/$pipe" || exit 1
"$@" &
server=$!
( cat <&3 >/dev/null; kill -INT "$server" ) &
wait "$server"
[ -z "$copy" ] || rm -rf "$copy"
trap '' TERM
kill -TERM 0`;

// What a person must not be able to change by accident: who may connect, and that no number of a caller gets into the log (errors and their
// statements quote values; the level `log` leaves them out).
const settingsOf = (folder: string): Record<string, string> => ({
  listen_addresses: '',
  unix_socket_directories: folder,
  unix_socket_permissions: '0700',
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  log_checkpoints: 'off',
  log_parameter_max_length_on_error: '0',
  cluster_name: 'outdial',
  timezone: 'UTC',
});

const LONGEST_LOG_BYTES = 1_048_576;

const openLog = (log: string): number => {
  if ((statSync(log, { throwIfNoEntry: false })?.size ?? 0) > LONGEST_LOG_BYTES) renameSync(log, `${log}.1`);
  return openSync(log, 'a', 0o600);
};

/** Starts the keeper of a server. `pipe`: the name of the users' pipe within the folder. */
export const startKeeper = ({ folder, log, user }: ClusterFolder, { postgres, copy }: PreparedPrograms, pipe: string): ChildProcess => {
  const reach = reachAs(folder, user);
  const output = openLog(log);
  try {
    const settings = Object.entries(settingsOf(reach.path)).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const server = [postgres, '-D', `${reach.path}/cluster`, ...settings];
    const child = spawn('/bin/sh', ['-c', SCRIPT, 'outdial-keeper', reach.path, pipe, copy ?? '', ...server], {
      ...user,
      cwd: '/',
      // A process group of its own: Ctrl-C is for those who use the server.
      detached: true,
      stdio: ['ignore', output, output, 'ignore', ...(reach.descriptor === undefined ? [] : [reach.descriptor])],
      // No variable of ours: some would change the server (PGPORT), others are secrets.
      env: { PATH: '/usr/local/bin:/usr/bin:/bin:/run/current-system/sw/bin', LC_ALL: 'C' },
    });
    child.unref();
    return child;
  } finally {
    closeSync(output);
    reach.close();
  }
};
