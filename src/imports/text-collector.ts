// The text of a cell or of a shared string out of its XML: the runs of rich text joined, how it is pronounced left out.    [pure]

/** Gathers the text of one element after the other. */
export interface TextCollector {
  begin(): void;
  open(name: string, parents: readonly string[]): void;
  add(text: string): void;
  close(name: string): void;
  /** How long the text is so far. */
  length(): number;
  /** The text since `begin`. */
  end(): string;
}

/** Gathers the texts in elements of that name: in `t` at once below it, or in its runs. */
export const createTextCollector = (owner: string): TextCollector => {
  let text = '';
  let isText = false;
  return {
    begin: () => {
      text = '';
      isText = false;
    },
    open: (name, parents) => {
      const parent = parents.at(-1);
      isText = name === 't' && (parent === owner || (parent === 'r' && parents.at(-2) === owner));
    },
    add: (more) => {
      if (isText) text += more;
    },
    close: (name) => {
      if (name === 't') isText = false;
    },
    length: () => text.length,
    end: () => text,
  };
};
