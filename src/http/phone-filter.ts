// `?phone_number=`: a part of a stored number. Source: seed assertions 9 and 10.                                  [pure]
import { stripSeparators } from '../phone.ts';

/** Whether there is anything to look for: a value of separators alone is an error, not "all". */
export const isPhoneFilter = (text: string): boolean => stripSeparators(text) !== '';

/** A pattern that no number matches. */
const NOTHING = '';

/**
 * The SQL `like` pattern of the filter: `+1202` from the start, digits anywhere. Only these two reach a pattern, so that
 * it needs no escaping; any other character, `%` and `_` too, matches nothing.
 */
export const toPhonePattern = (text: string): string => {
  const bare = stripSeparators(text);
  if (/^\+\d*$/.test(bare)) return `${bare}%`;
  return /^\d+$/.test(bare) ? `%${bare}%` : NOTHING;
};
