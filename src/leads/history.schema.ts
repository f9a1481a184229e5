// The shapes of a lead's history on the wire.
import { Type } from 'typebox';
import { IsoMicro, Nullable, pageQuery, VariablesOut } from '../http/fields.ts';

const Word = <const W extends string>(...words: W[]) => Type.Unsafe<W>({ type: 'string', enum: words });
const Of = Type.Unsafe<'lead' | 'campaign'>({
  type: 'string',
  enum: ['lead', 'campaign'],
  description: 'Whether it is about this contact, or about its campaign as a whole.',
});

const Decision = Type.Object(
  {
    at: IsoMicro,
    kind: Word('decision'),
    id: Type.Integer(),
    of: Of,
    verdict: Word('dial', 'refuse'),
    reason: Type.String({ description: 'A stable word, as in outside_window. no_dialer and not_claimed: nobody claims for the campaign.' }),
    facts: { ...VariablesOut, description: 'What was known when it was decided.' },
    times: Type.Integer({ minimum: 1, description: 'The same decision again only counts up.' }),
    last_at: IsoMicro,
    call_id: Nullable(Type.Integer(), { description: 'The attempt that it led to.' }),
  },
  { additionalProperties: false },
);

const Call = Type.Object(
  {
    at: { ...IsoMicro, description: 'When the attempt was reserved.' },
    kind: Word('call'),
    id: Type.Integer(),
    attempt_no: Nullable(Type.Integer()),
    state: Word('reserved', 'sending', 'live', 'unknown', 'wrapping', 'ended'),
    status: Nullable(Type.String(), { description: 'As in the call log; null: it was never sent, and nothing rang.' }),
    outcome: Nullable(Type.String()),
    reason: Nullable(Type.String()),
    simulated: Type.Boolean({ description: 'Nobody was phoned: it was a rehearsal.' }),
    carrier: Type.String(),
    phone_number: Type.String(),
    caller_number: Type.String(),
    answered_by: Nullable(Type.String()),
    duration: Type.Integer(),
    sent_at: Nullable(IsoMicro),
    answered_at: Nullable(IsoMicro),
    ended_at: Nullable(IsoMicro),
    deleted: Type.Boolean({ description: 'Its record was deleted from the call log.' }),
  },
  { additionalProperties: false },
);

const Change = Type.Object(
  { at: IsoMicro, kind: Word('change'), id: Type.Integer(), of: Of, from: Type.String(), to: Type.String() },
  { additionalProperties: false },
);

/** One thing that has happened: `kind` tells which. */
export const HistoryRow = Type.Union([Decision, Call, Change]);

/** The two parameters of the list. */
export const HistoryQuery = Type.Object(pageQuery(15));
