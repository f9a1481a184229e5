// Which failures of the database will come again however often it is tried.                                          [pure]

/** Whether the data itself is refused (SQLSTATE class 22), or is no date at all; an outage, a deadlock or a full disk passes. */
export const isHopeless = (error: unknown): boolean =>
  error instanceof RangeError ||
  (error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('22'));
