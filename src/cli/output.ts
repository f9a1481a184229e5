// What the command line prints: plain lines for people, one JSON value for machines (--json).

/** How a command speaks. */
export interface Output {
  /** Prints the result: `value` as JSON for machines, `lines` for people. */
  result(value: unknown, lines: string | readonly string[]): void;
  /** Says something beside the result, on standard error. */
  note(line: string): void;
}

export const createOutput = (json: boolean): Output => ({
  result(value, lines) {
    process.stdout.write(`${json ? JSON.stringify(value) : [lines].flat().join('\n')}\n`);
  },
  note(line) {
    process.stderr.write(`${line}\n`);
  },
});

/** Rows as columns that line up, under a header. */
export const table = (header: readonly string[], rows: readonly (readonly unknown[])[]): string[] => {
  const cells = [header, ...rows.map((row) => row.map((cell) => String(cell ?? '-')))];
  const widths = header.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  return cells.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
};

/** A mistake of the person at the keyboard, or a refusal worth one sentence: no stack is printed. */
export class CommandError extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}
