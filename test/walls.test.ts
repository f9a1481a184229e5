// A wall that nobody has seen fall is not a wall: each rule of biome.json about who may import whom is breached here,
// in a copy of the tree, and lint has to object. What lint cannot see is looked for in the text.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ALLOWED, BREACHES } from './support/breaches.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const BIOME = join(ROOT, 'node_modules/@biomejs/biome/bin/biome');

interface Finding {
  category: string;
  message: string;
  location: { path: string };
}

interface Verdict {
  status: number | null;
  findings: Finding[];
}

const folder = mkdtempSync(join(tmpdir(), 'outdial-walls-'));
afterAll(() => rmSync(folder, { recursive: true }));

const copyTree = (name: string): string => {
  const tree = join(folder, name);
  for (const part of ['src', 'biome.json', 'tsconfig.json', 'package.json'])
    cpSync(join(ROOT, part), join(tree, part), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(tree, 'node_modules'), 'junction');
  return tree;
};

// All of the tree, or some files of it: what they import is looked at either way.
const lint = (tree: string, files: Iterable<string> = []): Verdict => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [BIOME, 'lint', '--reporter=json', '--max-diagnostics=none', ...files], {
    cwd: tree,
    encoding: 'utf8',
    maxBuffer: 100_000_000,
  });
  if (!stdout.startsWith('{')) throw new Error(`biome did not run: ${stdout}${stderr}`);
  const { diagnostics } = JSON.parse(stdout) as { diagnostics: Finding[] };
  return { status, findings: diagnostics.filter(({ category }) => category.startsWith('lint/')) };
};

const inFile = ({ findings }: Verdict, file: string, rule: string): Finding[] =>
  findings.filter(({ category, location }) => category.endsWith(`/${rule}`) && location.path.replaceAll('\\', '/') === file);

// A breach of an existing file stands in a tree of its own; all others share one.
const fileOf = (file: string, index: number): string => file.replace(/breach\./, `breach-${index}.`);

const rows = BREACHES.map(([file, code, rule, message], index) => ({
  file: fileOf(file, index),
  what: /from '(.*)'/.exec(code)?.[1] ?? rule,
  code,
  rule,
  message,
}));

test('lint passes the tree as it is', () => {
  const { status, findings } = lint(copyTree('clean'));
  expect(findings.map(({ location, message }) => `${location.path}: ${message}`)).toEqual([]);
  expect(status).toBe(0);
});

describe('lint objects', () => {
  // Each tree holds a file at most once, so that every breach is judged alone.
  const trees: Map<string, string>[] = [];
  for (const { file, code } of rows) {
    let tree = trees.find((one) => !one.has(file));
    if (tree === undefined) {
      tree = new Map();
      trees.push(tree);
    }
    tree.set(file, code);
  }
  const verdicts: Verdict[] = [];
  beforeAll(() => {
    for (const [index, files] of trees.entries()) {
      const tree = copyTree(`breached-${index}`);
      for (const [file, code] of files) writeFileSync(join(tree, file), code);
      verdicts.push(lint(tree, files.keys()));
    }
  });

  test.each(rows)('to $what in $file', ({ file, code, rule, message }) => {
    const tree = trees.findIndex((files) => files.get(file) === code);
    const verdict = verdicts[tree] ?? { status: null, findings: [] };
    expect(verdict.status).toBe(1);
    const messages = inFile(verdict, file, rule).map((finding) => finding.message);
    expect(messages).toContainEqual(expect.stringContaining(message));
  });
});

describe('lint lets pass', () => {
  let verdict: Verdict;
  beforeAll(() => {
    const tree = copyTree('gates');
    for (const [file, ...targets] of ALLOWED) {
      const lines = targets.map(
        (target, index) => `import type * as x${index} from '${target}';\nexport type X${index} = typeof x${index};\n`,
      );
      writeFileSync(join(tree, file), lines.join(''));
    }
    verdict = lint(
      tree,
      ALLOWED.map(([file]) => file),
    );
  });

  test.each(ALLOWED)('what %s may import', (file) => {
    expect(inFile(verdict, file, 'noRestrictedImports')).toEqual([]);
  });
});

// Lint cannot tell these two from other uses of Date.
const ASKS_THE_TIME = /\bDate\.now\b|\bnew Date\(\s*\)|\bnew Date\b(?!\s*\()|(?<!\bnew\s)\bDate\(/;

describe('the time comes in from outside', () => {
  test.each(['Date.now()', 'new Date()', 'new Date( )', 'new Date', 'Date()'])('%s would be found', (code) => {
    expect(`const now = ${code};`).toMatch(ASKS_THE_TIME);
  });
  test.each(['new Date(value)', 'new Date(0)', 'Date.UTC(2026)', 'updated_at: Date;'])('%s is no breach', (code) => {
    expect(code).not.toMatch(ASKS_THE_TIME);
  });

  const files = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' }).map((file) => file.replaceAll('\\', '/'));
  const own = files.filter(
    (file) =>
      /^(?:(?!cli\/|db\/|http\/)[^/]+\/.*|phone|errors|time-zone|heap|is-record|no-such-id|sentences|virtual-time)\.ts$/.test(file) &&
      !file.endsWith('.test.ts'),
  );

  test('no domain file asks for it', () => {
    expect(own.length).toBeGreaterThan(10);
    // Comments may speak of it.
    const code = (file: string) => readFileSync(join(ROOT, 'src', file), 'utf8').replace(/^\s*(?:\/\/|\*|\/\*).*$/gm, '');
    expect(own.filter((file) => ASKS_THE_TIME.test(code(file)))).toEqual([]);
  });

  test('no folder is a drawer for odds and ends', () => {
    expect(files.filter((file) => /(?:^|\/)(?:utils|helpers|common|services|index\.ts)(?:\/|$)/.test(file))).toEqual([]);
  });
});
