// The soak: dialers killed at random for as long as you like, on a PostgreSQL that loses nothing (fsync and
// synchronous_commit on). At the end no attempt may have rung twice and nothing may be stranded.
//
//   npm run soak -- [--minutes 5] [--leads 5000] [--dialers 3] [--seed 1] [--write]
//
// Uses the server in DATABASE_URL, on which it makes a database, else a PostgreSQL of its own. `--write` puts the result into
// docs/guarantees.md. Exit code 1: a promise was broken.
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { runSoak, type SoakResult, toTable } from '../test/support/crash-soak.ts';
import { startPostgres } from '../test/support/postgres-server.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    leads: { type: 'string', default: '5000' },
    dialers: { type: 'string', default: '3' },
    seed: { type: 'string', default: '1' },
    write: { type: 'boolean', default: false },
  },
});
const { minutes, leads, dialers, seed } = values;

const GUARANTEES = new URL('../docs/guarantees.md', import.meta.url);
const [BEGIN, END] = ['<!-- soak: begin -->', '<!-- soak: end -->'];

const report = (result: SoakResult): string => {
  const { node, postgres, fsync, synchronousCommit } = result.versions;
  const command = `npm run soak -- --minutes ${minutes} --leads ${leads} --dialers ${dialers} --seed ${seed}`;
  const about = `\`${command}\`, ${new Date().toISOString().slice(0, 10)}: Node ${node}, PostgreSQL ${postgres} with fsync ${fsync} and synchronous_commit ${synchronousCommit}, ${cpus().length} processors.`;
  return `${about}\n\n${toTable(result)}`;
};

const write = (text: string): void => {
  const before = readFileSync(GUARANTEES, 'utf8');
  const [from, to] = [before.indexOf(BEGIN), before.indexOf(END)];
  if (from < 0 || to < from) throw new Error('docs/guarantees.md has no place for the result.');
  writeFileSync(GUARANTEES, `${before.slice(0, from + BEGIN.length)}\n${text}\n${before.slice(to)}`);
};

const server = await startPostgres(process.env.DATABASE_URL, { durable: true });
try {
  const result = await runSoak({
    serverUrl: server.url,
    seconds: Number(minutes) * 60,
    leads: Number(leads),
    dialers: Number(dialers),
    seed: Number(seed),
    say: console.log,
  });
  console.log(`\n${report(result)}`);
  for (const broken of result.broken) console.log(broken);
  if (values.write) write(report(result));
  process.exitCode = result.broken.length === 0 ? 0 : 1;
} finally {
  await server.stop();
}
