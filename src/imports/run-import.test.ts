// The course of an import without a database: when it saves, and how much at once.
import { expect, test } from 'vitest';
import { parseColumnMap, planColumns } from './column-mapping.ts';
import { type CsvRow, NO_ROWS } from './import.ts';
import { runImport } from './run-import.ts';

const rowsOf = async function* (count: number, cells: readonly string[]): AsyncGenerator<CsvRow, void> {
  for (let i = 0; i < count; i += 1) yield { line: i + 2, cells: [`+1202${5_500_000 + i}`, ...cells] };
};

const batchSizes = async (count: number, cells: readonly string[]): Promise<number[]> => {
  const sizes: number[] = [];
  const end = await runImport({
    rows: rowsOf(count, cells),
    plan: planColumns(['phone', ...cells.map((_, i) => `c${i}`)], parseColumnMap([])),
    country: undefined,
    save: async (rows) => {
      sizes.push(rows.length);
      return { counts: { ...NO_ROWS, rows: rows.length, imported: rows.length }, errors: [], warnings: [] };
    },
    onFailure: (error) => {
      throw error;
    },
  });
  expect(end).toMatchObject({ status: 'completed', counts: { rows: count, imported: count } });
  return sizes;
};

test('narrow rows are saved five hundred at a time', async () => {
  expect(await batchSizes(1200, ['Ana'])).toEqual([500, 500, 200]);
});

test('wide rows are saved when they come to four million characters', async () => {
  expect(await batchSizes(25, Array(199).fill('x'.repeat(2000)))).toEqual([11, 11, 3]);
});
