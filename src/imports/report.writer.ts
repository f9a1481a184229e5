// Files about imports: the rows that were not added, to be corrected and imported again, and a sample of a campaign's file.
import { Readable } from 'node:stream';
import { writeCsv } from '../exports/csv.writer.ts';
import { dropGuard, guardCell } from '../leads/formula-guard.ts';
import { ERROR_COLUMN } from './column-mapping.ts';
import type { Reject } from './import.ts';

/** What a report has to know of the file. */
export interface ReportedCourse {
  header: readonly string[];
  plan: { variables: readonly { index: number }[] };
}

// A cell may have been guarded in the file already.
const guarded = (cell: string): string => guardCell(dropGuard(cell));

/** The rejected rows under the header of their file, with a last column that says why. The report of a report has one such column, not two. */
export const writeRejects = ({ header, plan }: ReportedCourse, batches: AsyncIterable<readonly Reject[]>): Readable => {
  const last = header.length - 1;
  const isReport = header[last] === ERROR_COLUMN && !plan.variables.some(({ index }) => index === last);
  const own = isReport ? header.slice(0, last) : header;
  const rows = async function* (): AsyncGenerator<string[][], void> {
    for await (const rejects of batches) {
      yield rejects.map(({ cells, error }) => [
        ...own.map((_, index) => guarded(cells[index] ?? '')),
        // A row with more cells than its header: nothing of it is lost, and the reason stands behind all of them.
        ...cells.slice(header.length).map(guarded),
        guarded(error),
      ]);
    }
  };
  return writeCsv([...own.map(guarded), ERROR_COLUMN], rows());
};

/** A file for a campaign whose assistant has these variables, with one row that shows how it is filled. */
export const writeSample = (variables: readonly string[], contacts: number): Readable => {
  const slots = Array.from({ length: contacts }, (_, index) => index + 1);
  const header = [
    'phone_number',
    ...variables,
    ...slots.flatMap((slot) => [`secondary_phone_${slot}`, ...variables.map((name) => `secondary_${slot}_${name}`)]),
  ];
  const row = [
    '+12025550100',
    ...variables.map((name) => `${name} 1`),
    ...slots.flatMap((slot) => [`+1202555${String(100 + slot).padStart(4, '0')}`, ...variables.map((name) => `${name} ${slot + 1}`)]),
  ];
  return writeCsv(header.map(guarded), Readable.from([[row.map(guarded)]]));
};
