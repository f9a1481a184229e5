// A server on a database, for being killed in the middle of a request. Prints its port when it listens.
//   node keyed-server.ts <database url>
import { authenticateBy } from '../../src/accounts/accounts.store.ts';
import { systemClock } from '../../src/clock.ts';
import { openDatabase } from '../../src/db/open.ts';
import { buildApp } from '../../src/http/app.ts';
import { createKeyStore } from '../../src/idempotency/idempotency.store.ts';

const { db } = await openDatabase({ kind: 'server', url: process.argv[2] ?? '' });
const app = await buildApp({
  db,
  clock: systemClock,
  purge: () => {},
  wake: () => {},
  carrier: { kind: 'simulated', simulated: true },
  rates: { number: 0, carrier: 0 },
  databaseLeases: true,
  maxUploadBytes: 0,
  // Nothing is imported here.
  imports: { folder: 'nowhere', run: async () => {}, waitMs: 0 },
  authenticate: authenticateBy(db, systemClock),
  keys: createKeyStore(db),
  http: { publicUrl: undefined, trustProxy: false, corsOrigins: undefined, rateLimit: 0 },
});
const url = await app.listen({ host: '127.0.0.1', port: 0 });
console.log(url);
