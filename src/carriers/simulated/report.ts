// What a simulated call has to report: answers to the assistant's questions, and a few words.                        [pure]
import { isRecord } from '../../is-record.ts';
import type { TranscriptEntry } from '../carrier.ts';
import { type Drawn, draw } from './draw.ts';
import type { CallScript } from './script.ts';

/** An utterance, and when it was made, in milliseconds after the answer. */
export interface Line {
  readonly sender: 'bot' | 'human';
  readonly text: string;
  readonly atMs: number;
}

interface Field {
  readonly name: string;
  readonly type: string;
}

// A schema that cannot be read has no fields, as far as a simulation is concerned.
const fieldsOf = (text: string | undefined): readonly Field[] | undefined => {
  if (text === undefined || text === '') return undefined;
  try {
    const schema: unknown = JSON.parse(text);
    if (!Array.isArray(schema)) return [];
    return schema.flatMap((field: unknown) =>
      isRecord(field) && typeof field.name === 'string' && typeof field.type === 'string' ? [{ name: field.name, type: field.type }] : [],
    );
  } catch {
    return [];
  }
};

const answerTo = ({ name, type }: Field, drawn: Drawn): unknown => {
  const chance = draw(drawn, `field ${name}`);
  if (type === 'bool') return chance < 0.5;
  if (type === 'number') return 1 + Math.floor(chance * 10);
  return `Simulated ${name}`;
};

/** A value for each field of `post_call_schema`; `goal` as the script has it. Null: the extraction has failed. */
export const extract = (vars: Readonly<Record<string, string>>, script: CallScript, drawn: Drawn): Record<string, unknown> | null => {
  if (script.report === 'failed') return null;
  const goal = vars.goal === undefined || vars.goal === '' ? undefined : vars.goal;
  // Whoever names a goal and no schema means that one field.
  const fields = fieldsOf(vars.post_call_schema) ?? (goal === undefined ? [] : [{ name: goal, type: 'bool' }]);
  const values = fields.map((field) => [field.name, field.name === goal ? script.goal : answerTo(field, drawn)] as const);
  return Object.fromEntries(script.report === 'without_goal' ? values.filter(([name]) => name !== goal) : values);
};

const SAID: Record<'human' | 'machine' | 'fax', readonly (readonly ['bot' | 'human', string])[]> = {
  human: [
    ['bot', 'Hello, this is a simulated call.'],
    ['human', 'Hello.'],
    ['bot', 'Thank you for your time. Goodbye.'],
  ],
  machine: [['human', 'Nobody can take your call. Please leave a message after the tone.']],
  fax: [],
};

/** What is said in a call of some length. */
export const linesOf = ({ ending, goal }: CallScript, talkMs: number): readonly Line[] => {
  const said = ending === 'machine' || ending === 'fax' ? SAID[ending] : SAID.human;
  const lines = said.map(([sender, text]) => ({
    sender,
    text: text === 'Hello.' ? `Hello. ${goal ? 'Yes, please.' : 'No, thank you.'}` : text,
  }));
  return lines.map((line, index) => ({ ...line, atMs: Math.round((talkMs * index) / lines.length) }));
};

/** Lines as they are reported, `factor` being how much longer a second takes than it should. */
export const toTranscript = (lines: readonly Line[], answeredAt: Date, factor: number): readonly TranscriptEntry[] =>
  lines.map(({ sender, text, atMs }) => ({ text, type: 'transcript', sender, timestamp: (answeredAt.getTime() + atMs * factor) / 1000 }));
