// For load balancers and start scripts: is the process up, and does it reach its database?
import { sql } from 'kysely';
import { Type } from 'typebox';
import type { App, RouteDeps } from './types.ts';

const Status = Type.Object({ status: Type.String() }, { additionalProperties: false });

/** `isStarted`: whether the server has done all that its start is about; it listens before that. */
export interface HealthDeps extends Pick<RouteDeps, 'db'> {
  isStarted?: () => boolean;
}

export const healthRoutes = (app: App, { db, isStarted = () => true }: HealthDeps): void => {
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
        summary: 'The server has started, and its database answers',
        security: [],
        response: { 200: Status, 503: Status },
      },
    },
    async (request, reply) => {
      // Whoever waits for this then looks for the key that a first start prints.
      if (!isStarted()) return reply.code(503).send({ status: 'starting' });
      try {
        await sql`select 1`.execute(db);
        return { status: 'ready' };
      } catch (error) {
        request.log.error({ err: error }, 'database is not reachable');
        return reply.code(503).send({ status: 'database is not reachable' });
      }
    },
  );
};
