import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { dropGuard, guardCell } from './formula-guard.ts';

describe('guardCell', () => {
  test.each([
    ['=1+1', "'=1+1"],
    ['+1 202 555 0100', "'+1 202 555 0100"],
    ['-', "'-"],
    ['-5', "'-5"],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['\t=1', "'\t=1"],
    ['\r\n =1', "'\r\n =1"],
    ["'=1", "''=1"],
    ["''=1", "'''=1"],
    ["'\t=1", "''\t=1"],
    ["'+12025550100", "''+12025550100"],
    // Left as they are.
    ['+12025550100', '+12025550100'],
    ['a=1', 'a=1'],
    ["'tis", "'tis"],
    ["'", "'"],
    ['', ''],
    ['0049', '0049'],
  ])('%j is written %j', (cell, guarded) => {
    expect(guardCell(cell)).toBe(guarded);
    expect(dropGuard(guarded)).toBe(cell);
  });

  test('any text comes back, and no text is left that a spreadsheet would run', () => {
    const text = fc.oneof(
      fc.string(),
      fc.array(fc.constantFrom("'", '=', '+', '-', '@', ' ', '\t', '1', 'a')).map((all) => all.join('')),
    );
    fc.assert(
      fc.property(text, (cell) => {
        const guarded = guardCell(cell);
        expect(dropGuard(guarded)).toBe(cell);
        if (/^\s*[=+\-@]/.test(guarded)) expect(guarded).toMatch(/^\+[1-9]\d{6,14}$/);
      }),
    );
  });
});
