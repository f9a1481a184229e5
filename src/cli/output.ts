// What the command line prints: plain lines for people; for machines (--json) one JSON value as the result, and one on
// each line of standard error.

/** How a command speaks. */
export interface Output {
  /** Prints the result: `value` as JSON for machines, `lines` for people. */
  result(value: unknown, lines: string | readonly string[]): void;
  /** Says something beside the result, on standard error. */
  note(line: string): void;
  /** Says, on standard error, why there is no result: one sentence, or one for each thing that is wrong. */
  failure(problems: readonly string[]): void;
}

/** Makes the output of one run: for machines or for people. */
export const createOutput = (json: boolean): Output => {
  const print = (stream: NodeJS.WriteStream, value: unknown, lines: readonly string[]): void => {
    stream.write(`${json ? JSON.stringify(value) : lines.join('\n')}\n`);
  };
  return {
    result: (value, lines) => print(process.stdout, value, [lines].flat()),
    note: (line) => print(process.stderr, { note: line }, [line]),
    failure: (problems) =>
      print(
        process.stderr,
        { error: { message: problems.join(' '), problems } },
        problems.map((problem) => `outdial: ${problem}`),
      ),
  };
};

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
