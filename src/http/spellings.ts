// One handler under several spellings of its path and verb: clients in use disagree. The first is the documented one.
import type { HTTPMethods } from 'fastify';

interface Route {
  method: HTTPMethods;
  url: string;
  schema: Record<string, unknown>;
}

/**
 * The routes of all spellings (`'PUT /user/leads/:id'`). Only the first shows in the API document; it lists the others.
 * Register them with `for (const route of spellings(...)) app.route({ ...route, ... })`.
 */
export const spellings = <Schema extends Record<string, unknown>>(
  all: readonly [string, ...string[]],
  schema: Schema,
): (Omit<Route, 'schema'> & { schema: Schema })[] =>
  all.map((spelling, index) => {
    const [method, url] = spelling.split(' ') as [HTTPMethods, string];
    const others = all.slice(1).map((other) => other.replace(/:(\w+)/g, '{$1}'));
    const shown = others.length === 0 ? schema : { ...schema, 'x-aliases': others };
    return { method, url, schema: index === 0 ? shown : { ...schema, hide: true } };
  });
