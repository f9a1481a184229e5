// The checker's part on refusals: a carrier that goes on accepting others does not refuse one contact without end.
import type { Broken, Evidence } from './promise-checker.ts';

/** More in a row than any rule of ours allows while others are accepted. */
const MOST_IN_A_ROW = 8;

/** Contacts that were refused again and again, though others were accepted between any two of these times. */
export const refusedWithoutEnd = ({ rows: { attempts, decisions, changes } }: Evidence): Broken[] => {
  // By the order of the log, which is one for all.
  const accepted: number[] = [];
  const ended = new Map<number, number>();
  for (const { id, what, call_id, to_status } of changes) {
    if (what !== 'call' || call_id === null) continue;
    if (to_status === 'live') accepted.push(id);
    if (to_status === 'ended') ended.set(call_id, id);
  }
  const refused = new Set(decisions.flatMap(({ reason, call_id }) => (reason === 'carrier_refused' ? (call_id ?? []) : [])));
  const byLead = Map.groupBy(attempts, ({ lead_id }) => lead_id);
  return [...byLead].flatMap(([leadId, all]): Broken[] => {
    let inARow = 0;
    let last: number | undefined;
    for (const { id, outcome } of [...all].sort((a, b) => a.id - b.id)) {
      if (outcome === 'revoked' || outcome === 'expired' || leadId === null) continue;
      const at = ended.get(id);
      if (outcome !== 'rejected' || !refused.has(id) || at === undefined) {
        inARow = 0;
        last = undefined;
        continue;
      }
      const before = last;
      if (before !== undefined && accepted.some((one) => one > before && one < at)) inARow += 1;
      last = at;
      if (inARow > MOST_IN_A_ROW) return [{ promise: 'D2', what: 'refused_without_end', callId: id, leadId }];
    }
    return [];
  });
};
