-- A refused lead stops nobody, calls whose dialer died end soon, and a call of make_call never comes to nothing unseen.

-- Until when the carrier itself asked to be left alone; null: the pause is our own back-off, which an accepted call ends.
alter table carrier_pauses add column asked_until timestamptz;

-- When a carrier last accepted a call: a refusal speaks against its lead only when others were accepted meanwhile.
create table carrier_accepts (
  carrier text primary key,
  accepted_at timestamptz not null
);

-- Of an attempt that its carrier refused: how often in a row the contact has been refused, this time included. `refusals` counts
-- those that speak against the contact, `refused_in_all` every one. Null: it was not refused by the carrier.
alter table calls add column refusals integer;
alter table calls add column refused_in_all integer;
-- When the carrier first said that it does not know of this accepted call any more.
alter table calls add column gone_at timestamptz;

-- Whether the carrier's record of calls lives and dies with the dialer's process, so that nobody else may ask about its calls.
alter table dialers add column own_record boolean not null default false;

-- A call of make_call (without an attempt number) that has ended is on the list, sent or not. The words of the conditions are those of
-- the queries.
drop index calls_list;
create index calls_list on calls (account_id, id desc) include (status, assistant_id, campaign_id, created_at, phone_number)
  where (sent_at is not null or (attempt_no is null and state = 'ended')) and deleted_at is null;
drop index calls_count;
create index calls_count on calls (account_id, campaign_id, assistant_id, status)
  where (sent_at is not null or (attempt_no is null and state = 'ended')) and deleted_at is null;
-- What waits for a dialer: whoever keeps house looks here.
create index calls_unsent on calls (lease_until) where state = 'reserved' and attempt_no is null;
