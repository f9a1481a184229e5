// The seven-key envelope of a list that is read by cursor, as the framework's cursor paginator makes it.             [pure]
import { type TSchema, Type } from 'typebox';
import { isRecord } from '../is-record.ts';
import type { PageLocation } from './page.ts';
import { repeatQuery } from './query-string.ts';
import { readInstant } from './wire-time.ts';

/** Where a page begins: behind a row (or, going back, before it), which is named by what the list is ordered by. */
export interface Cursor {
  id: number;
  /** The row's value in the column that the list is ordered by, as the database writes it; undefined: that is the id. */
  value?: string;
  /** Whether the page comes after the row, or before it. */
  forward: boolean;
}

const NullableText = Type.Unsafe<string | null>({ type: ['string', 'null'] });

/** The schema of a page of `row` that was asked for with `cursor`. */
export const CursorPageOf = <Row extends TSchema>(row: Row) =>
  Type.Object(
    {
      data: Type.Array(row),
      path: Type.String(),
      per_page: Type.Integer({ minimum: 1, maximum: 100 }),
      next_cursor: NullableText,
      next_page_url: NullableText,
      prev_cursor: NullableText,
      prev_page_url: NullableText,
    },
    { additionalProperties: false },
  );

/** A cursor as text: base64 in the alphabet of URLs over JSON, without padding. */
export const writeCursor = ({ id, value, forward }: Cursor): string =>
  Buffer.from(JSON.stringify({ ...(value === undefined ? {} : { value }), id, _pointsToNextItems: forward })).toString('base64url');

/** Reads a cursor that writeCursor has written; undefined when it is none. */
export const readCursor = (text: string): Cursor | undefined => {
  if (!/^[A-Za-z0-9_-]{1,400}$/.test(text)) return undefined;
  try {
    const read: unknown = JSON.parse(Buffer.from(text, 'base64url').toString());
    if (!isRecord(read)) return undefined;
    const { id, value, _pointsToNextItems: forward } = read;
    if (typeof id !== 'number' || !Number.isSafeInteger(id) || typeof forward !== 'boolean') return undefined;
    if (value === undefined) return { id, forward };
    return typeof value === 'string' && readInstant(value) !== undefined ? { id, value, forward } : undefined;
  } catch {
    return undefined;
  }
};

/** A page of rows with what comes before and after it. */
export interface CursorPage<Row> {
  data: Row[];
  path: string;
  per_page: number;
  next_cursor: string | null;
  next_page_url: string | null;
  prev_cursor: string | null;
  prev_page_url: string | null;
}

/** Wraps the rows of one page into the envelope. The URLs repeat the request's parameters, and end with the cursor. */
export const toCursorPage = <Row>(
  rows: Row[],
  perPage: number,
  { next, previous }: { next: Cursor | undefined; previous: Cursor | undefined },
  { path, query }: PageLocation,
): CursorPage<Row> => {
  const repeated = repeatQuery(query, 'cursor');
  const written = (cursor: Cursor | undefined) => (cursor === undefined ? null : writeCursor(cursor));
  const url = (cursor: string | null) => (cursor === null ? null : `${path}?${repeated === '' ? '' : `${repeated}&`}cursor=${cursor}`);
  const [nextCursor, prevCursor] = [written(next), written(previous)];
  return {
    data: rows,
    path,
    per_page: perPage,
    next_cursor: nextCursor,
    next_page_url: url(nextCursor),
    prev_cursor: prevCursor,
    prev_page_url: url(prevCursor),
  };
};
