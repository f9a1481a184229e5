-- How long an account's data is kept, and what finds the rows whose time is over, or that are about one phone number.

-- Months. Carriers' reports and delivered webhooks go earlier, after 30 days.
alter table accounts add column retention_months smallint not null default 24 check (retention_months between 1 and 24);

-- The sweep walks each table from its oldest rows on and reads no younger ones. A call's own clock column created_at leads: ended_at
-- may be what a carrier says.
create index calls_by_age on calls (account_id, created_at, id) where state = 'ended';
create index decisions_by_age on decisions (account_id, decided_at, id);
-- In the place of one by id, which nothing asked for.
drop index changes_of_account;
create index changes_by_age on changes (account_id, at, id);
-- Only leads that are done with: a campaign may have millions that wait, however old they are.
create index leads_by_age on leads (account_id, updated_at, id)
  where primary_id is null and status in ('completed', 'reached-max-retries', 'blacklisted');
create index webhook_messages_by_age on webhook_messages (account_id, state, updated_at, id) where state <> 'pending';
create index imports_by_age on imports (account_id, finished_at, id) where finished_at is not null;

-- All that is about one number, to erase it. A call on a lead shares the lead's id with its changes; of the others there are few.
create index calls_of_number on calls (account_id, phone_number);
create index changes_of_call on changes (call_id) where lead_id is null and call_id is not null;
create index decisions_of_number on decisions (account_id, (facts ->> 'phone_number')) where lead_id is null and campaign_id is null;
