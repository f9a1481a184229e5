// What all reports of a carrier on one call amount to, in whatever order, however often and however late they came. [pure]
import type { CarrierEvent, TranscriptEntry } from '../carriers/carrier.ts';
import { type AnsweredBy, type Outcome, toAnsweredBy } from './disposition.ts';

/** A call as its carrier has reported it so far. */
export interface ReportedCall {
  ringing: boolean;
  answeredAt: Date | null;
  answeredBy: AnsweredBy | null;
  ended: { at: Date; outcome: Outcome; by: 'callee' | 'us' | 'network'; talkMs: number; reason: string | null; cost: number | null } | null;
  /** What was taken from the conversation; undefined: it has not arrived. */
  report: { extraction: Readonly<Record<string, unknown>> | null; transcript: readonly TranscriptEntry[] } | undefined;
}

type Told = Pick<CarrierEvent, 'at' | 'body'>;

const MICROS = 1_000_000;

const fold = (facts: ReportedCall, { at, body }: Told): ReportedCall => {
  switch (body.type) {
    case 'ringing':
      return { ...facts, ringing: true };
    case 'answered':
      return { ...facts, answeredAt: facts.answeredAt === null || at < facts.answeredAt ? at : facts.answeredAt };
    case 'amd':
      return { ...facts, answeredBy: toAnsweredBy(body.result) };
    case 'ended': {
      if (facts.ended !== null) return facts;
      const cost = body.cost === undefined ? null : body.cost.micros / MICROS;
      return { ...facts, ended: { at, outcome: body.outcome, by: body.by, talkMs: body.talkMs, reason: body.reason ?? null, cost } };
    }
    case 'report':
      return { ...facts, report: { extraction: body.extraction, transcript: body.transcript } };
    default:
      return facts;
  }
};

const NOTHING: ReportedCall = { ringing: false, answeredAt: null, answeredBy: null, ended: null, report: undefined };

/** Folds reports by the carrier's own clock, not by their arrival. An end that says the call was answered stands for an answer. */
export const foldEvents = (events: readonly Told[]): ReportedCall => {
  const facts = [...events].sort((a, b) => a.at.getTime() - b.at.getTime()).reduce(fold, NOTHING);
  const { ended } = facts;
  if (ended === null || facts.answeredAt !== null || ended.outcome !== 'completed') return facts;
  return { ...facts, answeredAt: new Date(ended.at.getTime() - ended.talkMs) };
};
