// outdial simulate: on a campaign of a database, which stays as it is, and from a file.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { migratedFolder, run, temporaryFolder } from './outdial.ts';

const EXAMPLE = fileURLToPath(new URL('../../examples/simulation.json', import.meta.url));
const CONTACTS = fileURLToPath(new URL('../../examples/contacts.csv', import.meta.url));

// biome-ignore lint/suspicious/noExplicitAny: what a command prints; the assertions say what it must be.
const json = (text: string): any => JSON.parse(text);

test('rehearses a campaign of the database in lines for people and in JSON, the same each time', async () => {
  const env = { DATA_DIR: migratedFolder() };
  await run(['leads', 'import', CONTACTS, '--campaign', 'Spring renewals', '--country', 'RO'], env);
  const list = async () => json((await run(['leads', 'list', '--per-page', '100', '--json'], env)).stdout).data;
  const before = await list();
  const args = ['simulate', '--campaign', '1', '--from', '2026-11-30T09:00:00Z', '--seed', '7'];
  const lines = await run(args, env);
  expect(lines.code, lines.stderr).toBe(0);
  expect(lines.stdout).toContain('Rehearsal of Spring renewals');
  expect(lines.stdout).toContain('Nobody was called.');
  expect(lines.stderr).toContain('no number to call from');
  const [one, other] = [await run([...args, '--json'], env), await run([...args, '--json'], env)];
  expect(one.stdout).toBe(other.stdout);
  expect(json(one.stdout)).toMatchObject({ attempts: { sent: 0 }, finished_at: null, held_back: { no_number: 1 } });
  expect(await list()).toEqual(before);
  expect((await run(['simulate', '--campaign', '99'], env)).stderr).toContain('There is no campaign 99');
});

test('rehearses the example, and says what is wrong with a file', async () => {
  const env = { DATA_DIR: '/nowhere' };
  const { code, stdout } = await run(['simulate', '--file', EXAMPLE, '--from', '2026-11-30', '--json'], env);
  expect(code).toBe(0);
  const report = json(stdout);
  expect(report.from).toBe('2026-11-29T23:00:00.000Z');
  expect(report.finished_at).not.toBeNull();
  expect(report.calls_per_hour[0].hour).toBe('monday 2026-11-30 09:00');
  expect(report.lines).toMatchObject({ most: 20, of: 20 });

  const file = join(temporaryFolder(), 'bad.json');
  writeFileSync(file, '{"campaign": {"timezone": "Mars/Olympus", "max_tries": 3}, "leads": 0}');
  const bad = await run(['simulate', '--file', file], env);
  expect(bad.code).toBe(1);
  for (const problem of ['timezone', 'max_tries is not known', 'leads must be a number']) expect(bad.stderr).toContain(problem);
  writeFileSync(file, '{');
  expect((await run(['simulate', '--file', file], env)).stderr).toContain('is not JSON');
  expect((await run(['simulate', '--file', join(temporaryFolder(), 'none.json')], env)).stderr).toContain('cannot be read');
});

test('mistakes in the command', async () => {
  const env = { DATA_DIR: '/nowhere' };
  for (const args of [
    [],
    ['--campaign', '1', '--file', EXAMPLE],
    ['--file', EXAMPLE, '--from', 'monday'],
    ['--file', EXAMPLE, '--days', '0'],
  ])
    expect((await run(['simulate', ...args], env)).code).toBe(2);
  expect((await run(['simulate', '--file', EXAMPLE, '--from', '2026-02-30'], env)).code).not.toBe(0);
  const help = (await run(['simulate', '--help'], env)).stdout;
  expect(help).toContain('Nobody is called');
  expect(help).toContain('examples/simulation.json');
});

test('docs/simulation.md shows the example as it is', () => {
  const document = readFileSync(new URL('../../docs/simulation.md', import.meta.url), 'utf8');
  expect(document).toContain(readFileSync(EXAMPLE, 'utf8').trim());
});
