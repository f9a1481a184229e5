// The thirteen-key page envelope. Source: the seed document, assertions 17-37, and test/vectors.
import { type TProperties, type TSchema, Type } from 'typebox';
import { type QueryParams, repeatQuery, toInteger } from './query-string.ts';

/** Which page of how many rows. Both count from 1. Beyond 2^53 a page is a bigint: it is answered digit by digit. */
export interface PageRequest {
  page: number | bigint;
  perPage: number;
}

/** What page URLs are made of: absolute path without query, and the request's parameters. */
export interface PageLocation {
  path: string;
  query: QueryParams;
}

const PageLink = Type.Object(
  {
    url: Type.Unsafe<string | null>({ type: ['string', 'null'] }),
    label: Type.String(),
    active: Type.Boolean(),
  },
  { additionalProperties: false },
);

const NullableUrl = Type.Unsafe<string | null>({ type: ['string', 'null'] });
const NullableInteger = Type.Unsafe<number | null>({ type: ['integer', 'null'] });

/** The schema of a page of `row`. */
export const PageOf = <Row extends TSchema>(row: Row) =>
  Type.Object(
    {
      current_page: Type.Unsafe<number | bigint>({ type: 'integer', minimum: 1 }),
      data: Type.Array(row),
      first_page_url: Type.String(),
      from: NullableInteger,
      last_page: Type.Integer({ minimum: 1 }),
      last_page_url: Type.String(),
      links: Type.Array(PageLink),
      next_page_url: NullableUrl,
      path: Type.String(),
      per_page: Type.Integer({ minimum: 1, maximum: 100 }),
      prev_page_url: NullableUrl,
      to: NullableInteger,
      total: Type.Integer({ minimum: 0 }),
    } satisfies TProperties,
    { additionalProperties: false },
  );

/** One page of rows as the wire shows it. */
export interface Page<Row> {
  current_page: number | bigint;
  data: Row[];
  first_page_url: string;
  from: number | null;
  last_page: number;
  last_page_url: string;
  links: { url: string | null; label: string; active: boolean }[];
  next_page_url: string | null;
  path: string;
  per_page: number;
  prev_page_url: string | null;
  to: number | null;
  total: number;
}

/** The page a client means. Anything but a positive integer within 64 bits counts as 1, as in the framework. */
export const resolvePage = (text: unknown): number | bigint => {
  const value = typeof text === 'string' ? toInteger(text) : undefined;
  if (value === undefined || value < 1n) return 1;
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? value : Number(value);
};

// Past 2^53 it is not exact, and past every end.
const rowsBefore = ({ page, perPage }: PageRequest): number => (Number(page) - 1) * perPage;

/** The rows that a page shows. */
export const toSlice = (request: PageRequest): { offset: number; limit: number } => ({
  offset: rowsBefore(request),
  limit: request.perPage,
});

// Which numbers `links` shows; null stands for a gap. Three on each side of the current page, two at each end.
const visiblePages = (page: number, last: number): (number | null)[] => {
  const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
  if (last < 14) return range(1, last);
  if (page <= 7) return [...range(1, 10), null, last - 1, last];
  if (page > last - 7) return [1, 2, null, ...range(last - 9, last)];
  return [1, 2, null, ...range(page - 3, page + 3), null, last - 1, last];
};

/** Wraps the rows of one page into the envelope. `total` counts all matching rows. */
export const toPage = <Row>(rows: Row[], total: number, request: PageRequest, { path, query }: PageLocation): Page<Row> => {
  const { page, perPage } = request;
  const last = Math.max(1, Math.ceil(total / perPage));
  const repeated = repeatQuery(query);
  const url = (n: number | bigint) => `${path}?${repeated === '' ? '' : `${repeated}&`}page=${n}`;
  const previous = page > 1 ? url(BigInt(page) - 1n) : null;
  const next = page < last ? url(BigInt(page) + 1n) : null;
  const from = rows.length === 0 ? null : rowsBefore(request) + 1;
  return {
    current_page: page,
    data: rows,
    first_page_url: url(1),
    from,
    last_page: last,
    last_page_url: url(last),
    links: [
      { url: previous, label: '&laquo; Previous', active: false },
      ...visiblePages(Number(page), last).map((n) =>
        n === null ? { url: null, label: '...', active: false } : { url: url(n), label: String(n), active: n === page },
      ),
      { url: next, label: 'Next &raquo;', active: false },
    ],
    next_page_url: next,
    path,
    per_page: perPage,
    prev_page_url: previous,
    to: from === null ? null : from + rows.length - 1,
    total,
  };
};
