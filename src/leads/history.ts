// Why somebody was called, or was not: decisions, calls and changes of status in one list.                         [pure]
import type { CallRow, ChangeRow, DecisionRow } from '../db/schema.ts';
import { toIsoMicro } from '../http/wire-time.ts';

/** One thing that has happened. A decision or a change without the lead's id is its campaign's as a whole. */
export type HistoryEntry =
  | { kind: 'decision'; row: DecisionRow }
  | { kind: 'call'; row: Omit<CallRow, 'variables' | 'transcript' | 'extraction' | 'refusals' | 'refused_in_all' | 'gone_at'> }
  | { kind: 'change'; row: ChangeRow };

const orNull = (at: Date | null): string | null => (at === null ? null : toIsoMicro(at));

const ofWhom = ({ lead_id }: { lead_id: number | null }): 'lead' | 'campaign' => (lead_id === null ? 'campaign' : 'lead');

const presentDecision = (row: DecisionRow) => ({
  at: toIsoMicro(row.decided_at),
  kind: 'decision' as const,
  id: row.id,
  of: ofWhom(row),
  verdict: row.verdict,
  reason: row.reason,
  facts: row.facts,
  times: row.times,
  last_at: toIsoMicro(row.last_at),
  call_id: row.call_id,
});

// An attempt that was never sent has no status on the wire: it is no call to anybody else.
const presentCall = (row: Extract<HistoryEntry, { kind: 'call' }>['row']) => ({
  at: toIsoMicro(row.created_at),
  kind: 'call' as const,
  id: row.id,
  attempt_no: row.attempt_no,
  state: row.state,
  status: row.sent_at === null ? null : row.status,
  outcome: row.outcome,
  reason: row.reason,
  simulated: row.simulated,
  carrier: row.carrier,
  phone_number: row.phone_number,
  caller_number: row.caller_number,
  answered_by: row.answered_by,
  duration: row.duration,
  sent_at: orNull(row.sent_at),
  answered_at: orNull(row.answered_at),
  ended_at: orNull(row.ended_at),
  deleted: row.deleted_at !== null,
});

const presentChange = (row: ChangeRow) => ({
  at: toIsoMicro(row.at),
  kind: 'change' as const,
  id: row.id,
  of: ofWhom(row),
  from: row.from_status,
  to: row.to_status,
});

/** An entry as the wire shows it. */
export const presentEntry = (entry: HistoryEntry) => {
  switch (entry.kind) {
    case 'decision':
      return presentDecision(entry.row);
    case 'call':
      return presentCall(entry.row);
    case 'change':
      return presentChange(entry.row);
  }
};
