// The parts of a ZIP archive from a stranger: its directory, and the bytes of one part as a stream, both within bounds and
// checked. Nothing is unpacked to a place with a name.
import { Readable } from 'node:stream';
import { crc32, createInflateRaw } from 'node:zlib';
import { type Entry, fromRandomAccessReaderPromise, RandomAccessReader, type ZipFile } from 'yauzl';

/** A file that can be read anywhere. `readAt` gives fewer bytes only where the file ends. */
export interface RandomAccessFile {
  size: number;
  readAt(position: number, length: number): Promise<Uint8Array>;
}

/** The archive cannot be read, or is not to be. */
export class ArchiveError extends Error {}

/** Parts of an archive. A workbook has some dozens; each picture in it is one more. */
const MAX_ENTRIES = 10_000;
/** Bytes of the directory, names and remarks included. */
const MAX_DIRECTORY_BYTES = 8_388_608;
/**
 * How many times its size a part may inflate to. Deflate reaches 1,032; sheets, whose cells all have an address, about 20, and
 * some 120 where every row has the same long text. Small parts are not judged.
 */
const MAX_RATIO = 200;
const RATIO_FROM_BYTES = 10_485_760;
const CHUNK_BYTES = 65_536;
const LOCAL_HEADER_BYTES = 30;
const LOCAL_HEADER_MARK = 0x04034b50;
const STORED = 0;
const DEFLATED = 8;

interface Part {
  name: string;
  offset: number;
  packed: number;
  size: number;
  crc: number;
  method: number;
  encrypted: boolean;
}

/** An open archive. */
export interface Archive {
  /** Whether it has a part of that name; upper and lower case are alike. */
  has(name: string): boolean;
  /**
   * The bytes of a part.
   * @throws ArchiveError where it is missing, damaged, or inflates to more than `maxBytes`.
   */
  read(name: string, maxBytes: number): AsyncGenerator<Uint8Array, void>;
}

// It reads a directory alone; parts are read by ourselves, so that their inflating ends when we end.
class FileReader extends RandomAccessReader {
  readonly #file: RandomAccessFile;
  // An error of our own disk is none of the archive's.
  failure: unknown;

  constructor(file: RandomAccessFile) {
    super();
    this.#file = file;
  }

  override read(buffer: Buffer, offset: number, length: number, position: number, callback: (error: Error | null) => void): void {
    if (!(position >= 0 && position + length <= this.#file.size)) {
      callback(new Error('The file ends before the archive does.'));
      return;
    }
    this.#file.readAt(position, length).then(
      (bytes) => {
        buffer.set(bytes, offset);
        callback(bytes.length < length ? new Error('The file ends before the archive does.') : null);
      },
      (error: unknown) => {
        this.failure = error;
        callback(new Error('The file cannot be read.'));
      },
    );
  }

  override close(callback: (error: Error | null) => void): void {
    callback(null);
  }
}

const toPart = (entry: Entry): Part => ({
  name: entry.fileName.toLowerCase(),
  offset: entry.relativeOffsetOfLocalHeader,
  packed: entry.compressedSize,
  size: entry.uncompressedSize,
  crc: entry.crc32,
  method: entry.compressionMethod,
  encrypted: entry.isEncrypted(),
});

const listParts = async (zip: ZipFile): Promise<Map<string, Part>> => {
  if (zip.entryCount > MAX_ENTRIES) throw new ArchiveError(`it has ${zip.entryCount} parts; ${MAX_ENTRIES} are allowed`);
  const parts = new Map<string, Part>();
  let bytes = 0;
  for await (const entry of zip.eachEntry()) {
    bytes += entry.fileNameLength + entry.extraFieldLength + entry.fileCommentLength;
    if (bytes > MAX_DIRECTORY_BYTES) throw new ArchiveError('its directory is too large');
    const part = toPart(entry);
    if (parts.has(part.name)) throw new ArchiveError('it holds two parts of one name');
    parts.set(part.name, part);
  }
  return parts;
};

