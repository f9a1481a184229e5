// The statements of the dial path by name, so that a crash can be had around each of them; and what a crash point is.

// In the order in which they are tried.
const NAMES: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['claim', /^with r as materialized .* insert into calls /],
  ['claim: retire', /^update leads set status = r\.status, due_at = null/],
  ['claim: put off', /^update leads set due_at = \$/],
  ['adopt', /^with free as /],
  ['send', /^with held as materialized .* set state = 'sending', sent_at/],
  ['accepted', /set carrier_call_id = r\./],
  ['accepted: carrier works', /^with kinds as .* insert into carrier_accepts/],
  ['rejected', /set state = 'ended', outcome = 'rejected'/],
  ['rejected: leads', /^update leads set call_tries = greatest/],
  ['beat', /^insert into dialers/],
  ['beat: sweep', /^delete from dialers where beat_at/],
  ['leave', /^delete from dialers where worker/],
  ['take over', /^with taken as /],
  ['gone', /^with held as materialized .* set gone_at = /],
  ['rejected: pause', /^insert into "carrier_pauses"/],
  ['lapse: sending', /and state = 'sending' order by lease_until .* update calls set state = /],
  ['unconfirmed', /and state = 'sending' order by .* set state = 'unknown'/],
  ['lapse: reserved', /^with back as /],
  ['questions', /^with asked as /],
  ['record', /^insert into carrier_events/],
  ['settle', /^update calls set state = r\.state/],
  ['settle: lead', /^with moved as /],
  ['settle: turn', /^update leads set due_at = r\.due_at/],
  ['settle: webhook', /^insert into webhook_messages/],
  ['complete', /^update campaigns set status = 'completed'/],
  ['decision', /^insert into "?decisions"? /],
  ['decision again', /^update "decisions"/],
  ['sweep of keys', /^delete from idempotency_keys where \(account_id, key\) in /],
  ['new connection', /^(create table if not exists schema_migrations|update "imports")/],
];

// A read may begin with `with`, too, and lock rows for update.
const WRITES = /^(insert|update|delete|create|alter)\b|^with\b.*\b(insert into|delete from|update "?\w+"?( \w+)? set)\b/;

/** Names statements as they pass. One for each process. */
export const createNamer = () => {
  // What the transaction of a connection has written last: that is what its commit commits.
  const written = new Map<number, string>();
  const strangers = new Set<string>();
  const nameOf = (message: string, connection: number): string | undefined => {
    const text = message.replace(/\s+/g, ' ').trim();
    if (text === 'begin') {
      written.delete(connection);
      return undefined;
    }
    const before = written.get(connection);
    if (text === 'commit') return before === undefined ? undefined : `${before.split(':')[0]}: commit`;
    const found = NAMES.find(([, pattern]) => pattern.test(text))?.[0];
    if (found === undefined) {
      if (WRITES.test(text)) strangers.add(text.slice(0, 200));
      return undefined;
    }
    // A settle belongs to a report, or to giving up.
    const name = found.startsWith('settle') ? found.replace('settle', before?.startsWith('record') ? 'record' : 'give up') : found;
    const whole = name === 'give up' || name === 'record' ? `${name}: call` : name;
    const named = found === 'record' ? 'record: events' : whole;
    const decided = named === 'decision' && before !== undefined ? `${before.split(':')[0]}: decision` : named;
    written.set(connection, decided);
    return decided;
  };
  return { nameOf, strangers: (): string[] => [...strangers] };
};

/** Where a process is killed: before a message has left, or when it has been answered and the answer is not there yet. */
export interface CrashPoint {
  /** A statement's name, or a request to the carrier. */
  at: string;
  when: 'before' | 'answered';
  /** The how-manieth of its kind in the life of the process. */
  nth: number;
}

/** A point in words. */
export const describePoint = ({ at, when, nth }: CrashPoint): string => `${at}, ${when}${nth === 1 ? '' : ` (${nth})`}`;
