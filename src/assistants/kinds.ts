// The kinds of value that a field of an assistant or of a tool can have. Data: kind.schema.ts makes schemas of them. [pure]

/** A kind of value. `Value` is what is kept of it. */
export interface Kind<Value = unknown> {
  readonly is:
    | 'id'
    | 'ids'
    | 'integer'
    | 'number'
    | 'boolean'
    | 'text'
    | 'verbatim'
    | 'word'
    | 'url'
    | 'variables'
    | 'fillers'
    | 'post-call'
    | 'tools'
    | 'booking-fields';
  /** Of a number: its bounds. Of text: the most characters it may have. */
  readonly min?: number;
  readonly max?: number;
  readonly words?: readonly string[];
  /** Replaces the framework's sentences about the bounds. */
  readonly sentence?: string;
  /** For the API document. */
  readonly note?: string;
  /** Never set: carries the type. */
  readonly keeps?: Value;
}

const withNote = (note: string | undefined) => (note === undefined ? {} : { note });

/** A row of some other table, or of the catalogue. */
export const id = (note?: string): Kind<number> => ({ is: 'id', ...withNote(note) });
/** A list of such ids. */
export const ids = (note?: string): Kind<number[]> => ({ is: 'ids', ...withNote(note) });
/** A whole number within bounds, both included. */
export const integer = (min: number, max: number, note?: string): Kind<number> => ({ is: 'integer', min, max, ...withNote(note) });
/** A number within bounds, both included. */
export const number = (min: number, max: number, sentence?: string): Kind<number> => ({
  is: 'number',
  min,
  max,
  ...(sentence === undefined ? {} : { sentence }),
});
/** True or false. */
export const boolean = (note?: string): Kind<boolean> => ({ is: 'boolean', ...withNote(note) });
/** Text that is trimmed; blank counts as not given. */
export const text = (max?: number, note?: string): Kind<string> => ({
  is: 'text',
  ...(max === undefined ? {} : { max }),
  ...withNote(note),
});
/** Text as it was sent, empty text too. */
export const verbatim = (max: number): Kind<string> => ({ is: 'verbatim', max });
/** A web address. */
export const url = (): Kind<string> => ({ is: 'url', max: 2048 });
/** One of some words. */
export const word = <const Word extends string>(words: readonly Word[], note?: string): Kind<Word> => ({
  is: 'word',
  words,
  ...withNote(note),
});
