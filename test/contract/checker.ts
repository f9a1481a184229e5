// Holds answers against an OpenAPI document: status, media type, closed objects, types and the order of keys.
// The contract decides for each route that it names; our own document for the rest.
import { Ajv2020, type AnySchemaObject, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import type { DataValidateFunction } from 'ajv/dist/types/index.js';
import addFormats from 'ajv-formats';
import { isObject, type Json, type Operation, type Operations, readContract, readOperations, shapeOf } from './operations.ts';

/** An answer, and the request that it belongs to. */
export interface Exchange {
  method: string;
  /** The route that took it, as registered: `/api/user/leads/:id`. Undefined when none did. */
  route: string | undefined;
  status: number;
  contentType: string | undefined;
  /** The body as text. */
  raw: string;
  /** Whether the request had an Idempotency-Key, and whether the answer is the first one under it again. */
  keyed?: boolean;
  replayed?: boolean;
}

/** An answer that breaks the contract. */
export class ContractViolation extends Error {
  override readonly name = 'ContractViolation';
}

/** What may be held against a document. */
export interface Checker {
  readonly operations: Operations;
  /** @throws ContractViolation naming operation, status and all that is wrong. */
  check(operation: Operation, exchange: Exchange): void;
}

const MESSAGE: AnySchemaObject = {
  type: 'object',
  additionalProperties: false,
  required: ['message'],
  properties: { message: { type: 'string', minLength: 1 } },
};
const message = (more: Record<string, AnySchemaObject>): AnySchemaObject => ({
  ...MESSAGE,
  required: ['message', ...Object.keys(more)],
  properties: { ...(MESSAGE.properties as object), ...more },
});
const FIELD_ERRORS = {
  type: 'object',
  minProperties: 1,
  additionalProperties: { type: 'array', minItems: 1, items: { type: 'string', minLength: 1 } },
};

// What any operation may answer, listed or not.
const GENERIC = new Map<number, AnySchemaObject>([
  ...[400, 401, 404, 405, 413, 414, 415, 500, 503].map((status): [number, AnySchemaObject] => [status, MESSAGE]),
  [422, message({ errors: FIELD_ERRORS })],
  [429, message({ retry_after: { type: 'integer', minimum: 1 } })],
]);

const createAjv = (): Ajv2020 => {
  const ajv = new Ajv2020({ allErrors: true, strict: false, logger: false });
  // ajv-formats is CommonJS: its default export sits one level down under Node's rules.
  addFormats.default(ajv);
  ajv.addKeyword({
    keyword: 'x-key-order',
    type: 'object',
    schemaType: 'array',
    compile: (order: string[]) => {
      const validate: DataValidateFunction = (data: object) => {
        const found = Object.keys(data).filter((key) => order.includes(key));
        const expected = order.filter((key) => found.includes(key));
        const wrong = found.findIndex((key, index) => key !== expected[index]);
        if (wrong < 0) return true;
        const message = `must have its keys in the order ${expected.join(', ')}, but has ${found.join(', ')}`;
        validate.errors = [{ keyword: 'x-key-order', message }];
        return false;
      };
      return validate;
    },
    errors: true,
  });
  return ajv;
};

const describe = ({ instancePath, message: text, params }: ErrorObject): string => {
  const details = params && Object.keys(params).length > 0 ? ` ${JSON.stringify(params)}` : '';
  return `${instancePath === '' ? 'the body' : instancePath} ${text}${details}`;
};

const parseBody = (raw: string): unknown => {
  try {
    return JSON.parse(raw);
  } catch {
    return undefined;
  }
};

const mediaType = (contentType: string | undefined): string => contentType?.split(';', 1)[0]?.trim().toLowerCase() ?? '';

const SHOWN = 1500;

const violation = (name: string, { status, raw }: Exchange, reasons: string[]): ContractViolation =>
  new ContractViolation(
    `${name} answered ${status} against the contract:\n${reasons.map((reason) => `  - ${reason}`).join('\n')}\n  body: ${raw.slice(0, SHOWN)}`,
  );

const escapeStep = (step: string): string => encodeURIComponent(step.replace(/~/g, '~0').replace(/\//g, '~1'));

const follow = (document: Json, pointer: readonly string[]): unknown =>
  pointer.reduce<unknown>((node, step) => (isObject(node) ? node[step] : undefined), document);

// The response itself, where the operation only refers to it: responses are no schemas, so Ajv would not follow that.
const resolveResponse = (document: Json, pointer: readonly string[]): { pointer: readonly string[]; node: Json } => {
  const node = follow(document, pointer);
  if (!isObject(node)) return { pointer, node: {} };
  if (typeof node.$ref !== 'string') return { pointer, node };
  return resolveResponse(document, node.$ref.replace(/^#\//, '').split('/'));
};

const generic = createAjv();

/** Checks what an operation has in common with all: a `{ message }` under a status that anything may answer. */
export const checkGeneric = (name: string, exchange: Exchange): void => {
  // The contract knows no Idempotency-Key: who sends one with a POST may be told 409.
  const schema =
    GENERIC.get(exchange.status) ?? (exchange.status === 409 && exchange.method === 'POST' && exchange.keyed ? MESSAGE : undefined);
  const reasons: string[] = [];
  if (schema === undefined) reasons.push('the status is not listed');
  else if (mediaType(exchange.contentType) !== 'application/json')
    reasons.push(`the media type is ${exchange.contentType}, not application/json`);
  // A HEAD has the headers of its GET and no body.
  else if (exchange.method !== 'HEAD' && !generic.validate(schema, parseBody(exchange.raw)))
    reasons.push('the status is not listed, so the body may be a message only', ...(generic.errors ?? []).map(describe));
  if (reasons.length > 0) throw violation(name, exchange, reasons);
};

/** Makes a checker of a document whose paths lie under `base`. */
export const createChecker = (document: Json, base: string): Checker => {
  const ajv = createAjv();
  ajv.addSchema(document, 'document');
  const compiled = new Map<string, ValidateFunction>();
  const validator = (pointer: readonly string[]): ValidateFunction => {
    const $ref = `document#/${pointer.map(escapeStep).join('/')}`;
    const validate = compiled.get($ref) ?? ajv.compile({ $ref });
    compiled.set($ref, validate);
    return validate;
  };

  const check = (operation: Operation, exchange: Exchange): void => {
    const { name, responses } = operation;
    const status = String(exchange.status);
    if (!Object.hasOwn(responses, status)) {
      checkGeneric(name, exchange);
      return;
    }
    // A HEAD has the headers of its GET and no body.
    if (exchange.method === 'HEAD') return;
    const { pointer, node } = resolveResponse(document, [...operation.pointer, status]);
    const content = isObject(node.content) ? node.content : {};
    const listed = Object.keys(content);
    if (listed.length === 0) {
      if (exchange.raw !== '') throw violation(name, exchange, ['this status has no body']);
      return;
    }
    const type = mediaType(exchange.contentType);
    if (!listed.includes(type)) throw violation(name, exchange, [`the media type is ${exchange.contentType}, not ${listed.join(' or ')}`]);
    const media = content[type];
    if (type !== 'application/json' || !isObject(media) || media.schema === undefined) return;
    const body = parseBody(exchange.raw);
    if (body === undefined) throw violation(name, exchange, ['the body is no JSON']);
    const validate = validator([...pointer, 'content', type, 'schema']);
    if (!validate(body)) throw violation(name, exchange, (validate.errors ?? []).map(describe));
  };
  return { operations: readOperations(document, base), check };
};

let contract: Checker | undefined;

/** The checker of the contract in test/contract.openapi.yaml, under /api. One for all: it takes 50 ms to make. */
export const contractChecker = (): Checker => {
  contract ??= createChecker(readContract(), '/api');
  return contract;
};

/** What a route's answers are held against: the contract, our own document, or neither. */
export const findOperation = (
  { method, replayed = false }: Pick<Exchange, 'method' | 'replayed'>,
  route: string,
  own: Checker,
): { checker: Checker; operation: Operation } | undefined => {
  for (const verb of method === 'HEAD' ? ['HEAD', 'GET'] : [method]) {
    // The contract knows no replays, and our own document those that leave something out.
    for (const checker of replayed ? [own] : [contractChecker(), own]) {
      const operation = checker.operations.get(shapeOf(`${verb} ${route}`));
      if (operation !== undefined) return { checker, operation };
    }
  }
  return undefined;
};
