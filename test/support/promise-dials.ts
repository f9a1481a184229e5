// The checker's part on decisions: each dial must have been allowed when it was decided, by the rows alone.
import type { DecisionRow } from '../../src/db/schema.ts';
import type { Attempt, Broken, Evidence, Person } from './promise-checker.ts';
import { countLines, endsOf, type Timeline, timelineOf, wasOpen } from './promise-timeline.ts';

interface Dial {
  attempt: Attempt;
  decision: DecisionRow;
}

const dialsOf = ({ rows: { attempts, decisions } }: Evidence): Dial[] => {
  const byId = new Map(attempts.map((one) => [one.id, one]));
  return decisions.flatMap((decision) => {
    const attempt = decision.verdict === 'dial' ? byId.get(decision.call_id ?? 0) : undefined;
    return attempt === undefined ? [] : [{ attempt, decision }];
  });
};

const undecided = ({ rows: { attempts } }: Evidence, dials: readonly Dial[]): Broken[] => {
  const times = Map.groupBy(dials, ({ attempt }) => attempt.id);
  return attempts.flatMap(({ id }): Broken[] => {
    const many = times.get(id)?.length ?? 0;
    if (many === 1) return [];
    return [{ promise: 'D3', what: many === 0 ? 'attempt_without_decision' : 'decided_twice', callId: id }];
  });
};

const isOver = (lines: unknown): boolean => !Array.isArray(lines) || !(Number(lines[0]) <= Number(lines[1]));

// What the row itself shows.
const byFacts = ({ attempt: { id: callId }, decision: { facts, reason } }: Dial): Broken[] => {
  const broken = (what: string): Broken[] => [{ promise: 'D3', what, callId, detail: facts }];
  const ofCampaign = reason !== 'make_call';
  return [
    ...(facts.blacklisted === false ? [] : broken('facts_blacklisted')),
    ...(isOver(facts.account_lines) ? broken('facts_account_lines') : []),
    ...(ofCampaign && facts.campaign !== 'in-progress' ? broken('facts_not_running') : []),
    ...(ofCampaign && !(Number(facts.attempt) <= Number(facts.of)) ? broken('facts_attempts') : []),
    ...(ofCampaign && isOver(facts.campaign_lines) ? broken('facts_campaign_lines') : []),
  ];
};

// What it was by the hours, the log of changes and the acts.
const byHistory = ({ terms = [], acts = [], toleranceMs = 0 }: Evidence, campaigns: Timeline, { attempt, decision }: Dial): Broken[] => {
  const { id: callId, sent_at, campaign_id } = attempt;
  const instants = [decision.decided_at, ...(sent_at === null ? [] : [sent_at])];
  const broken = (what: string): Broken => ({ promise: 'D3', what, callId, detail: instants });
  const window = terms.find(({ campaignId }) => campaignId === campaign_id)?.window;
  const isNear = (at: Date): boolean =>
    [-toleranceMs, toleranceMs].some((by) => window === undefined || wasOpen(window, new Date(at.getTime() + by)));
  const wasRunning = (at: Date): boolean => {
    const statuses = campaign_id === null ? [] : campaigns.at(campaign_id, at);
    return statuses.length === 0 || statuses.includes('in-progress');
  };
  const blocked = acts.some(
    (act) =>
      act.kind === 'block' &&
      act.number === attempt.phone_number &&
      act.answered !== null &&
      decision.decided_at.getTime() > act.answered.getTime() + toleranceMs,
  );
  return [
    ...(instants.every(isNear) ? [] : [broken('outside_window')]),
    ...(instants.every(wasRunning) ? [] : [broken('campaign_not_running')]),
    ...(blocked ? [broken('decided_blacklisted')] : []),
  ];
};

// Lines, counted anew: never more than the caps, and as many as the row says.
const byLines = (evidence: Evidence, dials: readonly Dial[]): Broken[] => {
  const { rows, terms = [], toleranceMs = 0 } = evidence;
  const decisions = new Map(dials.map(({ attempt, decision }) => [attempt.id, decision]));
  return countLines(rows, endsOf(rows), evidence).flatMap(({ attempt, campaign, account }): Broken[] => {
    const facts = decisions.get(attempt.id)?.facts ?? {};
    const term = terms.find(({ campaignId }) => campaignId === attempt.campaign_id);
    const broken: Broken[] = [];
    const judge = (what: string, [least, most]: readonly [number, number], fact: unknown, given: number | undefined): void => {
      const [said, limit] = Array.isArray(fact) ? fact.map(Number) : [undefined, undefined];
      const cap = given ?? limit;
      const about = { callId: attempt.id, detail: { least, most, said, cap } };
      if (cap !== undefined && least > cap) broken.push({ promise: 'D3', what: `over_${what}_cap`, ...about });
      if (toleranceMs === 0 && said !== undefined && (said < least || said > most))
        broken.push({ promise: 'D4', what: `${what}_slots_differ`, ...about });
    };
    if (attempt.campaign_id !== null) judge('campaign', campaign, facts.campaign_lines, term?.cap);
    judge('account', account, facts.account_lines, term?.accountCap);
    return broken;
  });
};

