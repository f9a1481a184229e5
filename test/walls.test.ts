// A wall that nobody has seen fall is not a wall: each rule of biome.json about who may import whom is breached here,
// in a copy of the tree, and lint has to object. What lint cannot see is looked for in the text.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const BIOME = join(ROOT, 'node_modules/@biomejs/biome/bin/biome');

const PURE = 'the rest of a domain folder is pure';
const KEY = 'A pure file, but for node:crypto';
const PHONE = 'nothing but libphonenumber-js';
const LIMB = 'A file that everybody may import imports nobody';
const STORE = 'A store speaks SQL';
const ROUTES = 'Routes speak HTTP';
const IMPORT_ROUTES = "The import's routes may also read files";
const READER = 'A reader reads files';
const HTTP = 'http/ knows routes';
const DB = 'db/ knows no domain';
const CLI = 'The CLI starts the server';

type Breach = readonly [file: string, code: string, rule: string, message: string];

const typesOf = (target: string): string => `import type * as x from '${target}';\nexport type X = typeof x;\n`;

const breaches = (file: string, message: string, targets: string[]): Breach[] =>
  targets.map((target) => [file, typesOf(target), 'noRestrictedImports', message]);

const SWITCH = `export const x = (y: 'a' | 'b') => {
  switch (y) {
    case 'a':
      return 1;
  }
  return 2;
};
`;
const FLOATING = `const x = async () => {};
export const y = () => {
  x();
};
`;
const CYCLE = "import { y } from './breach-cycle.ts';\nexport const x = () => y;\n";

// One row for each thing that a wall keeps out. `breach` becomes a new file each time, so that each row stands alone.
const BREACHES: Breach[] = [
  ...breaches('src/leads/breach.ts', PURE, ['kysely', 'fastify', 'typebox', 'node:fs', 'node:crypto', 'csv-parse', 'pino']),
  ...breaches('src/leads/breach.ts', PURE, [
    '../db/open.ts',
    '../http/fields.ts',
    '../server.ts',
    '../config.ts',
    '../clock.ts',
    '../cli/main.ts',
  ]),
  ...breaches('src/leads/breach.ts', PURE, [
    './leads.store.ts',
    './leads.routes.ts',
    '../campaigns/campaigns.store.ts',
    '../campaigns/campaigns.routes.ts',
  ]),
  ...breaches('src/leads/breach.ts', PURE, ['../imports/csv.reader.ts', './lead.schema.ts']),
  ...['accounts', 'assistants', 'blacklist', 'campaigns', 'catalogue', 'imports', 'numbers'].flatMap((domain) => [
    ...breaches(`src/${domain}/breach.ts`, PURE, ['kysely']),
    ...breaches(`src/${domain}/breach.store.ts`, STORE, ['fastify']),
    ...breaches(`src/${domain}/breach.routes.ts`, domain === 'imports' ? IMPORT_ROUTES : ROUTES, ['kysely']),
  ]),
  ...breaches('src/accounts/api-key.ts', KEY, ['node:fs', 'kysely']),
  ...breaches('src/phone.ts', PHONE, ['node:fs', './errors.ts']),
  ...breaches('src/errors.ts', LIMB, ['./phone.ts']),
  ...breaches('src/time-zone.ts', LIMB, ['node:fs']),
  ...breaches('src/clock.ts', LIMB, ['fastify']),
  ...breaches('src/leads/breach.store.ts', STORE, ['fastify', 'typebox', 'node:fs', '../http/fields.ts', '../server.ts', '../config.ts']),
  ...breaches('src/leads/breach.store.ts', STORE, ['./leads.routes.ts', '../campaigns/campaigns.routes.ts', './lead.schema.ts']),
  ...breaches('src/leads/breach.routes.ts', ROUTES, [
    'kysely',
    'pg',
    'node:fs',
    '../db/open.ts',
    '../server.ts',
    '../config.ts',
    '../cli/main.ts',
  ]),
  ...breaches('src/leads/breach.routes.ts', ROUTES, ['../campaigns/campaigns.routes.ts', '../imports/csv.reader.ts']),
  ...breaches('src/leads/breach.schema.ts', ROUTES, ['kysely', 'node:fs', '../db/open.ts']),
  ...breaches('src/imports/breach.routes.ts', IMPORT_ROUTES, ['../db/open.ts', '../leads/leads.routes.ts', 'pg']),
  ...breaches('src/imports/breach.reader.ts', READER, [
    'kysely',
    'fastify',
    '../db/open.ts',
    '../leads/leads.store.ts',
    '../leads/leads.routes.ts',
  ]),
  ...breaches('src/http/breach.ts', HTTP, [
    '../leads/leads.store.ts',
    '../db/open.ts',
    '../server.ts',
    '../config.ts',
    '../cli/main.ts',
    'pg',
  ]),
  ...breaches('src/db/breach.ts', DB, ['../leads/leads.store.ts', '../http/page.ts', '../config.ts', 'fastify', 'typebox']),
  ...breaches('src/cli/breach.ts', CLI, ['../leads/leads.routes.ts', 'fastify', 'pg', '@electric-sql/pglite']),
  ...['fetch', 'process', 'setTimeout', 'setInterval'].flatMap((name): Breach[] =>
    ['src/leads/breach.ts', 'src/accounts/api-key.ts', 'src/phone.ts', 'src/errors.ts'].map((file) => [
      file,
      `export const ${name}Too = ${name};\n`,
      'noRestrictedGlobals',
      `Do not use the global variable ${name}.`,
    ]),
  ),
  ['src/server.ts', 'export const x = process.env.X;\n', 'noProcessEnv', ''],
  ['src/http/breach.ts', 'const x = 1;\nexport default x;\n', 'noDefaultExport', ''],
  ['src/http/breach.ts', 'export const x = (y: any) => y;\n', 'noExplicitAny', ''],
  ['src/http/breach.ts', FLOATING, 'noFloatingPromises', ''],
  ['src/http/breach.ts', SWITCH, 'useExhaustiveSwitchCases', ''],
  ['src/http/breachName.ts', 'export const x = 1;\n', 'useFilenamingConvention', ''],
  ['src/leads/breach-cycle.ts', "import { x } from './breach-cycle-back.ts';\nexport const y = () => x;\n", 'noImportCycles', ''],
  ['src/leads/breach-cycle-back.ts', CYCLE, 'noImportCycles', ''],
];

