// What older documents and clients in use call the fields of an assistant, put into today's words before the schema is
// applied. An older name only counts when today's is absent. Pure; it refuses nothing. Source: the contract's compat notes, 6.
import { findLanguageByWord, findLlmModelByWord } from '../catalogue/lookups.ts';
import { isRecord } from '../is-record.ts';
import { NO_SUCH_ID } from '../no-such-id.ts';
import { INPUT_NAMES, type InputName, mayBeNull } from './assistant-fields.ts';
import { flattenTool } from './tools.ts';

type Body = Record<string, unknown>;
type Read = (value: unknown) => unknown;

const asIs: Read = (value) => value;

const words =
  (meanings: Record<string, unknown> = {}): Read =>
  (value) => {
    if (typeof value !== 'string') return value;
    const word = value.trim().toLowerCase();
    return Object.hasOwn(meanings, word) ? meanings[word] : word;
  };

// An unknown word of the catalogue is refused as an unknown id is.
const idOf =
  (find: (word: string) => { id: number } | undefined): Read =>
  (value) => {
    if (typeof value !== 'string') return value ?? undefined;
    return value.trim() === '' ? undefined : (find(value.trim())?.id ?? NO_SUCH_ID);
  };

const FALSE = new Set<unknown>([false, 0, '0', 'false']);

/** Older name, today's name, and how the value is read; undefined: as if it were not there. */
const OLDER_NAMES: readonly (readonly [older: string, name: InputName, read: Read])[] = [
  ['assistant_name', 'name', asIs],
  ['calls_direction', 'type', words({ receive: 'inbound', make: 'outbound' })],
  ['engine_type', 'mode', words()],
  ['language', 'language_id', idOf(findLanguageByWord)],
  ['llm_model', 'llm_model_id', idOf(findLlmModelByWord)],
  ['filler_audios', 'fillers', words()],
  ['re_engagement_interval', 'reengagement_interval', asIs],
  ['max_call_duration', 'max_duration', asIs],
  ['noise_cancellation', 'enable_noise_cancellation', words()],
  ['record_call', 'record', words()],
  ['who_speaks_first', 'wait_for_customer', words({ customer: true, 'ai assistant': false })],
  ['use_min_interrupt_words', 'min_interrupt_words', (value) => (FALSE.has(words()(value)) ? null : undefined)],
  ['end_call_tool', 'tools', (value) => (isRecord(value) ? [{ type: 'end_call', ...value }] : undefined)],
];

const POST_CALL_TYPES = words({ int: 'number', float: 'number' });

const readPostCallField = (value: unknown): unknown =>
  isRecord(value) && Object.hasOwn(value, 'type') ? { ...value, type: POST_CALL_TYPES(value.type) } : value;

// Not those that keep an empty text.
const MAY_BE_EMPTY = INPUT_NAMES.filter((name) => mayBeNull(name) && name !== 'initial_message');

/** A body in today's words. Keys that are not understood stay, so that the scan for bad text still sees them. */
export const readOlderBody = (body: unknown): unknown => {
  if (!isRecord(body)) return body;
  const out: Body = { ...body };
  for (const [older, name, read] of OLDER_NAMES) {
    if (!Object.hasOwn(body, older) || Object.hasOwn(body, name)) continue;
    const value = read(body[older]);
    if (value !== undefined) out[name] = value;
  }
  if (Array.isArray(out.tools)) out.tools = out.tools.map(flattenTool);
  if (Array.isArray(out.post_call_schema)) out.post_call_schema = out.post_call_schema.map(readPostCallField);
  // A form sends an emptied field as a blank.
  for (const name of MAY_BE_EMPTY) {
    const value = out[name];
    if (typeof value === 'string' && value.trim() === '') out[name] = null;
  }
  return out;
};
