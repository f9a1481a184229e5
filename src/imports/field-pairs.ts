// Pairs as a form field may hold them: a JSON object, or lines of name=value; the field may be repeated.         [pure]
import { isRecord } from '../is-record.ts';

type Pairs = [name: string, value: string | null][];

const fromObject = (object: Record<string, unknown>): Pairs | undefined => {
  const entries = Object.entries(object);
  if (entries.some(([, value]) => value !== null && typeof value !== 'string')) return undefined;
  return entries.map(([name, value]) => [name.trim(), String(value ?? '').trim() || null]);
};

// A name may hold an equals sign, a value does not: the last one divides.
const fromLines = (text: string): Pairs | undefined => {
  const lines = text.split(/\r\n?|\n/).filter((line) => line.trim() !== '');
  if (lines.some((line) => line.lastIndexOf('=') < 1)) return undefined;
  return lines.map((line) => {
    const divide = line.lastIndexOf('=');
    return [line.slice(0, divide).trim(), line.slice(divide + 1).trim() || null];
  });
};

const fromText = (text: string): Pairs | undefined => {
  if (!text.trimStart().startsWith('{')) return fromLines(text);
  try {
    return fromObject(JSON.parse(text));
  } catch {
    return undefined;
  }
};

/** Reads the values of a field; of the same name the last value stands, null for none. Undefined: they are no pairs. */
export const parsePairs = (values: readonly unknown[]): Map<string, string | null> | undefined => {
  const pairs = new Map<string, string | null>();
  for (const value of values) {
    const found = isRecord(value) ? fromObject(value) : typeof value === 'string' ? fromText(value) : undefined;
    if (found === undefined) return undefined;
    for (const [name, text] of found) pairs.set(name, text);
  }
  return pairs;
};
