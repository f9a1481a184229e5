// What the embedded database costs: memory, starts, the list, an import with the list beside it, dialing.
//
//   npm run bench:embedded -- [--leads 100000] [--rows 50000] [--calls 600] [--beside CHECKOUT]
//
// Starts the real server on a new data folder and asks it over HTTP alone, so that `--beside` may name the checkout of any other version,
// which is measured in the same run.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { NODE_ARGS } from './support/node-args.ts';
import { circumstances, markdownTable, writeSection } from './support/report.ts';

const { values } = parseArgs({
  options: {
    leads: { type: 'string', default: '100000' },
    rows: { type: 'string', default: '50000' },
    calls: { type: 'string', default: '600' },
    beside: { type: 'string' },
  },
});
const [leads, rows, calls] = [Number(values.leads), Number(values.rows), Number(values.calls)];
const OURS = fileURLToPath(new URL('../', import.meta.url));
const KEY = '1|benchbenchbenchbench0123';
const PAGES_A_SECOND = 20;
const DAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'];
// Up to nine million numbers, whose ends say that a human answers: those of the file after those that are there.
const phone = (n: number): string => `+1202${String(Math.floor(n / 30) + 20_000).padStart(5, '0')}${String(n % 30).padStart(2, '0')}`;

interface Server {
  child: ChildProcess;
  url: string;
  startMs: number;
}

const environment = (dataDir: string) => ({
  PATH: process.env.PATH ?? '',
  HOME: tmpdir(),
  DATA_DIR: dataDir,
  PORT: '0',
  RATE_LIMIT: '0',
  LOG_LEVEL: 'error',
  OUTDIAL_API_KEY: KEY,
  // Calls take no time: what is measured is the dialer and its database.
  SIMULATION_SPEED: '1000',
});

const serve = async (checkout: string, dataDir: string): Promise<Server> => {
  const began = performance.now();
  const child = spawn(process.execPath, [...NODE_ARGS, join(checkout, 'bin/outdial.js'), 'serve'], {
    env: environment(dataDir),
    cwd: tmpdir(),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => {
    printed += chunk.toString();
  });
  while (!/Storage/.test(printed)) {
    if (child.exitCode !== null) throw new Error('The server ended.');
    await pause(2);
  }
  return { child, url: /ready at (\S+)/.exec(printed)?.[1] ?? '', startMs: performance.now() - began };
};

const stop = async ({ child }: Server): Promise<void> => {
  child.kill('SIGTERM');
  await once(child, 'exit');
};

/** Megabytes of the server and of its database's processes, each shared page counted once. */
const memoryOf = ({ child }: Server, dataDir: string): number => {
  const isOurs = (pid: string): boolean => {
    try {
      return pid === String(child.pid) || readlinkSync(`/proc/${pid}/cwd`).startsWith(dataDir);
    } catch {
      return false;
    }
  };
  const kilobytes = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && isOurs(name))
    .map((pid) => Number(/^Pss: +(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0));
  return kilobytes.reduce((sum, one) => sum + one, 0) / 1024;
};

const agent = new Agent({ keepAlive: true });
const headers = { authorization: `Bearer ${KEY}` };

const page = (url: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const began = performance.now();
    get(`${url}/api/user/leads`, { agent, headers }, (response) => {
      response.resume();
      response.on('end', () => (response.statusCode === 200 ? resolve(performance.now() - began) : reject(new Error('no page'))));
    }).on('error', reject);
  });

const send = async (url: string, method: string, path: string, body: object): Promise<unknown> => {
  const init = { method, headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const answer = await fetch(`${url}/api/user/${path}`, init);
  const said = await answer.json();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(said)}`);
  return said;
};

const idOf = async (sent: Promise<unknown>): Promise<number> => ((await sent) as { data: { id: number } }).data.id;

const makeCampaign = async (url: string, name: string): Promise<number> => {
  const { starterAssistant } = await import('../src/assistants/starter-assistant.ts');
  const assistant_id = await idOf(send(url, 'POST', 'assistant', { ...starterAssistant(), name }));
  const hours = { allowed_hours_start_time: '00:00', allowed_hours_end_time: '23:59', allowed_days: DAYS };
  return idOf(send(url, 'POST', 'campaign', { name, assistant_id, timezone: 'UTC', max_calls_in_parallel: 10, ...hours }));
};

const addLeads = async (url: string, campaign: number, from: number, count: number): Promise<void> => {
  for (let at = from; at < from + count; at += 10_000) {
    const batch = Array.from({ length: Math.min(10_000, from + count - at) }, (_, n) => ({
      phone_number: phone(at + n),
      variables: { first_name: `Name ${at + n}`, last_name: `O'Brien, ${at + n}`, city: 'Zürich', plan: 'Basic' },
    }));
    await send(url, 'POST', 'leads/bulk', { campaign_id: campaign, leads: batch });
  }
};

const median = (taken: readonly number[]): number => [...taken].sort((a, b) => a - b)[Math.floor(taken.length / 2)] ?? 0;

