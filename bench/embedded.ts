// Whether the embedded database leaves room for others: what a page of the list takes while a file is imported, and how long the
// process itself is deaf, which /healthz tells: it asks the database for nothing.
//
//   npm run bench:embedded -- [--leads 100000] [--rows 50000] [--rate 20]
//
// Starts the real server on a new data folder. One client asks for page 1 so many times a second, whether or not the last answer has come.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { sql } from 'kysely';
import { openDatabase } from '../src/db/open.ts';
import type { Db } from '../src/db/schema.ts';
import { makeAccount } from './support/account.ts';
import { NODE_ARGS } from './support/node-args.ts';
import { circumstances, markdownTable, writeSection } from './support/report.ts';

const { values } = parseArgs({
  options: {
    leads: { type: 'string', default: '100000' },
    rows: { type: 'string', default: '50000' },
    rate: { type: 'string', default: '20' },
  },
});
const [leads, rows, rate] = [Number(values.leads), Number(values.rows), Number(values.rate)];
const IDLE_MS = 15_000;
// Up to nine million numbers: +1202 and seven digits, those of the file after those that are there.
const phone = (n: number): string => `+1202${String(2_000_000 + n).padStart(7, '0')}`;

/** An account with an assistant, a campaign and its leads. */
const fill = async (db: Db): Promise<string> => {
  const { id, token } = await makeAccount(db);
  for (let from = 1; from <= leads; from += 10_000) {
    await sql`
      insert into leads (account_id, campaign_id, phone_number, variables, status, created_at, updated_at)
      select ${id}::bigint, (select id from campaigns), '+1202' || (2000000 + n)::text,
        json_build_object('first_name', 'Name ' || n, 'last_name', 'O''Brien, ' || md5(n::text), 'city', 'Zürich', 'plan', 'Basic', 'balance', -n),
        'created', now(), now()
      from generate_series(${from}::integer, ${Math.min(leads, from + 9_999)}::integer) n`.execute(db);
  }
  return token;
};

interface Served {
  child: ChildProcess;
  url: string;
  startMs: number;
}

const serve = async (dataDir: string): Promise<Served> => {
  const began = performance.now();
  const child = spawn(process.execPath, [...NODE_ARGS, fileURLToPath(new URL('../bin/outdial.js', import.meta.url)), 'serve'], {
    env: { PATH: process.env.PATH ?? '', DATA_DIR: dataDir, PORT: '0', RATE_LIMIT: '0', LOG_LEVEL: 'warn' },
    cwd: tmpdir(),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => {
    printed += chunk.toString();
  });
  while (!/Storage/.test(printed)) {
    if (child.exitCode !== null) throw new Error('The server ended.');
    await pause(5);
  }
  return { child, url: /ready at (\S+)/.exec(printed)?.[1] ?? '', startMs: performance.now() - began };
};

const agent = new Agent({ keepAlive: true });
const ask = (url: string, token: string): Promise<string> =>
  new Promise((resolve, reject) => {
    get(url, { agent, headers: { authorization: `Bearer ${token}` } }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => {
        if (response.statusCode === 200) resolve(body);
        else reject(new Error(`${url} answered ${response.statusCode}: ${body}`));
      });
    }).on('error', reject);
  });

/** Asks again and again, at a steady rate, until told to stop; how long each answer took, in milliseconds. */
const askSteadily = (url: string, token: string): { stop(): Promise<number[]> } => {
  const taken: number[] = [];
  const open = new Set<Promise<void>>();
  const failures: unknown[] = [];
  const timer = setInterval(() => {
    const began = performance.now();
    const asked: Promise<void> = ask(url, token)
      .then(() => void taken.push(performance.now() - began))
      .catch((error: unknown) => void failures.push(error))
      .finally(() => open.delete(asked));
    open.add(asked);
  }, 1000 / rate);
  return {
    stop: async () => {
      clearInterval(timer);
      await Promise.all(open);
      if (failures.length > 0) throw failures[0];
      return taken;
    },
  };
};

const csv = (): Blob => {
  const lines = ['phone_number,first_name,last_name,city'];
  for (let n = leads + 1; n <= leads + rows; n += 1) lines.push(`${phone(n)},Name ${n},"O'Brien, ${n}",Zürich`);
  return new Blob([`${lines.join('\n')}\n`], { type: 'text/csv' });
};

/** Imports the file over HTTP, and waits until it is in. @returns the seconds. */
const importFile = async (url: string, token: string): Promise<number> => {
  const file = csv();
  const began = performance.now();
  const form = new FormData();
  form.set('campaign_id', '1');
  form.set('file', file, 'leads.csv');
  const headers = { authorization: `Bearer ${token}` };
  const answer = await fetch(`${url}/api/user/leads/import`, { method: 'POST', headers, body: form });
  let state = (await answer.json()) as { id: number; status: string };
  if (!answer.ok) throw new Error(`The import was refused: ${JSON.stringify(state)}`);
  while (state.status === 'running') {
    await pause(250);
    state = JSON.parse(await ask(`${url}/api/user/leads/import/${state.id}`, token));
  }
  if (state.status !== 'completed') throw new Error(`The import ended as ${state.status}.`);
  return (performance.now() - began) / 1000;
};

const at = (sorted: readonly number[], share: number): string =>
  (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(1);
const spread = (taken: readonly number[]): string[] => {
  const sorted = [...taken].sort((a, b) => a - b);
  return [at(sorted, 0.5), at(sorted, 0.95), at(sorted, 0.99), at(sorted, 1)];
};

const folder = mkdtempSync(join(tmpdir(), 'outdial-bench-'));
const filled = await openDatabase({ kind: 'folder', dataDir: folder });
const token = await fill(filled.db);
await filled.close();
console.log(`${leads.toLocaleString('en')} leads are there`);
const server = await serve(folder);
const table: (string | number)[][] = [];
try {
  const watched = async (name: string, act: () => Promise<string>): Promise<void> => {
    const page = askSteadily(`${server.url}/api/user/leads`, token);
    const health = askSteadily(`${server.url}/healthz`, token);
    const done = await act();
    const [pages, healths] = [await page.stop(), await health.stop()];
    table.push([name, done, pages.length, ...spread(pages), ...spread(healths)]);
    console.log(table.at(-1)?.join(' | '));
  };
  const idle = async (): Promise<string> => {
    await pause(IDLE_MS);
    return '';
  };
  const imported = async (): Promise<string> => Math.round(rows / (await importFile(server.url, token))).toLocaleString('en');
  // What is asked first is planned first, and compiled.
  for (let i = 0; i < 20; i += 1) await ask(`${server.url}/api/user/leads`, token);
  await watched('idle', idle);
  await watched('during the import', imported);
  await watched('after it', idle);
} finally {
  server.child.kill('SIGTERM');
  await once(server.child, 'exit');
  rmSync(folder, { recursive: true, force: true });
}

writeSection(
  'The embedded database, while a file is imported',
  [
    `\`npm run bench:embedded\`: ${circumstances()}`,
    `${leads.toLocaleString('en')} leads in the embedded database, and ${rows.toLocaleString('en')} more from a CSV file. One client asks for page 1 of the list, ` +
      `and one for \`/healthz\`, which asks the database for nothing, ${rate} times a second each. Milliseconds. The server was ready ${Math.round(server.startMs)} ms after its start.`,
    markdownTable(['', 'rows a second', 'pages', '50 %', '95 %', '99 %', 'longest', 'healthz 50 %', '95 %', '99 %', 'longest'], table),
  ].join('\n\n'),
);
