// Time enters the system here, so that tests can own it.

/** Tells the present instant. */
export type Clock = () => Date;

/** The machine's clock. Only the composition root uses it. */
export const systemClock: Clock = () => new Date();
