// What each wall of biome.json keeps out, and what its gates let through: walls.test.ts tries them.
const PURE = 'the rest of a domain folder is pure';
const KEY = 'A pure file, but for node:crypto';
const PHONE = 'nothing but libphonenumber-js';
const LIMB = 'A file that everybody may import imports nobody';
const STORE = 'A store speaks SQL';
const ROUTES = 'Routes speak HTTP';
const IMPORT_ROUTES = "The import's routes may also read files";
const READER = 'A reader reads files';
const WRITER = 'A writer writes files';
const HTTP = 'http/ knows routes';
const DB = 'db/ knows no domain';
const POSTGRES = 'postgres/ starts a database';
const CLI = 'The CLI starts the server';
const ENGINE = 'An engine uses stores and pure files';
const REHEARSAL = 'The time machine runs the dialer on its own clock';
const MONITORING = 'Monitoring looks on';
const COPY = 'A copy streams between connections and files';
const ALONE = "The time machine is the command line's alone";

/** A file, what is written into it, the rule that objects, and a part of what it says. */
export type Breach = readonly [file: string, code: string, rule: string, message: string];

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

/** One row for each thing that a wall keeps out. `breach` becomes a new file each time, so that each row stands alone. */
export const BREACHES: Breach[] = [
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
  ...[
    'accounts',
    'assistants',
    'blacklist',
    'calls',
    'campaigns',
    'catalogue',
    'exports',
    'idempotency',
    'imports',
    'numbers',
    'retention',
  ].flatMap((domain) => [
    ...breaches(`src/${domain}/breach.ts`, PURE, ['kysely']),
    ...breaches(`src/${domain}/breach.store.ts`, STORE, ['fastify']),
    ...breaches(`src/${domain}/breach.routes.ts`, domain === 'imports' ? IMPORT_ROUTES : ROUTES, ['kysely']),
  ]),
  ...['carriers', 'dialer', 'webhooks'].flatMap((engine) => [
    ...breaches(`src/${engine}/breach.ts`, ENGINE, [
      'kysely',
      'fastify',
      'typebox',
      '../http/app.ts',
      '../server.ts',
      '../config.ts',
      '../cli/main.ts',
    ]),
    ...breaches(`src/${engine}/breach.store.ts`, STORE, ['fastify']),
    ...breaches(`src/${engine}/breach.routes.ts`, ROUTES, ['kysely']),
  ]),
  ...breaches('src/carriers/simulated/breach.ts', ENGINE, ['../../http/app.ts', '../../config.ts', '../../server.ts']),
  ...breaches('src/simulation/breach.ts', REHEARSAL, [
    'kysely',
    'fastify',
    'typebox',
    'node:fs',
    './copy-campaign.store.ts',
    '../dialer/claim.store.ts',
    '../carriers/carriers.routes.ts',
    '../calls/call.schema.ts',
    '../webhooks/deliver.ts',
    '../http/wire-time.ts',
    '../cli/main.ts',
    '../clock.ts',
    '../config.ts',
    '../engine.ts',
    '../scheduler.ts',
    '../server.ts',
  ]),
  ...breaches('src/simulation/breach.routes.ts', REHEARSAL, ['fastify']),
  ...breaches('src/simulation/breach.store.ts', STORE, ['fastify', 'node:fs']),
  ...breaches('src/monitoring/breach.ts', MONITORING, [
    'kysely',
    'fastify',
    'typebox',
    'pg',
    'node:fs',
    '../calls/lines.store.ts',
    '../calls/calls.routes.ts',
    '../calls/call.schema.ts',
    '../cli/main.ts',
    '../config.ts',
    '../db/open.ts',
    '../engine.ts',
    '../http/app.ts',
    '../server.ts',
    '../simulation/report.ts',
  ]),
  ...breaches('src/monitoring/breach.routes.ts', MONITORING, ['fastify']),
  ...breaches('src/monitoring/breach.store.ts', STORE, ['fastify', 'prom-client', 'node:http']),
  ...breaches('src/leads/breach.ts', PURE, ['../monitoring/readiness.ts', 'prom-client']),
  ...breaches('src/leads/breach.store.ts', STORE, ['../monitoring/state.store.ts']),
  ...breaches('src/leads/breach.routes.ts', ROUTES, ['../monitoring/readiness.ts', 'prom-client']),
  ...breaches('src/dialer/breach.ts', ENGINE, ['../monitoring/metrics.ts', 'prom-client']),
  ...breaches('src/carriers/simulated/breach.ts', ENGINE, ['../../monitoring/metrics.ts']),
  ...breaches('src/http/breach.ts', HTTP, ['../monitoring/metrics.ts', 'prom-client']),
  ...breaches('src/backup/breach.ts', COPY, [
    'kysely',
    'pg',
    'fastify',
    'node:fs',
    '../calls/revoke.store.ts',
    '../cli/main.ts',
    '../config.ts',
    '../http/app.ts',
    '../server.ts',
  ]),
  ...breaches('src/backup/breach.store.ts', STORE, ['fastify', 'node:stream', './backup.reader.ts', './backup.writer.ts']),
  ...breaches('src/backup/breach.reader.ts', READER, ['kysely', '../db/sole-connection.ts', './tables.store.ts']),
  ...breaches('src/backup/breach.writer.ts', WRITER, ['kysely', '../db/sole-connection.ts', './backup.reader.ts', './tables.store.ts']),
  ...breaches('src/http/breach.ts', HTTP, ['../backup/tables.store.ts']),
  ...breaches('src/leads/breach.ts', PURE, ['../simulation/report.ts']),
  ...breaches('src/leads/breach.store.ts', STORE, ['../simulation/report.ts']),
  ...breaches('src/leads/breach.routes.ts', ROUTES, ['../simulation/simulate.ts']),
  ...breaches('src/imports/breach.reader.ts', READER, ['../simulation/report.ts']),
  ...breaches('src/dialer/breach.ts', ENGINE, ['../simulation/simulate.ts']),
  ...breaches('src/carriers/simulated/breach.ts', ENGINE, ['../../simulation/report.ts']),
  ...breaches('src/http/breach.ts', HTTP, ['../simulation/simulate.ts']),
  ...breaches('src/breach.ts', ALONE, ['./simulation/simulate.ts']),
  ...breaches('src/server.ts', ALONE, ['./simulation/simulate.ts']),
  ...breaches('src/accounts/api-key.ts', KEY, ['node:fs', 'kysely']),
  ...breaches('src/phone.ts', PHONE, ['node:fs', './errors.ts']),
  ...breaches('src/errors.ts', LIMB, ['./phone.ts']),
  ...breaches('src/time-zone.ts', LIMB, ['node:fs']),
  ...breaches('src/heap.ts', LIMB, ['./virtual-time.ts']),
  ...breaches('src/no-such-id.ts', LIMB, ['./http/fields.ts']),
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
  ...breaches('src/imports/breach.ts', PURE, ['./xlsx.reader.ts', 'yauzl', 'saxes']),
  ...breaches('src/imports/breach.routes.ts', IMPORT_ROUTES, ['yauzl', 'saxes']),
  ...breaches('src/imports/breach.reader.ts', READER, [
    'yazl',
    'kysely',
    'fastify',
    '../db/open.ts',
    '../leads/leads.store.ts',
    '../leads/leads.routes.ts',
  ]),
  ...breaches('src/exports/breach.writer.ts', WRITER, [
    'kysely',
    'fastify',
    'csv-parse',
    '../db/open.ts',
    '../leads/leads.store.ts',
    '../leads/leads.routes.ts',
    '../imports/csv.reader.ts',
    './export.schema.ts',
  ]),
  ...breaches('src/exports/breach.ts', PURE, ['./csv.writer.ts', 'csv-stringify', 'yazl']),
  ...breaches('src/exports/breach.store.ts', STORE, ['./csv.writer.ts', 'yazl']),
  ...breaches('src/exports/breach.routes.ts', ROUTES, ['node:stream', 'yazl', '../leads/leads.routes.ts']),
  ...breaches('src/leads/breach.routes.ts', ROUTES, ['../exports/csv.writer.ts']),
  ...breaches('src/http/breach.ts', HTTP, [
    '../leads/leads.store.ts',
    '../db/open.ts',
    '../server.ts',
    '../config.ts',
    '../cli/main.ts',
    'pg',
  ]),
  ...breaches('src/db/breach.ts', DB, ['../leads/leads.store.ts', '../http/page.ts', '../config.ts', 'fastify', 'typebox']),
  ...breaches('src/cli/breach.ts', CLI, ['../leads/leads.routes.ts', 'fastify', 'pg']),
  ...breaches('src/postgres/breach.ts', POSTGRES, ['../db/open.ts', '../leads/lead.ts', '../config.ts', 'kysely', 'fastify', 'pino']),
  ...['fetch', 'process', 'setTimeout', 'setInterval'].flatMap((name): Breach[] =>
    ['src/leads/breach.ts', 'src/accounts/api-key.ts', 'src/phone.ts', 'src/errors.ts', 'src/simulation/breach.ts'].map((file) => [
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

/** The gates in the walls: what each kind of file may import. */
export const ALLOWED: [file: string, ...targets: string[]][] = [
  [
    'src/leads/gate.ts',
    './lead.ts',
    '../campaigns/campaign.ts',
    '../phone.ts',
    '../errors.ts',
    '../time-zone.ts',
    '../no-such-id.ts',
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
  ['src/imports/gate.reader.ts', 'node:fs/promises', 'csv-parse', 'csv-parse/sync', 'saxes', 'yauzl', './import.ts'],
  ['src/exports/gate.writer.ts', 'node:stream', 'csv-stringify/sync', 'yazl', './sheet-xml.ts', '../leads/lead.ts'],
  ['src/exports/gate.routes.ts', './csv.writer.ts', './export-rows.store.ts', '../leads/lead-query.ts', 'typebox'],
  [
    'src/http/gate.ts',
    'fastify',
    '../leads/leads.routes.ts',
    '../errors.ts',
    '../db/schema.ts',
    '../accounts/account.ts',
    '../monitoring/readiness.ts',
  ],
  ['src/db/gate.ts', 'kysely', 'pg', 'node:fs', './open.ts', '../postgres/server.ts'],
  ['src/postgres/gate.ts', 'pg', 'node:fs', './users.ts'],
  ['src/dialer/gate.ts', '../heap.ts', '../virtual-time.ts', './claim.store.ts', '../leads/lead.ts', '../carriers/carrier.ts'],
  [
    'src/simulation/gate.ts',
    './report.ts',
    '../campaigns/calling-window.ts',
    '../carriers/simulated/simulation.ts',
    '../dialer/dialer.ts',
    '../leads/lead.ts',
    '../virtual-time.ts',
    '../db/schema.ts',
    'pino',
  ],
  [
    'src/monitoring/gate.ts',
    './monitor.ts',
    './state.store.ts',
    '../calls/disposition.ts',
    '../campaigns/calling-window.ts',
    '../carriers/carrier.ts',
    '../clock.ts',
    '../db/schema.ts',
    '../dialer/ledger.ts',
    'node:http',
    'pino',
    'prom-client',
  ],
  ['src/monitoring/gate.store.ts', 'kysely', '../db/migrate.ts', '../dialer/decisions.store.ts', './unclaimed.ts'],
  ['src/backup/gate.ts', './load.ts', './tables.store.ts', './backup.reader.ts', '../db/sole-connection.ts', 'node:stream/promises'],
  ['src/backup/gate.store.ts', 'kysely', '../db/migrate.ts', '../calls/revoke.store.ts', '../dialer/settle.store.ts', './backup-file.ts'],
  ['src/backup/gate.writer.ts', 'node:zlib', 'node:crypto', 'node:fs/promises', './backup-file.ts'],
  ['src/simulation/gate.store.ts', 'kysely', '../db/snapshot.ts', '../dialer/settle-terms.store.ts', './simulate.ts'],
  [
    'src/cli/gate.ts',
    '../server.ts',
    '../simulation/copy-campaign.store.ts',
    '../simulation/simulate.ts',
    '../leads/leads.store.ts',
    '../config.ts',
    'commander',
    'node:fs',
  ],
];
