// Finds text that PostgreSQL cannot hold (NUL) or that is no Unicode (lone surrogates), numbers that JSON cannot hold,
// and nesting without end.
// Walks with a stack of its own: a body of brackets must not exhaust ours.
import type { FieldErrors } from '../errors.ts';
import { attributeOf } from '../sentences.ts';

/** Levels of arrays and objects that a body may have. PHP's parser stops at 512; far less is ever meant. */
const MAX_DEPTH = 100;

const isBad = (text: string): boolean => text.includes('\0') || !text.isWellFormed();

// A path must be printable itself.
const printable = (path: string): string => path.replaceAll('\0', '\\0').toWellFormed();

const refusal = (path: string, reason: string): FieldErrors => {
  const field = printable(path);
  return { [field]: [`The ${attributeOf(field)} field ${reason}`] };
};

const CHARACTERS = 'contains characters that are not allowed (NUL or a lone surrogate).';

/** The first offence in a value, by field; undefined when there is none. */
export const findBadText = (root: Record<string, unknown>): FieldErrors | undefined => {
  const stack: { value: unknown; path: string; depth: number }[] = [{ value: root, path: '', depth: 0 }];
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    const { value, path, depth } = at;
    if (typeof value === 'string' && isBad(value)) return refusal(path, CHARACTERS);
    // 1e400 was read as Infinity and would be stored as null.
    if (typeof value === 'number' && !Number.isFinite(value)) return refusal(path, 'is a number too large to be kept.');
    if (typeof value !== 'object' || value === null) continue;
    if (depth > MAX_DEPTH) return refusal(path.split('.', 1)[0] ?? '', 'is nested too deeply.');
    for (const [key, inner] of Object.entries(value)) {
      const innerPath = path === '' ? key : `${path}.${key}`;
      if (isBad(key) || key === '__proto__') return refusal(innerPath, key === '__proto__' ? 'is not allowed.' : CHARACTERS);
      // Paths of a deep value are as long as it is deep; the depth bound keeps them short.
      stack.push({ value: inner, path: innerPath, depth: depth + 1 });
    }
  }
  return undefined;
};
