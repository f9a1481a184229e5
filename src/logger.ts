// The log: JSON lines on standard error. Identifiers only: no query strings, no parameters of statements, no bodies.
import { type Logger, pino } from 'pino';
import { plainPath } from './http/not-found.ts';

interface LoggedRequest {
  method?: string;
  url?: string;
}

// Drivers hang statements, parameters and key values on their errors, and quote values in their messages; those are
// people's numbers. Of what the database says (it has an SQLSTATE), the code and the way there are kept.
const describeError = (error: unknown): object => {
  if (!(error instanceof Error)) return { type: typeof error };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  const fromDatabase = code !== undefined && /^[0-9A-Z]{5}$/.test(code);
  const frames = error.stack
    ?.split('\n')
    .filter((line) => /^\s+at /.test(line))
    .join('\n');
  if (fromDatabase) return { type: error.name, code, stack: frames };
  return { type: error.name, message: error.message, ...(code === undefined ? {} : { code }), stack: error.stack };
};

/** A logger at a pino level. */
export const createLogger = (level: string): Logger =>
  pino(
    {
      level,
      serializers: {
        req: ({ method, url }: LoggedRequest) => ({ method, path: plainPath(url ?? '') }),
        res: ({ statusCode }: { statusCode?: number }) => ({ statusCode }),
        err: describeError,
      },
    },
    pino.destination({ fd: 2, sync: true }),
  );
