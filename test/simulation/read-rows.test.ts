// What the checker judges, as a database has it.
import { expect, test } from 'vitest';
import { freshDatabase } from '../support/db.ts';
import { brokenPromises, readRows } from '../support/promise-checker.ts';

test('the rows of a database are read', async () => {
  const { db } = await freshDatabase();
  const rows = await readRows(db);
  expect(rows).toEqual({ attempts: [], decisions: [], changes: [], leads: [], campaigns: [] });
  expect(brokenPromises({ rings: [], rows })).toEqual([]);
});
