// XML from a stranger as events, in bounded memory: no document type, no entities of its own, nothing endless.
import { TextDecoder } from 'node:util';
import { SaxesParser } from 'saxes';

/** The document breaks the rules of XML, or ours. */
export class XmlError extends Error {}

/** Who hears of a document. Names come without prefix; `parents` are the open elements around, the outermost first. */
export interface XmlListener {
  open?(name: string, attributes: Readonly<Record<string, string>>, parents: readonly string[]): void;
  text?(text: string): void;
  close?(name: string, parents: readonly string[]): void;
}

/** Characters of one text, one tag with its attributes, or one comment. A cell has at most 32,767, escaped more. */
const MAX_TOKEN_CHARACTERS = 400_000;
/** Characters of the text of a cell, all its runs together. */
const MAX_TEXT_CHARACTERS = 100_000;
/** Elements within each other. A sheet has six. */
const MAX_DEPTH = 64;
/** Characters that are parsed at once: the parser holds what it is given. */
const PIECE_CHARACTERS = 16_384;
const ENCODINGS = /^(utf-?8|utf-?16|us-ascii)$/i;

/** @throws XmlError for a text of more characters than any cell has. */
export const refuseLength = (characters: number): void => {
  if (characters > MAX_TEXT_CHARACTERS) throw new XmlError(`it holds a text of more than ${MAX_TEXT_CHARACTERS} characters`);
};

const localName = (name: string): string => name.slice(name.indexOf(':') + 1);

const createParser = (listener: XmlListener) => {
  const parser = new SaxesParser<{ position: false; xmlns: false }>({ position: false, xmlns: false });
  const parents: string[] = [];
  let silent = 0;
  const heard = (): void => {
    silent = 0;
  };
  const hear = (text: string): void => {
    heard();
    listener.text?.(text);
  };
  parser.on('error', () => {
    // The parser's own words quote the document.
    throw new XmlError('it is not well-formed XML');
  });
  parser.on('xmldecl', ({ encoding }) => {
    heard();
    if (encoding !== undefined && !ENCODINGS.test(encoding)) throw new XmlError('it is in an encoding that workbooks do not have');
  });
  parser.on('doctype', () => {
    throw new XmlError('it has a document type, which no workbook has');
  });
  parser.on('comment', heard);
  parser.on('processinginstruction', heard);
  parser.on('text', hear);
  parser.on('cdata', hear);
  parser.on('opentag', ({ name, attributes }) => {
    heard();
    if (parents.length >= MAX_DEPTH) throw new XmlError('its elements are nested too deeply');
    const local = localName(name);
    listener.open?.(local, attributes, parents);
    parents.push(local);
  });
  parser.on('closetag', ({ name }) => {
    heard();
    parents.pop();
    listener.close?.(localName(name), parents);
  });
  return {
    write: (text: string): void => {
      for (let at = 0; at < text.length; at += PIECE_CHARACTERS) {
        const piece = text.slice(at, at + PIECE_CHARACTERS);
        silent += piece.length;
        parser.write(piece);
        if (silent > MAX_TOKEN_CHARACTERS) throw new XmlError('it holds a text or a tag without end');
      }
    },
    end: (): void => {
      parser.close();
    },
  };
};

const decoderFor = (head: Uint8Array): TextDecoder => {
  if (head[0] === 0xff && head[1] === 0xfe) return new TextDecoder('utf-16le');
  return new TextDecoder(head[0] === 0xfe && head[1] === 0xff ? 'utf-16be' : 'utf-8');
};

/**
 * Tells `listener` what is in a document, and yields after each of its chunks. What a listener throws ends the reading.
 * @throws XmlError
 */
export const readXml = async function* (chunks: AsyncIterable<Uint8Array>, listener: XmlListener): AsyncGenerator<void, void> {
  const parser = createParser(listener);
  let decoder: TextDecoder | undefined;
  for await (const chunk of chunks) {
    decoder ??= decoderFor(chunk);
    parser.write(decoder.decode(chunk, { stream: true }));
    yield;
  }
  parser.write(decoder?.decode() ?? '');
  parser.end();
  yield;
};

/** Tells `listener` what is in a whole document. */
export const hearXml = async (chunks: AsyncIterable<Uint8Array>, listener: XmlListener): Promise<void> => {
  for await (const _ of readXml(chunks, listener));
};
