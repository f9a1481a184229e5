// IANA time zone names.                                                                                        [pure]

const LONGEST = 64;

const known = new Map<string, boolean>();

/** Whether this runtime knows a zone by that name. Bare offsets (`+02:00`) are no zones: they have no DST. */
export const isTimeZone = (name: string): boolean => {
  if (!/^[A-Za-z]/.test(name) || name.length > LONGEST) return false;
  const seen = known.get(name);
  if (seen !== undefined) return seen;
  let valid = true;
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
  } catch {
    valid = false;
  }
  // Only real ones are remembered: of the others there is no end.
  if (valid) known.set(name, valid);
  return valid;
};

/** The sentence for a name that is none. */
export const INVALID_TIME_ZONE = 'The timezone field must be a valid timezone.';
