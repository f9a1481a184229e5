// docs/architecture.md shows how a lead's status moves and where things are: it has to be what the code goes by.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { LEAD_STATUSES } from '../../src/leads/lead.ts';
import { LEAD_EVENTS, nextLeadStatus } from '../../src/leads/lead-status.ts';

const at = (path: string): URL => new URL(`../../${path}`, import.meta.url);
const read = (path: string): string => readFileSync(at(path), 'utf8');
const list = (path: string): string[] =>
  readdirSync(at(path), { recursive: true, encoding: 'utf8' }).map((file) => file.replaceAll('\\', '/'));

test('the table of moves is the one in the code', () => {
  const text = read('docs/architecture.md');
  const table = [
    ['status', ...LEAD_EVENTS],
    ['', ...LEAD_EVENTS].map(() => '---'),
    ...LEAD_STATUSES.map((status) => [status, ...LEAD_EVENTS.map((event) => nextLeadStatus(status, event) ?? '')]),
  ].map((cells) => `| ${cells.join(' | ')} |`);
  expect(text).toContain(table.join('\n'));
});

test('the table of places has every folder and every file that stands beside them', () => {
  const section = /## Where things are\n([\s\S]*?)\n## /.exec(read('docs/architecture.md'))?.[1] ?? '';
  const named = [...section.matchAll(/^\| (`.*?) \|/gm)].flatMap(([, cell = '']) => [...cell.matchAll(/`(.*?)`/g)].map(([, name]) => name));
  const there = readdirSync(at('src'), { withFileTypes: true }).filter(({ name }) => !name.endsWith('.test.ts'));
  expect(named.sort()).toEqual(there.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name)).sort());
});

const DOCUMENTS = ['README.md', 'CONTRIBUTING.md', ...list('docs').map((name) => `docs/${name}`)].filter((name) => name.endsWith('.md'));

// Patterns (`*.store.ts`) and addresses are no files of ours.
const filesIn = (text: string): string[] => [
  ...new Set(text.replace(/https?:\S+/g, '').match(/(?<![\w/.*<>-])\.{0,2}\/?[\w][\w./-]*\.(?:ts|js|md|sql|json|csv)\b/g)),
];

test.each(DOCUMENTS)('%s names no file that is not there', (document) => {
  const names = new Set(list('src').map((file) => file.slice(file.lastIndexOf('/') + 1)));
  const isThere = (file: string): boolean =>
    names.has(file) || ['', 'src/', `${document}/../`].some((folder) => existsSync(at(`${folder}${file}`)));
  const files = filesIn(read(document));
  expect(files.filter((file) => !isThere(file))).toEqual([]);
});

test('the README leads to every document', () => {
  const documents = readdirSync(at('docs')).filter((name) => name.endsWith('.md'));
  expect(documents.filter((name) => !read('README.md').includes(`(docs/${name})`))).toEqual([]);
});
