// Whatever a test opens is closed after it, and whatever a file's hooks open after the file: see begin-file.ts.
import { afterAll, afterEach, beforeEach } from 'vitest';

type Close = () => unknown;

const ofFile: Close[] = [];
const ofTest: Close[] = [];
let open = ofFile;

/** Has something closed when the test ends, or the file when no test runs. The last opened is closed first. */
export const closeLater = (close: Close): void => {
  open.push(close);
};

const closeAll = async (all: Close[]): Promise<void> => {
  const failures: unknown[] = [];
  for (let close = all.pop(); close !== undefined; close = all.pop()) {
    try {
      await close();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
};

/** Has the runner do so, for the file at hand. */
export const closeAfterTests = (): void => {
  beforeEach(() => {
    open = ofTest;
  });
  afterEach(async () => {
    open = ofFile;
    await closeAll(ofTest);
  });
  afterAll(() => closeAll(ofFile));
};
