// Tells who measures of every answer: by the route's template, never by its path, which may hold numbers and grows without end.
import type { FastifyInstance } from 'fastify';

/** An answer that was given. */
export interface AnsweredRequest {
  /** The template of the route, as in /api/user/leads/:id; `none` where no route took the request. */
  route: string;
  method: string;
  /** 2xx, 4xx, 5xx. */
  status: string;
  /** From the arrival of the headers to the end of the answer. */
  seconds: number;
}

/** Hears of answers. Must not throw. */
export type HttpMeter = (answered: AnsweredRequest) => void;

const METHODS: readonly string[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** Tells the meter of every answer of routes that are added from now on, and of those that no route gives. */
export const addHttpMeter = (app: FastifyInstance, meter: HttpMeter): void => {
  app.addHook('onResponse', async (request, reply) => {
    meter({
      route: request.is404 ? 'none' : (request.routeOptions.url ?? 'none'),
      method: METHODS.includes(request.method) ? request.method : 'other',
      status: `${Math.floor(reply.statusCode / 100)}xx`,
      seconds: reply.elapsedTime / 1000,
    });
  });
};
