// [pure]

/** Stands for an id that was well-formed but is no row's, nor ever will be: found nowhere, so 404 or an empty list. */
export const NO_SUCH_ID = Number.MAX_SAFE_INTEGER;