const listMs = async (url: string): Promise<number> => {
  const taken: number[] = [];
  for (let n = 0; n < 300; n += 1) taken.push(await page(url));
  return median(taken.slice(50));
};

/** Imports a file, while pages are asked for at a steady rate. @returns rows a second, and the longest page in milliseconds. */
const importBeside = async (url: string, campaign: number): Promise<{ rowsPerSecond: number; longestMs: number }> => {
  const lines = Array.from({ length: rows }, (_, n) => `${phone(leads + n)},Name ${n},"O'Brien, ${n}",Zürich`);
  const form = new FormData();
  form.set('campaign_id', String(campaign));
  form.set('file', new Blob([`phone_number,first_name,last_name,city\n${lines.join('\n')}\n`]), 'leads.csv');
  const pages: Promise<number>[] = [];
  const timer = setInterval(() => pages.push(page(url)), 1000 / PAGES_A_SECOND);
  const began = performance.now();
  const answer = await fetch(`${url}/api/user/leads/import`, { method: 'POST', headers, body: form });
  let state = (await answer.json()) as { id: number; status: string };
  while (state.status === 'running') {
    await pause(50);
    state = (await (await fetch(`${url}/api/user/leads/import/${state.id}`, { headers })).json()) as typeof state;
  }
  const seconds = (performance.now() - began) / 1000;
  clearInterval(timer);
  if (state.status !== 'completed') throw new Error(`The import ended as ${state.status}.`);
  return { rowsPerSecond: rows / seconds, longestMs: Math.max(...(await Promise.all(pages))) };
};

/** Calls a second, over ten lines of which each is free again at once. */
const dial = async (url: string): Promise<number> => {
  const campaign = await makeCampaign(url, 'Dialing');
  const number = await idOf(send(url, 'POST', 'phone-numbers', { phone_number: '+12025550100' }));
  await addLeads(url, campaign, leads + rows, calls);
  await send(url, 'PUT', `campaign/${campaign}`, { phone_number_ids: [number] });
  const began = performance.now();
  await send(url, 'POST', 'campaigns/update-status', { campaign_id: campaign, action: 'start' });
  const done = async (): Promise<number> => {
    const answer = await fetch(`${url}/api/user/leads?campaign_id=${campaign}&status=completed&per_page=1`, { headers });
    return ((await answer.json()) as { total: number }).total;
  };
  while ((await done()) < calls) await pause(50);
  return calls / ((performance.now() - began) / 1000);
};

type Figures = Record<string, number>;

const measure = async (checkout: string): Promise<Figures> => {
  const dataDir = mkdtempSync(join(tmpdir(), 'outdial-bench-'));
  try {
    const first = await serve(checkout, dataDir);
    await pause(3000);
    const idle = memoryOf(first, dataDir);
    await stop(first);
    const second = await serve(checkout, dataDir);
    try {
      const campaign = await makeCampaign(second.url, 'Leads');
      await addLeads(second.url, campaign, 0, leads);
      // Its statistics are gathered by itself, within a minute.
      await pause(65_000);
      const list = await listMs(second.url);
      const { rowsPerSecond, longestMs } = await importBeside(second.url, campaign);
      const dialed = await dial(second.url);
      return {
        'first start, ms': first.startMs,
        'next start, ms': second.startMs,
        'memory of an idle server, MB': idle,
        [`page 1 of ${leads.toLocaleString('en')} leads, median ms`]: list,
        'import, rows a second': rowsPerSecond,
        'longest page during the import, ms': longestMs,
        'calls a second over 10 lines': dialed,
        'memory after all of it, MB': memoryOf(second, dataDir),
      };
    } finally {
      await stop(second);
    }
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
};

const commitOf = (checkout: string): string =>
  execFileSync('git', ['-C', checkout, 'log', '-1', '--format=%h'], { encoding: 'utf8' }).trim();
const round = (figure: number): string => (figure < 20 ? figure.toFixed(1) : Math.round(figure).toLocaleString('en'));

const before = values.beside === undefined ? undefined : await measure(values.beside);
const after = await measure(OURS);
const table = Object.entries(after).map(([name, figure]) => {
  const other = before?.[name];
  return [
    name,
    ...(other === undefined ? [] : [round(other)]),
    round(figure),
    ...(other === undefined ? [] : [(figure / other).toFixed(2)]),
  ];
});
writeSection(
  'The embedded database',
  [
    `\`npm run bench:embedded\`: ${circumstances()}`,
    'One server on a new data folder; memory is that of the server and of its database together, pages that they share counted once. During the import one client asks for page 1 of the list ' +
      `${PAGES_A_SECOND} times a second.`,
    markdownTable(
      values.beside === undefined ? ['', 'now'] : ['', `before (PGlite, ${commitOf(values.beside)})`, 'now (PostgreSQL)', 'ratio'],
      table,
    ),
  ].join('\n\n'),
  'performance.md',
);
