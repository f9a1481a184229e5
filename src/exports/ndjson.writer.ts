// Values as lines of JSON.
import { Readable } from 'node:stream';

/** A file of batches of values, which are asked for as fast as somebody reads. */
export const writeNdjson = (batches: AsyncIterable<object[]>): Readable => {
  const write = async function* (): AsyncGenerator<string, void> {
    for await (const values of batches) yield values.map((value) => `${JSON.stringify(value)}\n`).join('');
  };
  return Readable.from(write(), { objectMode: false });
};
