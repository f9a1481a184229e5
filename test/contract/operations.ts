// An OpenAPI document as a table: method and path shape -> operation. A path's parameters have no names here: `/user/leads/{}`.
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

/** A node of a document, read step by step. */
export type Json = Record<string, unknown>;

/** One operation of a document. */
export interface Operation {
  /** As a message names it: `GET /user/leads/{id}`. */
  readonly name: string;
  /** The pointer to its responses, each step unescaped. */
  readonly pointer: readonly string[];
  readonly responses: Json;
}

/** `GET /user/leads/{}` -> operation. */
export type Operations = ReadonlyMap<string, Operation>;

const METHODS = ['get', 'put', 'post', 'patch', 'delete', 'head', 'options'];

/** Whether a value is an object, and no array. */
export const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

const objectAt = (value: unknown): Json => (isObject(value) ? value : {});

/** The shape of a path: of `/user/leads/{id}`, `/user/leads/:id` and the like, `/user/leads/{}`. */
export const shapeOf = (path: string): string => path.replace(/\{[^}]*\}|:\w+/g, '{}');

/** Reads all operations with their aliases, under `base`. An operation of its own goes before an alias. */
export const readOperations = (document: Json, base: string): Operations => {
  const operations = new Map<string, Operation>();
  const aliases = new Map<string, Operation>();
  for (const [path, item] of Object.entries(objectAt(document.paths))) {
    for (const [method, value] of Object.entries(objectAt(item))) {
      if (!METHODS.includes(method)) continue;
      const details = objectAt(value);
      const name = `${method.toUpperCase()} ${base}${path}`;
      const operation = { name, pointer: ['paths', path, method, 'responses'], responses: objectAt(details.responses) };
      operations.set(shapeOf(name), operation);
      // An alias may end in a remark: `POST /user/x (no body)`.
      for (const alias of Array.isArray(details['x-aliases']) ? details['x-aliases'] : []) {
        const [verb, spelling] = String(alias).split(' ', 2);
        // Our own document writes aliases of routes under a prefix without it.
        for (const prefix of new Set([base, base === '' ? '/api' : base])) aliases.set(shapeOf(`${verb} ${prefix}${spelling}`), operation);
      }
    }
  }
  return new Map([...aliases, ...operations]);
};

/** The contract of the API as clients know it, as it lies in the test folder. */
export const readContract = (): Json => objectAt(parse(readFileSync(new URL('../contract.openapi.yaml', import.meta.url), 'utf8')));
