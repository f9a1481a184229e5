// What an attempt's result means for its message: delivered, failed for good, or to be tried again, and when.     [pure]

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** The waits between attempts. Source: lifecycle 3: the documented three, then the Standard Webhooks schedule. */
export const WAITS: readonly number[] = [
  30 * SECOND,
  60 * SECOND,
  120 * SECOND,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  20 * HOUR,
  24 * HOUR,
];

/** Why an attempt brought no answer, in a stable word. */
export type SendError =
  | 'timeout'
  | 'dns_failed'
  | 'connection_refused'
  | 'connection_closed'
  | 'unreachable'
  | 'tls_failed'
  | 'bad_response'
  | 'forbidden_destination'
  | 'bad_redirect'
  | 'too_many_redirects'
  | 'invalid_url'
  | 'interrupted'
  | 'unknown';

/** What came of one attempt: a status, or an error; a redirect that was not followed has both. */
export interface SendResult {
  status: number | undefined;
  error: SendError | undefined;
}

/** What becomes of the message. `step` is its place on the schedule. */
export type Verdict = { state: 'delivered' } | { state: 'failed' } | { state: 'pending'; waitMs: number; step: number };

/** Decides on a message whose attempt at `step` ended so. */
export const judge = ({ status, error }: SendResult, step: number): Verdict => {
  if (error === undefined && status !== undefined && status >= 200 && status < 300) return { state: 'delivered' };
  // Gone: the receiver wants no more of it.
  if (status === 410) return { state: 'failed' };
  // Our own stop is not the receiver's fault: the same step again, at once.
  if (error === 'interrupted') return { state: 'pending', waitMs: 0, step };
  const waitMs = WAITS[step];
  return waitMs === undefined ? { state: 'failed' } : { state: 'pending', waitMs, step: step + 1 };
};
