// Spreadsheets run a cell that begins with = + - or @ as a formula. What is written for them gets an apostrophe before such a
// cell, and what is read from them loses it, so that a text comes back as it was.                                     [pure]

// Blanks in front do not keep every program from seeing a formula.
const FORMULA = /^'*\s*[=+\-@]/;
const GUARDED = /^'+\s*[=+\-@]/;
const PHONE_NUMBER = /^\+[1-9]\d{6,14}$/;

/** A cell that no program takes for a formula. A phone number in E.164 stays as it is; an apostrophe that is meant is doubled. */
export const guardCell = (cell: string): string => (FORMULA.test(cell) && !PHONE_NUMBER.test(cell) ? `'${cell}` : cell);

/** The cell that was guarded. */
export const dropGuard = (cell: string): string => (GUARDED.test(cell) ? cell.slice(1) : cell);
