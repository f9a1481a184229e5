// A standby of a running PostgreSQL of the tests: copied while it runs, streaming from it until it is promoted. Linux only: it runs the
// program that the other server runs.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, chownSync, closeSync, openSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { runOnServer } from './postgres-server.ts';

/** A running standby, with the roles and passwords of its primary. */
export interface Standby {
  readonly url: string;
  /** Makes a primary of it. */
  promote(): Promise<void>;
  /** Ends it without asking its clients. */
  kill(): Promise<void>;
}

const freePort = async (): Promise<number> => {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
};

const copyOf = async (primaryUrl: string): Promise<{ data: string; program: string }> => {
  const client = new pg.Client({ connectionString: primaryUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ data_directory: string }>('show data_directory');
    const source = rows[0]?.data_directory ?? '';
    const data = join(dirname(source), 'standby');
    await client.query("select pg_backup_start('standby', true)");
    const { status, stderr } = spawnSync('cp', ['-a', source, data], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`the data folder could not be copied: ${stderr}`);
    const stopped = await client.query<{ labelfile: string }>('select labelfile from pg_backup_stop(false)');
    const [pid = ''] = readFileSync(join(source, 'postmaster.pid'), 'utf8').split('\n');
    rmSync(join(data, 'postmaster.pid'));
    writeFileSync(join(data, 'backup_label'), stopped.rows[0]?.labelfile ?? '');
    return { data, program: readlinkSync(`/proc/${pid}/exe`) };
  } finally {
    await client.end();
  }
};

/** Starts one. Its folder goes with that of its primary. */
export const startStandby = async (primaryUrl: string): Promise<Standby> => {
  const { data, program } = await copyOf(primaryUrl);
  const { uid, gid } = statSync(data);
  const { hostname, port: primaryPort, username, password } = new URL(primaryUrl);
  appendFileSync(
    join(data, 'postgresql.auto.conf'),
    `primary_conninfo = 'host=${hostname} port=${primaryPort} user=${username} password=${password}'\n`,
  );
  writeFileSync(join(data, 'standby.signal'), '');
  for (const file of ['backup_label', 'standby.signal']) chownSync(join(data, file), uid, gid);
  const port = await freePort();
  const settings = { port, listen_addresses: '127.0.0.1', unix_socket_directories: '', max_connections: 300, fsync: 'off' };
  const output = openSync(join(dirname(data), 'standby.log'), 'w');
  const child = spawn(program, ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])], {
    ...(process.getuid?.() === 0 ? { uid, gid } : {}),
    cwd: data,
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  const url = new URL(primaryUrl);
  url.port = String(port);
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    // Its own word for an immediate end, children included.
    child.kill('SIGQUIT');
    await gone;
  };
  const isUp = () =>
    runOnServer(url.href, 'select 1').then(
      () => true,
      () => false,
    );
  for (const end = Date.now() + 20_000; !(await isUp()); await sleep(50)) {
    if (child.exitCode === null && Date.now() < end) continue;
    await kill();
    throw new Error(`the standby did not start: ${readFileSync(join(dirname(data), 'standby.log'), 'utf8')}`);
  }
  const promote = async (): Promise<void> => {
    await runOnServer(url.href, 'select pg_promote()');
  };
  return { url: url.href, promote, kill };
};
