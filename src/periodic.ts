// The loop of everything that is done from time to time in the background.

/** Periodic work that goes on until it is stopped. */
export interface Periodic {
  /** Ends after the step at hand. */
  stop(): Promise<void>;
}

/** One round of the work. It looks at `isStopping` between its steps. */
export type Round = (isStopping: () => boolean) => Promise<void>;

/** Does a round now and every `everyMs` milliseconds; one that takes longer is not joined by the next. What fails is reported, and tried again then. */
export const startPeriodic = (everyMs: number, round: Round, onError: (error: unknown) => void): Periodic => {
  let stopping = false;
  let running: Promise<void> | undefined;
  const begin = (): void => {
    running ??= round(() => stopping)
      .catch(onError)
      .finally(() => {
        running = undefined;
      });
  };
  const timer = setInterval(begin, everyMs);
  begin();
  return {
    stop: async () => {
      stopping = true;
      clearInterval(timer);
      await running;
    },
  };
};
