// Questions that end in time, whatever becomes of what was asked: a frozen server answers nothing and refuses nothing.

/** What was asked has not answered in time. It may go on, and nobody hears of it any more. */
export class TimeLimitError extends Error {
  constructor(limitMs: number) {
    super(`did not answer within ${limitMs / 1000} s`);
  }
}

/** Waits for `act` for `limitMs` milliseconds. @throws TimeLimitError, or what `act` throws. */
export const withTimeLimit = async <Result>(limitMs: number, act: () => Promise<Result>): Promise<Result> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TimeLimitError(limitMs)), limitMs);
  });
  try {
    return await Promise.race([act(), late]);
  } finally {
    clearTimeout(timer);
  }
};

/**
 * Runs `act` at most `most` times at once: whoever comes beyond that waits for the run that began last. Each run may hold a connection
 * for as long as it hangs, so this bounds what questions that were given up can take from the others.
 */
export const createBounded = <Result>(most: number, act: () => Promise<Result>): (() => Promise<Result>) => {
  let running = 0;
  let last: Promise<Result> | undefined;
  return () => {
    if (last !== undefined && running >= most) return last;
    running += 1;
    const run = act().finally(() => {
      running -= 1;
    });
    // Whoever asked may have gone by the time it fails.
    run.catch(() => {});
    last = run;
    return run;
  };
};
