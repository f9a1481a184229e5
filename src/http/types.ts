// What every *.routes.ts is given.
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyBaseLogger, FastifyInstance, RawReplyDefaultExpression, RawRequestDefaultExpression, RawServerDefault } from 'fastify';
import type { Clock } from '../clock.ts';
import type { Db } from '../db/schema.ts';

/** The application as routes see it: handlers are typed by their schemas. */
export type App = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

/** What routes may use beside the request. */
export interface RouteDeps {
  db: Db;
  clock: Clock;
  /** Called after a change that leaves work behind (leads of a deleted campaign). Must not throw. */
  purge: () => void;
  /** Called after a change that gives the dialer something to do. Must not throw. */
  wake: () => void;
  /** Who places the calls of make_call. */
  carrier: { kind: string; simulated: boolean };
  /** Calls that may start within any second from one number and over the carrier; 0: no limit. */
  rates: { number: number; carrier: number };
  /** Whether leases run on the database's clock, as they do for a dialer in production, or on `clock`. */
  databaseLeases: boolean;
  /** Bytes that an uploaded file may have. */
  maxUploadBytes: number;
  imports: {
    /** The folder in which files wait to be read. */
    folder: string;
    /** Runs an import to its end. Must not throw. */
    run: (id: number) => Promise<void>;
    /** Milliseconds that an answer waits for the end of its import, unless the client says how long. */
    waitMs: number;
  };
}
