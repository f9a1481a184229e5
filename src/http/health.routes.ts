// For load balancers and start scripts: is the process up, and can it do its work?
import { sql } from 'kysely';
import { Type } from 'typebox';
import type { Readiness } from '../monitoring/readiness.ts';
import type { App, RouteDeps } from './types.ts';

const Status = Type.Object({ status: Type.String() }, { additionalProperties: false });

const Check = Type.Object(
  {
    ok: Type.Boolean(),
    required: Type.Boolean({ description: 'Whether the process cannot do its work while this is not ok; otherwise it only informs.' }),
    reason: Type.Optional(Type.String()),
    figures: Type.Optional(Type.Record(Type.String(), Type.Number(), { description: 'What was measured; the names say the unit.' })),
  },
  { additionalProperties: false },
);

const Ready = Type.Object(
  { status: Type.String(), checks: Type.Optional(Type.Record(Type.String(), Check)) },
  { additionalProperties: false, description: 'Each check of what this process does, by name.' },
);

/** What the answers are made of. */
export interface HealthDeps extends Pick<RouteDeps, 'db'> {
  /** Whether the server has done all that its start is about; it listens before that. */
  isStarted?: () => boolean;
  /** Whether the process can do its work. Must not throw. Where it is not given, the database alone is asked. */
  readiness?: () => Promise<Readiness>;
}

const UNREACHABLE = 'database is not reachable';

const statusOf = ({ ready, checks }: Readiness): string => {
  if (ready) return 'ready';
  return checks.database?.ok === false ? UNREACHABLE : 'not ready';
};

export const healthRoutes = (app: App, { db, isStarted = () => true, readiness }: HealthDeps): void => {
  app.get(
    '/healthz',
    { schema: { tags: ['health'], summary: 'The process is up', security: [], response: { 200: Status } } },
    async () => ({ status: 'ok' }),
  );
  app.get(
    '/readyz',
    {
      schema: {
        tags: ['health'],
        summary: 'The server has started, and can do the work of its role',
        security: [],
        response: { 200: Ready, 503: Ready },
      },
    },
    async (request, reply) => {
      // Whoever waits for this then looks for the key that a first start prints.
      if (!isStarted()) return reply.code(503).send({ status: 'starting' });
      if (readiness !== undefined) {
        const answer = await readiness();
        return reply.code(answer.ready ? 200 : 503).send({ status: statusOf(answer), checks: answer.checks });
      }
      try {
        await sql`select 1`.execute(db);
        return { status: 'ready' };
      } catch (error) {
        request.log.error({ err: error }, UNREACHABLE);
        return reply.code(503).send({ status: UNREACHABLE });
      }
    },
  );
};
