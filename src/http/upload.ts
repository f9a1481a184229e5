// One uploaded file of a multipart body with the fields beside it. The file streams to a folder, where it is removed again
// unless its receiver keeps it.
import { createHash, randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import multipart from '@fastify/multipart';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { DomainError, ValidationError } from '../errors.ts';

/** A file that was received, in its folder as long as the upload is in use. */
export interface UploadedFile {
  /** In its folder. */
  name: string;
  size: number;
  read(): AsyncIterable<Uint8Array>;
  /** Leaves the file there, on disk for good, for the caller to remove. */
  keep(): Promise<void>;
}

/** A multipart body: every value of each field, in the order sent, and the file. */
export interface Upload {
  fields: ReadonlyMap<string, readonly unknown[]>;
  file: UploadedFile | undefined;
}

// Room for the fields beside the file.
const FIELDS_BYTES = 1_048_576;
const MAX_FIELDS = 250;
const TOO_MANY_FIELDS = `The form has too many fields: ${MAX_FIELDS} are allowed beside the file.`;
const FIELD_BYTES = 65_536;
const CHUNK_BYTES = 65_536;

/** Lets the routes of this scope, and no others, take one file of up to `maxBytes`. Other bodies are refused (415). */
export const acceptUploads = async (scope: FastifyInstance, maxBytes: number): Promise<void> => {
  await scope.register(multipart, {
    limits: { fileSize: maxBytes, files: 1, fields: MAX_FIELDS, fieldSize: FIELD_BYTES, parts: MAX_FIELDS + 1 },
  });
  scope.addHook('onRequest', async (request) => {
    const type = request.headers['content-type'];
    const length = Number(request.headers['content-length'] ?? 0);
    if (type === undefined || request.method === 'GET') return;
    if (!/^multipart\/form-data\b/i.test(type)) throw new DomainError('not_multipart');
    if (length > maxBytes + FIELDS_BYTES) throw new scope.multipartErrors.RequestFileTooLargeError();
  });
};

// Not the handle's own streams: it would wait for them to close themselves before it closes.
const readAll = async function* (handle: FileHandle): AsyncGenerator<Uint8Array, void> {
  for (let position = 0; ; ) {
    const { bytesRead, buffer } = await handle.read(new Uint8Array(CHUNK_BYTES), 0, CHUNK_BYTES, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
};

const isOurs = (error: unknown): boolean =>
  error instanceof DomainError || error instanceof ValidationError || (error instanceof Error && 'syscall' in error);

// What the multipart parser throws, as a refusal. Trouble with our own disk stays a failure of ours.
const toRefusal = (error: unknown): unknown => {
  if (isOurs(error)) return error;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'FST_FILES_LIMIT') return new ValidationError({ file: ['The file field must be a single file.'] });
  if (code === 'FST_FIELDS_LIMIT' || code === 'FST_PARTS_LIMIT') return new ValidationError({}, TOO_MANY_FIELDS);
  if (error instanceof Error && 'statusCode' in error && error.statusCode === 413) return error;
  return new DomainError('malformed_multipart');
};

type Received = { fields: Upload['fields']; size: number | undefined };

const receive = async (request: FastifyRequest, fileField: string, handle: FileHandle): Promise<Received> => {
  const fields = new Map<string, unknown[]>();
  let received = false;
  for await (const part of request.parts()) {
    if (part.type === 'field') {
      const value = part.valueTruncated ? undefined : part.value;
      fields.set(part.fieldname, [...(fields.get(part.fieldname) ?? []), value]);
    } else if (part.fieldname !== fileField) {
      part.file.resume();
    } else {
      for await (const chunk of part.file) await handle.writeFile(chunk);
      if (part.file.truncated) throw new request.server.multipartErrors.RequestFileTooLargeError();
      received = true;
    }
  }
  return { fields, size: received ? (await handle.stat()).size : undefined };
};

/** What an upload holds, in few bytes: its fields, and a digest of its file. The same for the same body, however it was sent. */
export const describeUpload = async ({ fields, file }: Upload): Promise<object> => {
  const digest = createHash('sha256');
  for await (const chunk of file?.read() ?? []) digest.update(chunk);
  return { fields: Object.fromEntries(fields), file: file === undefined ? null : digest.digest('hex') };
};

/** Where to put which field's file. The folder is made where it is missing. */
export interface UploadPlace {
  field: string;
  folder: string;
}

/**
 * Receives a body and hands it on; the file is gone when `use` has ended, unless it was kept. A request without body has no fields.
 * @throws DomainError malformed_multipart; ValidationError for more than one file or too many fields; 413 for a file that is too large.
 */
export const withUpload = async <Result>(
  request: FastifyRequest,
  { field, folder }: UploadPlace,
  use: (upload: Upload) => Promise<Result>,
): Promise<Result> => {
  if (!request.isMultipart()) return use({ fields: new Map(), file: undefined });
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const name = randomUUID();
  const path = join(folder, name);
  const handle = await open(path, 'wx+', 0o600);
  let kept = false;
  const keep = async (): Promise<void> => {
    await handle.sync();
    kept = true;
  };
  try {
    const { fields, size } = await receive(request, field, handle).catch((error: unknown) => {
      throw toRefusal(error);
    });
    return await use({
      fields,
      file: size === undefined ? undefined : { name, size, read: () => readAll(handle), keep },
    });
  } finally {
    await handle.close();
    if (!kept) await unlink(path);
  }
};
