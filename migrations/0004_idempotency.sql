-- Requests that must not be carried out twice, by the Idempotency-Key that their sender gave them.

-- A row is written with what the request has made, in one transaction: there is none for a request that is still running
-- (that is an advisory lock, which no crash leaves behind) nor for one that was refused.
create table idempotency_keys (
  account_id bigint not null references accounts (id) on delete cascade,
  key text not null check (length(key) between 1 and 255),
  fingerprint text not null,
  status integer not null,
  response text not null,
  simulated boolean not null,
  created_at timestamptz not null,
  primary key (account_id, key)
);
-- Finds those that have expired.
create index idempotency_keys_by_age on idempotency_keys (account_id, created_at);

-- The account's last decision on a call of make_call: the same refusal again only counts up.
create index decisions_of_make_call on decisions (account_id, id) where lead_id is null and campaign_id is null;
