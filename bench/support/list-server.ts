// Our server for the list's benchmark, with one route more: it authenticates as all others, asks the database for nothing, and answers.
import { sql } from 'kysely';
import { authenticateBy } from '../../src/accounts/accounts.store.ts';
import { systemClock } from '../../src/clock.ts';
import { loadConfig, processEnvironment } from '../../src/config.ts';
import { openDatabase } from '../../src/db/open.ts';
import { PREPARED } from '../../src/db/prepared.ts';
import { buildApp } from '../../src/http/app.ts';
import { bearerToken } from '../../src/http/auth.ts';
import { createKeyStore } from '../../src/idempotency/idempotency.store.ts';

const config = loadConfig(processEnvironment());
const opened = await openDatabase({ kind: 'server', url: config.DATABASE_URL ?? '' });
const { db } = opened;
const authenticate = authenticateBy(db, systemClock);
const app = await buildApp({
  db,
  clock: systemClock,
  authenticate,
  keys: createKeyStore(db),
  purge: () => {},
  wake: () => {},
  carrier: { kind: 'simulated', simulated: true },
  rates: { number: 0, carrier: 0 },
  databaseLeases: true,
  maxUploadBytes: config.IMPORT_MAX_MB,
  // Nothing is imported here.
  imports: { folder: config.DATA_DIR, run: async () => {}, waitMs: 0 },
  http: { publicUrl: undefined, trustProxy: false, corsOrigins: undefined, rateLimit: 0 },
});
app.get('/bench/nothing', async (request) => {
  const caller = await authenticate(bearerToken(request.headers.authorization) ?? '');
  const { rows } = await sql`${sql.raw(PREPARED)} select ${caller?.account.id ?? 0}::bigint as id`.execute(db);
  return { rows };
});
await app.listen({ host: '127.0.0.1', port: config.PORT });
console.log('listening');
process.once('SIGTERM', async () => {
  await app.close();
  await opened.close();
});
