// Puts the checker between an application and its tests: every injected answer is checked before a test sees it.
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify';
import { plainPath, type RouteEntry } from '../../src/http/not-found.ts';
import { type Checker, ContractViolation, checkGeneric, createChecker, type Exchange, findOperation } from './checker.ts';
import { isObject, type Json } from './operations.ts';

/** What the checker asks of an application. */
type CheckedApp = Pick<FastifyInstance, 'inject' | 'ready' | 'routeList' | 'swagger'>;

const pathMatcher = (url: string): RegExp =>
  new RegExp(
    `^${url
      .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
      .replace(/:\w+/g, '[^/]+')
      .replace(/\\\*/g, '.*')}$`,
  );

const isFixed = (step: string): boolean => !step.startsWith(':') && step !== '*';

// As the router chooses: a fixed step goes before a parameter.
const byFixedSteps = (one: RouteEntry, other: RouteEntry): number => {
  const [left, right] = [one.url.split('/'), other.url.split('/')];
  for (const [index, step] of left.entries()) {
    const difference = Number(isFixed(right[index] ?? '')) - Number(isFixed(step));
    if (difference !== 0) return difference;
  }
  return 0;
};

const findRoute = (routes: readonly RouteEntry[], method: string, url: string): RouteEntry | undefined => {
  const path = plainPath(url.replace(/^https?:\/\/[^/]+/, ''));
  const taken = routes.filter((route) => route.method === method && pathMatcher(route.url).test(path));
  return taken.sort(byFixedSteps)[0];
};

/** Checks one answer of an application. For answers that came over a socket; injected ones are checked by themselves. */
export const checkAnswer = (routes: readonly RouteEntry[], own: () => Checker, url: string, exchange: Omit<Exchange, 'route'>): void => {
  if (exchange.method === 'OPTIONS') return;
  const route = findRoute(routes, exchange.method, url);
  const name = `${exchange.method} ${plainPath(url)}`;
  if (route === undefined) {
    if (exchange.method !== 'HEAD') checkGeneric(name, { ...exchange, route: undefined });
    return;
  }
  const found = findOperation(exchange, route.url, own());
  if (found !== undefined) found.checker.check(found.operation, { ...exchange, route: route.url });
  else if (!route.hidden) throw new ContractViolation(`${name}: the route ${route.url} is in neither document`);
};

const ownDocument = (app: CheckedApp): Json => {
  // A copy as text: functions and symbols of the schemas are no part of the document.
  const document: unknown = JSON.parse(JSON.stringify(app.swagger()));
  return isObject(document) ? document : {};
};

/**
 * Has every answer of `app.inject(options)` checked; a violation rejects the call.
 * The chained and the callback form of inject are refused: they would go past the check.
 */
export const checkInjected = (app: CheckedApp): void => {
  const inject: (options: InjectOptions | string) => Promise<LightMyRequestResponse> = app.inject.bind(app);
  let made: Checker | undefined;
  let boot: PromiseLike<unknown> | undefined;
  const own = (): Checker => {
    made ??= createChecker(ownDocument(app), '');
    return made;
  };
  const checked = async (options?: InjectOptions | string, ...rest: unknown[]): Promise<LightMyRequestResponse> => {
    if (options === undefined || rest.length > 0) throw new Error('Call inject with options and await it: no other form is checked.');
    // An application that cannot be built says why at every call, not at the first alone.
    boot ??= app.ready();
    await boot;
    const response = await inject(options);
    const request = response.raw.req;
    checkAnswer(app.routeList, own, request.url ?? '', {
      method: request.method ?? 'GET',
      status: response.statusCode,
      contentType: response.headers['content-type']?.toString(),
      raw: response.payload,
      keyed: request.headers['idempotency-key'] !== undefined,
      replayed: response.headers['idempotent-replayed'] === 'true',
    });
    return response;
  };
  Object.assign(app, { inject: checked });
};
