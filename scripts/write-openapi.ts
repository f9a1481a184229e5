// Writes openapi.json from the route schemas: `npm run openapi`. CI fails while the file differs from what this writes.
import { writeFileSync } from 'node:fs';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { authenticateBy } from '../src/accounts/accounts.store.ts';
import { systemClock } from '../src/clock.ts';
import type { Database } from '../src/db/schema.ts';
import { buildApp } from '../src/http/app.ts';
import { createKeyStore } from '../src/idempotency/idempotency.store.ts';

// The routes are only described, so that nothing is ever asked of it.
const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool: new pg.Pool() }) });
const app = await buildApp({
  db,
  clock: systemClock,
  purge: () => {},
  maxUploadBytes: 0,
  authenticate: authenticateBy(db, systemClock),
  keys: createKeyStore(db),
  http: { publicUrl: undefined, trustProxy: false, corsOrigins: undefined, rateLimit: 0 },
});
await app.ready();
writeFileSync(new URL('../openapi.json', import.meta.url), `${JSON.stringify(app.swagger(), null, 2)}\n`);
await app.close();
await db.destroy();
