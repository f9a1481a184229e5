// The course of an import without a database: when it saves, how much at once, and where it goes on.
import { expect, test } from 'vitest';
import { parseColumnMap, planColumns } from './column-mapping.ts';
import { type CsvRow, MalformedCsvError } from './import.ts';
import { type ImportCourse, type ImportEnd, LostImportError, runImport } from './run-import.ts';

const rowsOf = async function* (count: number, cells: readonly string[]): AsyncGenerator<CsvRow[], void> {
  const rows = Array.from({ length: count }, (_, i) => ({ line: i + 2, cells: [`+1202${5_500_000 + i}`, ...cells] }));
  yield [{ line: 1, cells: ['phone'] }];
  for (let at = 0; at < count; at += 70) yield rows.slice(at, at + 70);
};

interface Run {
  batches: number[][];
  end: ImportEnd;
}

const run = async (batches: AsyncIterable<CsvRow[]>, cells: readonly string[], overrides: Partial<ImportCourse> = {}): Promise<Run> => {
  const saved: number[][] = [];
  const end = await runImport({
    batches,
    plan: planColumns(['phone', ...cells.map((_, i) => `c${i}`)], parseColumnMap([])),
    country: undefined,
    skip: 0,
    batchRows: 500,
    isStopping: () => false,
    save: async (rows) => {
      saved.push(rows.map(({ line }) => line));
    },
    onFailure: (error) => {
      throw error;
    },
    ...overrides,
  });
  return { batches: saved, end };
};

const sizes = ({ batches }: Run): number[] => batches.map(({ length }) => length);

test('narrow rows are saved five hundred at a time', async () => {
  const ended = await run(rowsOf(1200, ['Ana']), ['Ana']);
  expect([ended.end, sizes(ended)]).toEqual([{ status: 'completed' }, [500, 500, 200]]);
});

test('wide rows are saved when they come to four million characters', async () => {
  const cells = Array(199).fill('x'.repeat(2000));
  expect(sizes(await run(rowsOf(25, cells), cells))).toEqual([11, 11, 3]);
});

test('what was dealt with before is passed over, and nothing else', async () => {
  for (const skip of [0, 1, 499, 500, 1199, 1200]) {
    const { batches, end } = await run(rowsOf(1200, []), [], { skip });
    expect([end.status, batches.flat()]).toEqual(['completed', Array.from({ length: 1200 - skip }, (_, i) => i + 2 + skip)]);
  }
});

const broken = async function* (count: number): AsyncGenerator<CsvRow[], void> {
  yield* rowsOf(count, []);
  throw new MalformedCsvError(count + 2, 'A quote is never closed.');
};

test('the row that cannot be read counts once, whoever goes on behind it', async () => {
  for (const skip of [0, 3]) {
    const { batches, end } = await run(broken(3), [], { skip });
    expect([end, batches.flat().at(-1)]).toEqual([{ status: 'failed', stop: undefined }, 5]);
  }
  expect(await run(broken(3), [], { skip: 4 })).toEqual({ batches: [], end: { status: 'failed', stop: undefined } });
});

test('one batch is saved at a time, and a failure names the batch that failed', async () => {
  let open = 0;
  let saves = 0;
  const failures: unknown[] = [];
  const { end } = await run(rowsOf(2500, []), [], {
    save: async () => {
      open += 1;
      expect(open).toBe(1);
      await new Promise((resolve) => setTimeout(resolve, 5));
      open -= 1;
      saves += 1;
      if (saves === 3) throw new Error('disk full');
    },
    onFailure: (error) => failures.push(error),
  });
  expect([end, saves, failures.length]).toMatchObject([{ status: 'failed', stop: { line: 1002, kind: 'interrupted' } }, 3, 1]);
});

test('asked to stop, it ends behind the batch at hand; taken over, it says so', async () => {
  let saves = 0;
  const save = async () => {
    saves += 1;
  };
  expect((await run(rowsOf(2500, []), [], { save, isStopping: () => saves >= 2 })).end).toEqual({ status: 'paused' });
  expect(saves).toBeLessThan(5);
  const lost = async () => {
    throw new LostImportError();
  };
  expect((await run(rowsOf(2500, []), [], { save: lost })).end).toEqual({ status: 'lost' });
});

test('where somebody else holds what a batch needs, it is left to whoever comes next, and said', async () => {
  const failures: unknown[] = [];
  const held = Object.assign(new Error('canceling statement due to lock timeout'), { code: '55P03' });
  const { end } = await run(rowsOf(3, []), [], { save: () => Promise.reject(held), onFailure: (error) => failures.push(error) });
  expect([end, failures]).toEqual([{ status: 'paused' }, [held]]);
});
