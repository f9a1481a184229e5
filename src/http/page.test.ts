import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Page, type PageRequest, resolvePage, toPage, toSlice } from './page.ts';
import { parseQuery, readQuery } from './query-string.ts';

interface Vector {
  case: { path: string; raw_query: string; per_page: number; total: number };
  resolved_page?: number;
  expected: { current_page: number; data: number };
}

const read = (file: string): Vector[] =>
  readFileSync(new URL(`../../test/vectors/${file}.jsonl`, import.meta.url), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

const pageOf = (path: string, rawQuery: string, perPage: number, total: number): Page<number> => {
  const request: PageRequest = { page: resolvePage(readQuery(rawQuery).page), perPage };
  const { offset: before } = toSlice(request);
  const rows = Array.from({ length: Math.max(0, Math.min(perPage, total - before)) }, (_, index) => before + index);
  return toPage(rows, total, request, { path, query: parseQuery(rawQuery) });
};

const vectors = [...read('pagination'), ...read('page-parameter')];

describe('the envelopes of the original, byte for byte', () => {
  test.each(vectors.map((vector) => [`${vector.case.total}/${vector.case.per_page} ?${vector.case.raw_query}`, vector] as const))(
    '%s',
    (_name, { case: given, resolved_page, expected }) => {
      const page = pageOf(given.path, given.raw_query, given.per_page, given.total);
      expect(JSON.stringify({ ...page, data: page.data.length })).toBe(JSON.stringify(expected));
      if (resolved_page !== undefined) expect(page.current_page).toBe(resolved_page);
    },
  );

  test('are all there', () => {
    expect(vectors.length).toBe(83);
  });
});

describe('resolvePage', () => {
  test.each<[unknown, number | bigint]>([
    [undefined, 1],
    [null, 1],
    [3, 1],
    [{ 0: '3' }, 1],
    ['3', 3],
    [' +3 ', 3],
    ['9007199254740991', 9_007_199_254_740_991],
    ['9007199254740992', 9_007_199_254_740_992n],
    ['9223372036854775807', 9_223_372_036_854_775_807n],
    ['9223372036854775808', 1],
    ['-9223372036854775808', 1],
  ])('%o', (text, expected) => {
    expect(resolvePage(text)).toBe(expected);
  });

  test('a page beyond 2^53 is empty and keeps its digits', () => {
    const page = toPage([], 30, { page: 9_223_372_036_854_775_807n, perPage: 15 }, { path: '/x', query: new Map() });
    expect(page).toMatchObject({ from: null, to: null, next_page_url: null, prev_page_url: '/x?page=9223372036854775806' });
    expect(page.links.filter(({ active }) => active)).toEqual([]);
  });
});

const PATH = 'https://api.example.test/api/user/leads';
const totals = fc.oneof(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 5000 }), fc.integer({ min: 0, max: 2_000_000 }));
const perPages = fc.integer({ min: 1, max: 100 });
const pages = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 100_000 }));
const queries = fc.constantFrom('', 'status=created', 'per_page=5&phone_number=%2B1202', 'a[]=1&a[]=2&q=x%20y', 'page=7&z=1');

const numberOf = (url: string | null): number | null => (url === null ? null : Number(new URL(url).searchParams.getAll('page').join('+')));

// The rule of the seed's assertion 35, written down once more and apart from the code.
const expectedLabels = (current: number, last: number): string[] => {
  const shown = new Set<number>();
  const add = (from: number, to: number) => {
    for (let n = from; n <= to; n++) shown.add(n);
  };
  if (last < 14) add(1, last);
  else {
    add(1, 2);
    add(last - 1, last);
    if (current <= 7) add(1, 10);
    else if (current > last - 7) add(last - 9, last);
    else add(current - 3, current + 3);
  }
  const sorted = [...shown].sort((a, b) => a - b);
  return sorted.flatMap((n, index) => (index > 0 && n !== (sorted[index - 1] ?? 0) + 1 ? ['...', String(n)] : [String(n)]));
};

describe('whatever the numbers', () => {
  test('the pages tile the total: every row once, in order', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 3000 }), perPages, (total, perPage) => {
        const { last_page } = pageOf(PATH, '', perPage, total);
        const rows: number[] = [];
        for (let page = 1; page <= last_page; page++) {
          const { data, from, to } = pageOf(PATH, `page=${page}`, perPage, total);
          if (data.length > 0) expect([from, to]).toEqual([(data[0] ?? 0) + 1, (data.at(-1) ?? 0) + 1]);
          else expect([from, to, total]).toEqual([null, null, 0]);
          rows.push(...data);
        }
        expect(rows).toEqual(Array.from({ length: total }, (_, index) => index));
        expect(pageOf(PATH, `page=${last_page + 1}`, perPage, total)).toMatchObject({ data: [], from: null, to: null });
      }),
      { numRuns: 60 },
    );
  });

  test('links never lies', () => {
    fc.assert(
      fc.property(totals, perPages, pages, queries, (total, perPage, current, query) => {
        const page = pageOf(PATH, `${query}&page=${current}`, perPage, total);
        const numbers = page.links.slice(1, -1);
        for (const { url, label } of numbers) expect(label === '...' ? url === null : numberOf(url) === Number(label)).toBe(true);
        expect(page.links.filter(({ active }) => active).map(({ label }) => label)).toEqual(
          current <= page.last_page ? [String(current)] : [],
        );
        expect(page.links[0]).toEqual({ url: page.prev_page_url, label: '&laquo; Previous', active: false });
        expect(page.links.at(-1)).toEqual({ url: page.next_page_url, label: 'Next &raquo;', active: false });
        expect(numberOf(page.prev_page_url)).toBe(current > 1 ? current - 1 : null);
        expect(numberOf(page.next_page_url)).toBe(current < page.last_page ? current + 1 : null);
        expect(numberOf(page.first_page_url)).toBe(1);
        expect(numberOf(page.last_page_url)).toBe(page.last_page);
        expect(numbers.map(({ label }) => label)).toEqual(expectedLabels(current, page.last_page));
      }),
      { numRuns: 500 },
    );
  });

  test('parameters survive in every page URL, in their order and before page', () => {
    const names = fc.uniqueArray(fc.stringMatching(/^[a-z_]{1,8}$/), { maxLength: 5 });
    fc.assert(
      fc.property(names, fc.array(fc.string({ minLength: 1, maxLength: 10 }), { minLength: 5, maxLength: 5 }), (keys, values) => {
        const given = keys.filter((key) => key !== 'page').map((key, index): [string, string] => [key, `v${values[index]}v`]);
        const raw = given.map(([key, value]) => `${key}=${encodeURIComponent(value)}`).join('&');
        const page = pageOf(PATH, `page=2&${raw}`, 1, 3);
        for (const url of [
          page.first_page_url,
          page.last_page_url,
          page.next_page_url,
          page.prev_page_url,
          ...page.links.map((link) => link.url),
        ]) {
          if (url === null) continue;
          const params = [...new URL(url).searchParams];
          expect(params.slice(0, -1)).toEqual(given);
          expect(params.at(-1)?.[0]).toBe('page');
        }
        expect(page.path).toBe(PATH);
      }),
    );
  });
});
