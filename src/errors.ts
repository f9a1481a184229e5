// Every refusal the API can speak, in one table: code -> HTTP status and sentence. The HTTP layer alone translates it.

const ERRORS = {
  unauthenticated: [401, 'Unauthenticated.'],
  too_many_requests: [429, 'Too Many Attempts.'],
  held_by_others: [503, 'Something else is at work on this, so that it could not be finished. Try again.'],
  took_too_long: [503, 'This took too long and was given up.'],
  database_busy: [503, 'Too much is being asked at once. Nothing was done: try again.'],
  database_silent: [503, 'The database did not answer in time. Whether this was done is not known.'],
  malformed_json: [400, 'Malformed JSON'],
  malformed_multipart: [400, 'Malformed multipart body'],
  not_multipart: [415, 'Unsupported Media Type. Send the file as multipart/form-data.'],

  lead_not_found: [404, 'Lead not found'],
  contact_not_found: [404, 'Contact not found'],
  still_sending: [503, 'It is done, and nothing new starts; but a call was being sent at that instant and has not been heard of since.'],
  campaign_not_found: [404, 'Campaign not found'],
  assistant_not_found: [404, 'Assistant not found'],
  outbound_assistant_not_found: [404, 'Assistant not found or not an outbound assistant.'],
  phone_number_not_found: [404, 'Phone number not found'],
  blacklist_entry_not_found: [404, 'Blacklist entry not found'],
  import_not_found: [404, 'Import not found'],
  api_key_not_found: [404, 'API key not found.'],
  delivery_not_found: [404, 'Delivery not found'],
  call_not_found: [404, 'Call not found'],

  call_under_way: [409, 'A call with this number, or with its lead, is under way. Nothing was erased: try again when it has ended.'],
  campaign_running: [409, 'Campaign is already in progress'],

  call_number_unreadable: [400, 'Invalid phone number format. Please use E.164 format (e.g. +1234567890)'],
  call_assistant_not_found: [404, 'Assistant not found or does not belong to the authenticated user'],
  call_without_number: [422, 'Your agent does not have a phone number setup'],
  call_blacklisted: [422, 'Number is blacklisted.'],
  call_lines_full: [429, 'All lines are in use. Try again when a call has ended.'],
  call_rate_reached: [429, 'Too many calls are being started. Try again in a second.'],

  idempotency_key_unusable: [400, 'The Idempotency-Key header must have 1 to 255 characters.'],
  idempotency_key_busy: [409, 'A request with this Idempotency-Key is still running.'],
  idempotency_key_reused: [409, 'This Idempotency-Key belongs to a request that was different.'],
  idempotency_key_running: [
    409,
    'A request with this Idempotency-Key is still running, or broke off, so it is not run again. If this does not change, look at what it has done, and send what is missing under a new key.',
  ],
  idempotency_key_unknown: [
    409,
    'The request with this Idempotency-Key failed, and its outcome is unknown, so it is not run again. Look at what it has done, and send what is missing under a new key.',
  ],
  idempotency_answer_not_kept: [
    409,
    'The request with this Idempotency-Key was carried out, and is not run again. Its answer was too large to be kept.',
  ],

  // update-status words its refusals on its own; the routes add `success: false` to each.
  campaign_action_invalid: [400, "Invalid action. Must be either 'start' or 'stop'."],
  campaign_to_move_not_found: [404, 'Campaign not found.'],
  campaign_already_running: [400, 'Campaign is already in progress'],
  campaign_not_running: [400, 'Campaign is not running'],
  campaign_assistant_gone: [400, 'Assistant not found'],
  campaign_without_timezone: [400, 'Assistant timezone not set'],
  campaign_without_number: [400, 'Your agent does not have a phone number setup'],
  campaign_without_leads: [400, 'No leads to call'],
} as const satisfies Record<string, readonly [number, string]>;

/** The stable name of a refusal. */
export type ErrorCode = keyof typeof ERRORS;

/** An expected refusal. Thrown anywhere below HTTP; answered with its status and sentence. */
export class DomainError extends Error {
  readonly code: ErrorCode;
  readonly statusCode: number;
  /** What the answer holds beside the message, where a route documents more. */
  readonly body: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, body: Readonly<Record<string, unknown>> = {}) {
    super(ERRORS[code][1]);
    this.code = code;
    this.statusCode = ERRORS[code][0];
    this.body = body;
  }
}

// PostgreSQL's codes, and that of a connection that was given up (db/limits.ts).
const FAILURES: Readonly<Record<string, ErrorCode>> = {
  '55P03': 'held_by_others',
  '57014': 'took_too_long',
  DATABASE_SILENT: 'database_silent',
  NO_CONNECTION: 'database_busy',
};

/** What is said of a failure of the database that passes by itself; undefined for any other error. */
export const passingFailure = (error: Error): DomainError | undefined => {
  const code = 'code' in error && typeof error.code === 'string' ? FAILURES[error.code] : undefined;
  return code === undefined ? undefined : new DomainError(code);
};

/** Messages by field; nested fields are dotted, as in `secondary_contacts.0.phone_number`. */
export type FieldErrors = Record<string, string[]>;

/** Input that breaks a rule (422). `summary` replaces the route's usual top line. */
export class ValidationError extends Error {
  readonly statusCode = 422;
  readonly errors: FieldErrors;
  readonly summary: string | undefined;

  constructor(errors: FieldErrors, summary?: string) {
    super(summary ?? 'Validation failed');
    this.errors = errors;
    this.summary = summary;
  }
}
