-- Totals by span: 64 blocks, which is 131,072 ids side by side. The place of a page deep in a long list is sought among the few spans,
-- and then among the blocks of one of them, so that it costs the same however long the list is.
create table lead_spans (
  account_id bigint not null,
  campaign_id bigint not null,
  span integer not null,
  "created" integer not null,
  "scheduled" integer not null,
  "processing" integer not null,
  "completed" integer not null,
  "rescheduled" integer not null,
  "reached-max-retries" integer not null,
  "blacklisted" integer not null,
  n integer not null generated always as ("created" + "scheduled" + "processing" + "completed" + "rescheduled" + "reached-max-retries" + "blacklisted") stored,
  primary key (account_id, campaign_id, span)
) with (fillfactor = 50);

-- Made of the cells, while the lock of the fold keeps everybody from changing those.
select pg_advisory_xact_lock(7246005);
insert into lead_spans (account_id, campaign_id, span, "created", "scheduled", "processing", "completed", "rescheduled", "reached-max-retries", "blacklisted")
select account_id, campaign_id, block >> 6, sum("created"), sum("scheduled"), sum("processing"), sum("completed"), sum("rescheduled"), sum("reached-max-retries"), sum("blacklisted")
from lead_cells group by 1, 2, 3;
drop table lead_totals;

-- As before (0005), with spans in the place of totals.
create or replace function fold_lead_counts() returns void language plpgsql as $$
declare
  empty record;
begin
  if not pg_try_advisory_xact_lock(7246005) then return; end if;
  for empty in
    with moved as (
      delete from lead_count_changes returning account_id, campaign_id, status, day, block, n
    ), changed as (
      select account_id, scope, block, day,
        coalesce(sum(n) filter (where status = 'created'), 0) as "created",
        coalesce(sum(n) filter (where status = 'scheduled'), 0) as "scheduled",
        coalesce(sum(n) filter (where status = 'processing'), 0) as "processing",
        coalesce(sum(n) filter (where status = 'completed'), 0) as "completed",
        coalesce(sum(n) filter (where status = 'rescheduled'), 0) as "rescheduled",
        coalesce(sum(n) filter (where status = 'reached-max-retries'), 0) as "reached-max-retries",
        coalesce(sum(n) filter (where status = 'blacklisted'), 0) as "blacklisted"
      from moved cross join lateral (values (0::bigint), (campaign_id)) as scopes (scope)
      group by account_id, scope, block, day
    ), spans as (
      insert into lead_spans as kept (account_id, campaign_id, span, "created", "scheduled", "processing", "completed", "rescheduled", "reached-max-retries", "blacklisted")
      select account_id, scope, block >> 6, sum("created"), sum("scheduled"), sum("processing"), sum("completed"), sum("rescheduled"), sum("reached-max-retries"), sum("blacklisted")
      from changed group by 1, 2, 3
      on conflict (account_id, campaign_id, span) do update set "created" = kept."created" + excluded."created", "scheduled" = kept."scheduled" + excluded."scheduled", "processing" = kept."processing" + excluded."processing", "completed" = kept."completed" + excluded."completed", "rescheduled" = kept."rescheduled" + excluded."rescheduled", "reached-max-retries" = kept."reached-max-retries" + excluded."reached-max-retries", "blacklisted" = kept."blacklisted" + excluded."blacklisted"
    ), cells as (
      insert into lead_cells as kept (account_id, campaign_id, block, day, "created", "scheduled", "processing", "completed", "rescheduled", "reached-max-retries", "blacklisted")
      select account_id, scope, block, day, "created", "scheduled", "processing", "completed", "rescheduled", "reached-max-retries", "blacklisted" from changed
      on conflict (account_id, campaign_id, block, day) do update set "created" = kept."created" + excluded."created", "scheduled" = kept."scheduled" + excluded."scheduled", "processing" = kept."processing" + excluded."processing", "completed" = kept."completed" + excluded."completed", "rescheduled" = kept."rescheduled" + excluded."rescheduled", "reached-max-retries" = kept."reached-max-retries" + excluded."reached-max-retries", "blacklisted" = kept."blacklisted" + excluded."blacklisted"
      returning account_id, campaign_id, block, day, n
    )
    select * from cells where n = 0
  loop
    delete from lead_cells
    where account_id = empty.account_id and campaign_id = empty.campaign_id and block = empty.block and day = empty.day and n = 0;
  end loop;
end $$;