// Never more tries than allowed since a person last put the contact back to created.
const byTries = ({ terms = [] }: Evidence, leads: Timeline, dials: readonly Dial[]): Broken[] => {
  const sent = dials.filter(({ attempt }) => attempt.sent_at !== null && attempt.outcome !== 'rejected' && attempt.lead_id !== null);
  const byLead = Map.groupBy(sent, ({ attempt }) => attempt.lead_id);
  return [...byLead].flatMap(([leadId, all]): Broken[] => {
    const resets = leads.arrivals(leadId ?? 0, 'created');
    return all.flatMap(({ attempt, decision }): Broken[] => {
      const at = attempt.created_at.getTime();
      const reset = Math.max(Number.NEGATIVE_INFINITY, ...resets.filter((one) => one <= at));
      const tries = all.filter(({ attempt: other }) => other.id <= attempt.id && (other.sent_at?.getTime() ?? 0) > reset).length;
      const most = terms.find(({ campaignId }) => campaignId === attempt.campaign_id)?.maxRetries ?? Number(decision.facts.of);
      return tries > most
        ? [{ promise: 'D3', what: 'too_many_tries', callId: attempt.id, leadId: leadId ?? 0, detail: { tries, most } }]
        : [];
    });
  });
};

const orderOf = (members: readonly Person[]): Person[] =>
  [...members].sort(
    (a, b) => (a.primary_id === null ? 0 : (a.position ?? 0)) - (b.primary_id === null ? 0 : (b.position ?? 0)) || a.id - b.id,
  );

// A contact only after all before it are through, nobody was reached and the lead itself has not opted out; and of one
// family never two phones at a time.
const byFamily = (evidence: Evidence, leads: Timeline, dials: readonly Dial[]): Broken[] => {
  const { rows, toleranceMs = 0 } = evidence;
  const families = Map.groupBy(rows.leads, ({ id, primary_id }) => primary_id ?? id);
  const familyOf = new Map(
    [...families.values()].flatMap((members) => members.map(({ id }): [number, Person[]] => [id, orderOf(members)])),
  );
  const ends = endsOf(rows);
  const byLead = Map.groupBy(dials, ({ attempt }) => attempt.lead_id ?? 0);
  return dials.flatMap(({ attempt, decision }): Broken[] => {
    const family = familyOf.get(attempt.lead_id ?? 0) ?? [];
    const place = family.findIndex(({ id }) => id === attempt.lead_id);
    const at = decision.decided_at;
    const about = { callId: attempt.id, leadId: attempt.lead_id ?? 0 };
    const may = (id: number, ...allowed: string[]): boolean => leads.at(id, at).some((status) => allowed.includes(status));
    const before = family.slice(0, Math.max(place, 0));
    const through = before.every(({ id, primary_id }) =>
      primary_id === null ? may(id, 'reached-max-retries') : may(id, 'reached-max-retries', 'blacklisted'),
    );
    const reached = place > 0 && family.some(({ id }) => leads.at(id, at).every((status) => status === 'completed'));
    const others = family.filter(({ id }) => id !== attempt.lead_id).flatMap(({ id }) => byLead.get(id) ?? []);
    const overlapping = others.filter(
      ({ attempt: other }) =>
        other.created_at <= attempt.created_at &&
        other.id < attempt.id &&
        other.outcome !== 'expired' &&
        (ends.get(other.id)?.freed ?? 0) > at.getTime() + toleranceMs,
    );
    return [
      ...(through ? [] : [{ promise: 'D3' as const, what: 'out_of_order', ...about }]),
      ...(reached ? [{ promise: 'D3' as const, what: 'dialed_after_success', ...about }] : []),
      ...overlapping.map((other) => ({ promise: 'D3' as const, what: 'two_phones_at_once', ...about, detail: other.attempt.id })),
    ];
  });
};

/** Dials that should not have been. */
export const dialsForbidden = (evidence: Evidence): Broken[] => {
  const { rows, toleranceMs = 0 } = evidence;
  const leads = timelineOf(rows, 'lead', new Map(rows.leads.map(({ id, status }) => [id, status])), toleranceMs);
  const campaigns = timelineOf(rows, 'campaign', new Map(rows.campaigns.map(({ id, status }) => [id, status])), toleranceMs);
  const dials = dialsOf(evidence);
  return [
    ...undecided(evidence, dials),
    ...dials.flatMap(byFacts),
    ...dials.flatMap((dial) => byHistory(evidence, campaigns, dial)),
    ...byLines(evidence, dials),
    ...byTries(evidence, leads, dials),
    ...byFamily(evidence, leads, dials),
  ];
};
