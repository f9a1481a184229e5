// How a client names an assistant: by its id or by its uuid, in paths and in bodies alike.                        [pure]
import { NO_SUCH_ID } from '../no-such-id.ts';

/** One of the two names of an assistant. */
export type AssistantRef = { id: number } | { uuid: string };

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const ID = /^[1-9]\d*$/;

// Beyond 2^53 a number is not exact; no row has so high an id, so any such id will do.
const toRef = (id: number): AssistantRef => ({ id: Math.min(id, NO_SUCH_ID) });

/** Reads an id, the same as text, or a uuid. Undefined when the value cannot name an assistant. */
export const parseAssistantRef = (value: unknown): AssistantRef | undefined => {
  if (typeof value === 'number') return Number.isInteger(value) && value > 0 ? toRef(value) : undefined;
  if (typeof value !== 'string') return undefined;
  const text = value.trim();
  if (ID.test(text)) return toRef(Number(text));
  return UUID.test(text) ? { uuid: text.toLowerCase() } : undefined;
};

/** The same, where a value that cannot name an assistant is as good as an unknown one. */
export const assistantRefOf = (value: unknown): AssistantRef => parseAssistantRef(value) ?? { id: NO_SUCH_ID };