// The gates in the walls: what each kind of file may import.
const ALLOWED: [file: string, ...targets: string[]][] = [
  [
    'src/leads/gate.ts',
    './lead.ts',
    '../campaigns/campaign.ts',
    '../phone.ts',
    '../errors.ts',
    '../time-zone.ts',
    '../http/wire-time.ts',
    '../db/schema.ts',
  ],
  ['src/leads/gate.store.ts', 'kysely', '../db/schema.ts', './lead.ts', '../campaigns/campaigns.store.ts', '../errors.ts', '../clock.ts'],
  [
    'src/leads/gate.routes.ts',
    'typebox',
    'fastify',
    '../http/fields.ts',
    './leads.store.ts',
    './lead.ts',
    '../campaigns/campaigns.store.ts',
    '../db/schema.ts',
  ],
  ['src/imports/gate.routes.ts', 'node:fs', 'node:stream/promises', 'csv-parse', '../http/fields.ts', './csv.reader.ts'],
  ['src/imports/gate.reader.ts', 'node:fs/promises', 'csv-parse', 'csv-parse/sync', './import.ts'],
  ['src/http/gate.ts', 'fastify', '../leads/leads.routes.ts', '../errors.ts', '../db/schema.ts', '../accounts/account.ts'],
  ['src/db/gate.ts', 'kysely', 'pg', '@electric-sql/pglite', 'node:fs', './open.ts'],
  ['src/cli/gate.ts', '../server.ts', '../leads/leads.store.ts', '../config.ts', 'commander', 'node:fs'],
];

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

const lint = (tree: string): Verdict => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [BIOME, 'lint', '--reporter=json', '--max-diagnostics=none'], {
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
      verdicts.push(lint(tree));
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
    verdict = lint(tree);
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
    (file) => /^(?:(?!cli\/|db\/|http\/)[^/]+\/.*|phone|errors|time-zone)\.ts$/.test(file) && !file.endsWith('.test.ts'),
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
