// `outdial leads export`: into files and pipes, whole or not at all.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { readWorkbook } from '../support/read-workbook.ts';
import { migratedFolder, run, temporaryFolder } from './outdial.ts';

const CONTACTS = fileURLToPath(new URL('../../examples/contacts.csv', import.meta.url));

test('a list goes into a file of each form, and in again', async () => {
  const env = { DATA_DIR: migratedFolder() };
  const files = temporaryFolder();
  const leads = (...words: string[]) => run(['leads', ...words], env);
  const { imported } = JSON.parse((await leads('import', CONTACTS, '--campaign', 'Spring', '--country', 'RO', '--json')).stdout).counts;
  const file = (name: string) => join(files, name);

  const csv = await leads('export', '--out', file('all.csv'), '--json');
  expect([csv.code, JSON.parse(csv.stdout)]).toEqual([0, { file: file('all.csv'), format: 'csv', bytes: expect.any(Number) }]);
  const content = readFileSync(file('all.csv'), 'utf8');
  expect(content).toMatch(/^\ufeffid,campaign_id,campaign_name,phone_number,/);

  writeFileSync(file('old.xlsx'), 'old');
  expect((await leads('export', '--out', file('old.xlsx'), '--no-secondary', '--columns', 'phone_number')).code).toBe(0);
  expect(await readWorkbook(readFileSync(file('old.xlsx')))).toHaveLength(imported + 1);

  const lines = await leads('export', '--format', 'ndjson', '--phone', '+40');
  expect(lines.code).toBe(0);
  for (const line of lines.stdout.trimEnd().split('\n')) expect(JSON.parse(line).phone_number).toMatch(/^\+40/);

  const again = JSON.parse((await leads('import', file('all.csv'), '--campaign', 'Autumn', '--json')).stdout);
  expect(again.counts).toMatchObject({ rows: imported, imported, failed: 0 });
  const workbook = await leads('import', file('old.xlsx'), '--campaign', 'Winter', '--json');
  expect([workbook.code, JSON.parse(workbook.stdout).counts]).toMatchObject([0, { rows: imported, imported, failed: 0 }]);
  expect(readdirSync(files).sort()).toEqual(['all.csv', 'old.xlsx']);
});

test('what cannot be written or asked for is said in one line, and leaves nothing', async () => {
  const env = { DATA_DIR: migratedFolder() };
  const files = temporaryFolder();
  mkdirSync(join(files, 'folder.csv'));
  for (const [words, said] of [
    [['--out', join(files, 'leads.txt')], 'says nothing of its format'],
    [['--out', join(files, 'folder.csv')], 'is a folder'],
    [['--out', join(files, 'nowhere', 'leads.csv')], 'Cannot write'],
    [['--out', join(files, 'leads.csv'), '--status', 'nonsense'], 'status'],
    [['--out', join(files, 'leads.ndjson'), '--columns', 'id'], 'columns'],
  ] as const) {
    const { code, stderr } = await run(['leads', 'export', ...words], env);
    expect([code, stderr]).toEqual([1, expect.stringContaining(said)]);
  }
  expect(readdirSync(files)).toEqual(['folder.csv']);
});

test('a file that breaks off does not take the place of the old one', async () => {
  const server = http.createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/csv', 'content-disposition': 'attachment; filename="leads.csv"' });
    response.write('id\r\n1\r\n', () => setTimeout(() => response.destroy(), 50));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const out = join(temporaryFolder(), 'leads.csv');
  writeFileSync(out, 'old');
  const given = ['--url', url, '--key', '1|abcdefghij0123456789'];
  const toFile = await run(['leads', 'export', '--out', out, ...given], {});
  expect([toFile.code, toFile.stderr]).toEqual([1, expect.stringContaining('broke off')]);
  expect(readFileSync(out, 'utf8')).toBe('old');
  expect(readdirSync(join(out, '..'))).toEqual(['leads.csv']);
  const toPipe = await run(['leads', 'export', ...given], {});
  expect([toPipe.code, toPipe.stdout, toPipe.stderr]).toEqual([1, 'id\r\n1\r\n', expect.stringContaining('broke off')]);
  server.close();
  expect(existsSync(out)).toBe(true);
});
