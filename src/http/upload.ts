// One uploaded file of a multipart body with the fields beside it. The file streams to a place that has no name any
// more when it is read, so that nothing is left behind, not even by a crash.
import { createHash, randomUUID } from 'node:crypto';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import multipart from '@fastify/multipart';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { DomainError, ValidationError } from '../errors.ts';

/** A file that was received. It can be read as often as needed, as long as the upload is in use. */
export interface UploadedFile {
  size: number;
  read(): AsyncIterable<Uint8Array>;
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

const openUnnamed = async (): Promise<FileHandle> => {
  const path = join(tmpdir(), `outdial-upload-${randomUUID()}`);
  const handle = await open(path, 'wx+', 0o600);
  await unlink(path);
  return handle;
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

const receive = async (request: FastifyRequest, fileField: string, handle: FileHandle): Promise<Upload> => {
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
  if (!received) return { fields, file: undefined };
  const { size } = await handle.stat();
  return { fields, file: { size, read: () => readAll(handle) } };
};

/** What an upload holds, in few bytes: its fields, and a digest of its file. The same for the same body, however it was sent. */
export const describeUpload = async ({ fields, file }: Upload): Promise<object> => {
  const digest = createHash('sha256');
  for await (const chunk of file?.read() ?? []) digest.update(chunk);
  return { fields: Object.fromEntries(fields), file: file === undefined ? null : digest.digest('hex') };
};

/**
 * Receives a body and hands it on; the file is gone when `use` has ended. A request without body has no fields.
 * @throws DomainError malformed_multipart; ValidationError for more than one file or too many fields; 413 for a file that is too large.
 */
export const withUpload = async <Result>(
  request: FastifyRequest,
  fileField: string,
  use: (upload: Upload) => Promise<Result>,
): Promise<Result> => {
  if (!request.isMultipart()) return use({ fields: new Map(), file: undefined });
  const handle = await openUnnamed();
  try {
    const upload = await receive(request, fileField, handle).catch((error: unknown) => {
      throw toRefusal(error);
    });
    return await use(upload);
  } finally {
    await handle.close();
  }
};
