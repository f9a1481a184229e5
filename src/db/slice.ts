// The part of a list that a page shows.

/** How many rows to pass over, and how many to take then. */
export interface Slice {
  offset: number;
  limit: number;
}