// Parts that share bytes are how a small archive inflates to a huge one, and how two programs read different things.
const refuseOverlap = (parts: Iterable<Part>, fileSize: number): void => {
  const ordered = [...parts].sort((a, b) => a.offset - b.offset);
  ordered.forEach((part, index) => {
    const end = part.offset + LOCAL_HEADER_BYTES + part.packed;
    if (!(end <= (ordered[index + 1]?.offset ?? fileSize))) throw new ArchiveError('its parts overlap');
  });
};

const findData = async (file: RandomAccessFile, part: Part): Promise<number> => {
  const header = Buffer.from(await file.readAt(part.offset, LOCAL_HEADER_BYTES));
  if (header.length < LOCAL_HEADER_BYTES || header.readUInt32LE(0) !== LOCAL_HEADER_MARK)
    throw new ArchiveError('a part is not where it says');
  const start = part.offset + LOCAL_HEADER_BYTES + header.readUInt16LE(26) + header.readUInt16LE(28);
  if (start + part.packed > file.size) throw new ArchiveError('the file ends before the archive does');
  return start;
};

const readPacked = async function* (file: RandomAccessFile, part: Part): AsyncGenerator<Uint8Array, void> {
  const start = await findData(file, part);
  for (let done = 0; done < part.packed; ) {
    const bytes = await file.readAt(start + done, Math.min(CHUNK_BYTES, part.packed - done));
    if (bytes.length === 0) throw new ArchiveError('the file ends before the archive does');
    done += bytes.length;
    yield bytes;
  }
};

const isInflateError = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('Z_');

const inflate = async function* (packed: AsyncGenerator<Uint8Array, void>): AsyncGenerator<Uint8Array, void> {
  const source = Readable.from(packed);
  const inflating = createInflateRaw({ chunkSize: CHUNK_BYTES });
  source.on('error', (error) => inflating.destroy(error));
  source.pipe(inflating);
  try {
    for await (const chunk of inflating) yield chunk;
  } catch (error) {
    throw isInflateError(error) ? new ArchiveError('a part cannot be inflated') : error;
  } finally {
    source.destroy();
    inflating.destroy();
  }
};

const readPart = async function* (file: RandomAccessFile, part: Part, maxBytes: number): AsyncGenerator<Uint8Array, void> {
  if (part.encrypted) throw new ArchiveError('it is protected by a password');
  if (part.method !== STORED && part.method !== DEFLATED) throw new ArchiveError('it is packed in a way that is not known');
  if (part.size > maxBytes) throw new ArchiveError(`a part would inflate to ${part.size} bytes; ${maxBytes} are allowed`);
  const packed = readPacked(file, part);
  let bytes = 0;
  let crc = 0;
  for await (const chunk of part.method === STORED ? packed : inflate(packed)) {
    bytes += chunk.length;
    // Not more than it says, so not more than is allowed either.
    if (bytes > part.size) throw new ArchiveError('a part is larger than it says');
    if (bytes > RATIO_FROM_BYTES && bytes > part.packed * MAX_RATIO) {
      throw new ArchiveError(`a part inflates to more than ${MAX_RATIO} times its size`);
    }
    crc = crc32(chunk, crc);
    yield chunk;
  }
  if (bytes !== part.size || crc !== part.crc) throw new ArchiveError('a part is damaged');
};

/**
 * Opens an archive.
 * @throws ArchiveError
 */
export const openArchive = async (file: RandomAccessFile): Promise<Archive> => {
  const reader = new FileReader(file);
  const list = async (): Promise<Map<string, Part>> => {
    const zip = await fromRandomAccessReaderPromise(reader, file.size, { autoClose: false });
    // Between entries nobody else listens, and an error without listener ends the process.
    zip.on('error', () => {});
    return listParts(zip);
  };
  const parts = await list().catch((error: unknown) => {
    if (reader.failure !== undefined) throw reader.failure;
    throw error instanceof ArchiveError ? error : new ArchiveError('it is cut off or damaged');
  });
  refuseOverlap(parts.values(), file.size);
  const find = (name: string): Part | undefined => parts.get(name.toLowerCase());
  return {
    has: (name) => find(name) !== undefined,
    read: async function* (name, maxBytes) {
      const part = find(name);
      if (part === undefined) throw new ArchiveError('a part is missing');
      yield* readPart(file, part, maxBytes);
    },
  };
};
