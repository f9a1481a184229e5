// What a simulated call is to do, and the table that tells it from a number's last two digits.                       [pure]

/** Who or what picks up, or why nobody does. */
export const ENDINGS = [
  'human',
  'machine',
  'fax',
  'unknown',
  'busy',
  'no_answer',
  'declined',
  'failed',
  'invalid_number',
  'canceled',
] as const;
export type Ending = (typeof ENDINGS)[number];

/** A script before durations are drawn. */
export interface CallScript {
  /**
   * How `place` answers. `rejected`: the carrier takes no calls now; `number_refused`: never one to this number; nothing rings. `hangs`: not at all until it is aborted. `loses_reply`: that it does not
   * know. The last two ring all the same, unless `unheard`: then the request got lost on its way.
   */
  readonly reply: 'accepted' | 'rejected' | 'number_refused' | 'hangs' | 'loses_reply';
  readonly unheard: boolean;
  readonly ending: Ending;
  /** Rings until the time for ringing is over; talks until the longest duration is. */
  readonly ringsOut: boolean;
  readonly talksOut: boolean;
  readonly goal: boolean;
  /** `failed`: without an extraction. `without_goal`: the goal's field is missing. */
  readonly report: 'given' | 'failed' | 'without_goal' | 'never';
  /** How events reach the dialer. Apart from the last, each arrives in the end. */
  readonly late: boolean;
  readonly twice: boolean;
  readonly disordered: boolean;
  readonly endLost: boolean;
}

/** A call that goes as one would like it to. */
export const SMOOTH: CallScript = {
  reply: 'accepted',
  unheard: false,
  ending: 'human',
  ringsOut: false,
  talksOut: false,
  goal: true,
  report: 'given',
  late: false,
  twice: false,
  disordered: false,
  endLost: false,
};

/** A row of the table: the last two digits it is for, in words, and what differs from a smooth call. */
export interface DigitsRow {
  readonly from: number;
  readonly to: number;
  readonly meaning: string;
  readonly script: Partial<CallScript>;
}

/** What each pair of last digits stands for, 00 to 99 without a gap. docs/carriers.md shows the same table. */
export const DIGITS: readonly DigitsRow[] = [
  { from: 0, to: 29, meaning: 'a human answers, goal met', script: {} },
  { from: 30, to: 39, meaning: 'a human answers, goal missed', script: { goal: false } },
  { from: 40, to: 44, meaning: 'voicemail answers', script: { ending: 'machine', goal: false } },
  { from: 45, to: 47, meaning: 'a fax answers', script: { ending: 'fax', goal: false } },
  { from: 48, to: 49, meaning: 'answered, by whom is not known, goal met', script: { ending: 'unknown' } },
  { from: 50, to: 54, meaning: 'busy', script: { ending: 'busy' } },
  { from: 55, to: 59, meaning: 'declined', script: { ending: 'declined' } },
  { from: 60, to: 68, meaning: 'no answer', script: { ending: 'no_answer' } },
  { from: 69, to: 69, meaning: 'no answer: rings until the time for ringing is over', script: { ending: 'no_answer', ringsOut: true } },
  { from: 70, to: 73, meaning: 'the call fails', script: { ending: 'failed' } },
  { from: 74, to: 77, meaning: 'the number does not exist', script: { ending: 'invalid_number' } },
  { from: 78, to: 78, meaning: 'canceled by the network while it rings', script: { ending: 'canceled' } },
  { from: 79, to: 79, meaning: 'a human talks until the longest duration is over, goal met', script: { talksOut: true } },
  { from: 80, to: 80, meaning: 'certainly refused every time (429): nothing rings', script: { reply: 'rejected' } },
  { from: 81, to: 81, meaning: 'the request hangs, and the number rings: human, goal met', script: { reply: 'hangs' } },
  { from: 82, to: 82, meaning: 'the request hangs, and nothing rings', script: { reply: 'hangs', unheard: true } },
  {
    from: 83,
    to: 83,
    meaning: 'the answer to the request is lost, and the number rings: human, goal met',
    script: { reply: 'loses_reply' },
  },
  { from: 84, to: 84, meaning: 'the request is lost, and nothing rings', script: { reply: 'loses_reply', unheard: true } },
  { from: 85, to: 85, meaning: 'events come late: human, goal met', script: { late: true } },
  { from: 86, to: 86, meaning: 'events come twice: human, goal met', script: { twice: true } },
  { from: 87, to: 87, meaning: 'events come in the reverse order: human, goal met', script: { disordered: true } },
  {
    from: 88,
    to: 88,
    meaning: 'events come late, twice and in the reverse order: human, goal met',
    script: { late: true, twice: true, disordered: true },
  },
  { from: 89, to: 89, meaning: 'the end is never reported, only a lookup tells it: human, goal met', script: { endLost: true } },
  { from: 90, to: 90, meaning: 'a human answers, and no report follows', script: { report: 'never' } },
  { from: 91, to: 91, meaning: 'a human answers, and the extraction fails', script: { report: 'failed' } },
  { from: 92, to: 92, meaning: 'a human answers, and the extraction lacks the goal', script: { report: 'without_goal' } },
  { from: 93, to: 93, meaning: 'no answer, and the end is never reported', script: { ending: 'no_answer', endLost: true } },
  {
    from: 94,
    to: 94,
    meaning: 'the answer to the request is lost, and so is the end: human, goal met',
    script: { reply: 'loses_reply', endLost: true },
  },
  { from: 95, to: 99, meaning: 'a human answers, goal met', script: {} },
];

/** The script of a number. */
export const scriptOf = (number: string): CallScript => {
  const digits = Number(number.slice(-2));
  const row = DIGITS.find(({ from, to }) => digits >= from && digits <= to);
  return { ...SMOOTH, ...row?.script };
};
