// The texts that the cells of a workbook share, read one after the other and kept in a file that has no name: cells may ask for any
// of them at any time, and there may be more than fit into memory.
import { randomUUID } from 'node:crypto';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTextCollector } from './text-collector.ts';
import { decodeEscapes } from './xlsx-cells.ts';
import { readXml, refuseLength, XmlError } from './xml.reader.ts';

/** Texts that a workbook may share: ten in each of its rows. The index takes one number for each 64 of them. */
const MAX_STRINGS = 10_000_000;
/** A block ends at whichever comes first. A cell costs the reading of a block at worst. */
const BLOCK_STRINGS = 64;
const BLOCK_BYTES = 65_536;
/** Blocks that stay in memory. Most workbooks have fewer bytes of texts than that; others mostly ask in their order. */
const CACHE_BYTES = 33_554_432;
/** Bytes that are written at once. */
const WRITE_BYTES = 1_048_576;
/** What a block takes beside its bytes. */
const BLOCK_OVERHEAD = 512;

/** The texts of a workbook. */
export interface SharedStrings {
  count: number;
  /** The text of that index if it is at hand; one that is not is fetched first. */
  peek(index: number): string | undefined;
  fetch(index: number): Promise<void>;
  close(): Promise<void>;
}

/** A workbook whose texts stand in its cells. */
export const NO_SHARED_STRINGS: SharedStrings = {
  count: 0,
  peek: () => undefined,
  fetch: async () => {},
  close: async () => {},
};

const openUnnamed = async (): Promise<FileHandle> => {
  const path = join(tmpdir(), `outdial-texts-${randomUUID()}`);
  const handle = await open(path, 'wx+', 0o600);
  await unlink(path);
  return handle;
};

// How many texts, where each ends, and the texts.
const packBlock = (texts: readonly Buffer[]): Buffer => {
  const head = Buffer.alloc(4 * texts.length + 4);
  head.writeUInt32LE(texts.length, 0);
  let end = head.length;
  texts.forEach((text, index) => {
    end += text.length;
    head.writeUInt32LE(end, 4 * index + 4);
  });
  return Buffer.concat([head, ...texts]);
};

const unpackText = (block: Buffer, index: number): string => {
  const start = index === 0 ? 4 * block.readUInt32LE(0) + 4 : block.readUInt32LE(4 * index);
  return block.toString('utf8', start, block.readUInt32LE(4 * index + 4));
};

// Blocks by their number, the least recently used first.
const createCache = () => {
  const blocks = new Map<number, Buffer>();
  let bytes = 0;
  return {
    get: (block: number): Buffer | undefined => {
      const found = blocks.get(block);
      if (found !== undefined) {
        blocks.delete(block);
        blocks.set(block, found);
      }
      return found;
    },
    put: (block: number, buffer: Buffer): void => {
      blocks.set(block, buffer);
      bytes += buffer.length + BLOCK_OVERHEAD;
      for (const [oldest, { length }] of blocks) {
        if (bytes <= CACHE_BYTES || oldest === block) break;
        blocks.delete(oldest);
        bytes -= length + BLOCK_OVERHEAD;
      }
    },
  };
};

const readFully = async (handle: FileHandle, position: number, length: number): Promise<Buffer> => {
  const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(length), 0, length, position);
  if (bytesRead < length) throw new Error('The file of shared texts is shorter than what was written to it.');
  return buffer;
};

const createStore = (handle: FileHandle) => {
  // Of each block: where it begins, and its first text.
  const starts: number[] = [];
  const firsts: number[] = [];
  const cache = createCache();
  let texts: Buffer[] = [];
  let bytes = 0;
  let size = 0;
  let count = 0;
  let pending: Buffer[] = [];
  let written = 0;
  const write = async (): Promise<void> => {
    await handle.writeFile(Buffer.concat(pending));
    pending = [];
    written = size;
  };
  const endBlock = async (): Promise<void> => {
    if (texts.length === 0) return;
    const block = packBlock(texts);
    starts.push(size);
    firsts.push(count - texts.length);
    cache.put(starts.length - 1, block);
    texts = [];
    bytes = 0;
    size += block.length;
    pending.push(block);
    if (size - written >= WRITE_BYTES) await write();
  };
  const blockOf = (index: number): number => {
    let low = 0;
    let high = firsts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((firsts[middle] ?? 0) <= index) low = middle;
      else high = middle - 1;
    }
    return low;
  };
  return {
    add: async (text: string): Promise<void> => {
      const encoded = Buffer.from(text);
      texts.push(encoded);
      bytes += encoded.length;
      count += 1;
      if (texts.length >= BLOCK_STRINGS || bytes >= BLOCK_BYTES) await endBlock();
    },
    /** Nothing can be fetched before. */
    finish: async (): Promise<void> => {
      await endBlock();
      await write();
    },
    count: () => count,
    peek: (index: number): string | undefined => {
      const block = blockOf(index);
      const found = cache.get(block);
      return found === undefined ? undefined : unpackText(found, index - (firsts[block] ?? 0));
    },
    fetch: async (index: number): Promise<void> => {
      const block = blockOf(index);
      const start = starts[block] ?? 0;
      cache.put(block, await readFully(handle, start, (starts[block + 1] ?? size) - start));
    },
  };
};

const fill = async (chunks: AsyncIterable<Uint8Array>, store: ReturnType<typeof createStore>): Promise<void> => {
  const found: string[] = [];
  let total = 0;
  const collector = createTextCollector('si');
  const documents = readXml(chunks, {
    open: (name, _attributes, parents) => {
      if (name === 'si') collector.begin();
      else collector.open(name, parents);
    },
    text: (text) => {
      collector.add(text);
      refuseLength(collector.length());
    },
    close: (name) => {
      collector.close(name);
      if (name !== 'si') return;
      total += 1;
      if (total > MAX_STRINGS) throw new XmlError(`it has more than ${MAX_STRINGS} shared texts`);
      found.push(decodeEscapes(collector.end()));
    },
  });
  for await (const _ of documents) {
    for (const text of found) await store.add(text);
    found.length = 0;
  }
  await store.finish();
};

/**
 * Reads the part of a workbook that holds its shared texts. They have to be closed.
 * @throws XmlError and what reading the part throws.
 */
export const readSharedStrings = async (chunks: AsyncIterable<Uint8Array>): Promise<SharedStrings> => {
  const handle = await openUnnamed();
  try {
    const store = createStore(handle);
    await fill(chunks, store);
    return { count: store.count(), peek: store.peek, fetch: store.fetch, close: () => handle.close() };
  } catch (error) {
    await handle.close();
    throw error;
  }
};
