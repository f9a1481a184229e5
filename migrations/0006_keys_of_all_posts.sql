-- Idempotency-Key on every POST. make_call still writes its key with its effect; any other request commits its key before it
-- begins, as `running`, and its answer afterwards. One table, so that a key names one request of an account.

alter table idempotency_keys
  add column state text not null default 'finished' check (state in ('running', 'finished', 'unknown')),
  -- Those of the answer that are given again, by lower-case name.
  add column headers json not null default '{}',
  alter column simulated set default false,
  -- None while it runs, nor where nobody knows how it ended; no response where it was too large to be kept.
  alter column status drop not null,
  alter column response drop not null,
  add check ((state = 'finished') = (status is not null)),
  add check (state = 'finished' or response is null);

-- Expired ones go with anybody's next key: an account that sends no more must not keep its answers for good.
drop index idempotency_keys_by_age;
create index idempotency_keys_by_age on idempotency_keys (created_at);
