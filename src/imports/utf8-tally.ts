// How much of a file is UTF-8, counted a chunk at a time, so that a single bad byte does not decide for the whole.  [pure]

/** Characters beyond ASCII so far, and what is open at the end of the last chunk. */
export interface Utf8Tally {
  wellFormed: number;
  malformed: number;
  /** Bytes that the open character still lacks, and between which its next one must lie. */
  missing: number;
  low: number;
  high: number;
}

export const NO_BYTES: Utf8Tally = { wellFormed: 0, malformed: 0, missing: 0, low: 0x80, high: 0xbf };

const bytesBehind = (first: number): number => {
  if (first < 0xc2 || first > 0xf4) return 0;
  if (first < 0xe0) return 1;
  return first < 0xf0 ? 2 : 3;
};

// Behind some first bytes a part of the range is not well-formed: longer than need be, a surrogate, or beyond U+10FFFF.
const LOWEST: Record<number, number> = { 224: 0xa0, 240: 0x90 };
const HIGHEST: Record<number, number> = { 237: 0x9f, 244: 0x8f };

/** Counts on. What a decoder replaces by one U+FFFD counts as one malformed character. */
export const tallyUtf8 = (before: Utf8Tally, bytes: Uint8Array): Utf8Tally => {
  let { wellFormed, malformed, missing, low, high } = before;
  for (const byte of bytes) {
    if (missing === 0 && byte < 0x80) continue;
    if (missing > 0 && byte >= low && byte <= high) {
      missing -= 1;
      low = 0x80;
      high = 0xbf;
      if (missing === 0) wellFormed += 1;
      continue;
    }
    if (missing > 0) malformed += 1;
    missing = 0;
    if (byte < 0x80) continue;
    missing = bytesBehind(byte);
    if (missing === 0) malformed += 1;
    low = LOWEST[byte] ?? 0x80;
    high = HIGHEST[byte] ?? 0xbf;
  }
  return { wellFormed, malformed, missing, low, high };
};

/** The tally of a file that ends here: a character that is open is malformed. */
export const endTally = (tally: Utf8Tally): Utf8Tally =>
  tally.missing === 0 ? tally : { ...tally, malformed: tally.malformed + 1, missing: 0 };

/**
 * Whether a file with this tally is UTF-8, perhaps with damage, and not an older encoding of one byte for each character:
 * there the bytes of two letters side by side are rarely a character of UTF-8.
 */
export const isMostlyUtf8 = (tally: Utf8Tally): boolean => {
  const { wellFormed, malformed } = endTally(tally);
  return malformed === 0 || wellFormed > malformed;
};
