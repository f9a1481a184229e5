-- Lists of a million leads: exact counts that are kept and not counted, the places of pages, and indexes for what lists ask.
-- The reasons and what was refused: docs/adr/0008-kept-counts.md.

-- Primaries are counted in cells: campaign, status, day (UTC) of creation, and block, which is 2048 ids side by side. Cells
-- say how many match and, summed from either end, in which block a page begins.
create function lead_day(created_at timestamptz) returns date language sql immutable parallel safe
  return (created_at at time zone 'UTC')::date;
create function lead_block(id bigint) returns integer language sql immutable parallel safe
  return (id >> 11)::integer;

-- What has happened since the counts were last brought up to date. Whoever changes leads only adds rows here, so nobody waits
-- for anybody's count; whoever reads adds these to the counts.
create table lead_count_changes (
  id bigint generated always as identity,
  account_id bigint not null,
  campaign_id bigint not null,
  status text not null,
  day date not null,
  block integer not null,
  n bigint not null
);
create index lead_count_changes_of_account on lead_count_changes (account_id);

-- The counts, a column for each status and `n` for all. Campaign 0 is the whole account, deleted campaigns that wait for their purge
-- included: readers take those off.
create table lead_totals (
  account_id bigint not null,
  campaign_id bigint not null,
  "created" integer not null,
  "scheduled" integer not null,
  "processing" integer not null,
  "completed" integer not null,
  "rescheduled" integer not null,
  "reached-max-retries" integer not null,
  "blacklisted" integer not null,
  n integer not null generated always as ("created" + "scheduled" + "processing" + "completed" + "rescheduled" + "reached-max-retries" + "blacklisted") stored,
  primary key (account_id, campaign_id)
) with (fillfactor = 50);
create table lead_cells (
  account_id bigint not null,
  campaign_id bigint not null,
  block integer not null,
  day date not null,
  "created" integer not null,
  "scheduled" integer not null,
  "processing" integer not null,
  "completed" integer not null,
  "rescheduled" integer not null,
  "reached-max-retries" integer not null,
  "blacklisted" integer not null,
  n integer not null generated always as ("created" + "scheduled" + "processing" + "completed" + "rescheduled" + "reached-max-retries" + "blacklisted") stored,
  primary key (account_id, campaign_id, block, day)
) with (fillfactor = 70);
-- No count is in an index, so that counting on changes none.
create index lead_cells_by_day on lead_cells (account_id, campaign_id, day);

-- Brings the counts up to date with what is committed, and with the caller's own changes. One at a time; a second caller leaves it
-- to the first.
create function fold_lead_counts() returns void language plpgsql as $$
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
    ), totals as (
      insert into lead_totals as kept (account_id, campaign_id, "created", "scheduled", "processing", "completed", "rescheduled", "reached-max-retries", "blacklisted")
      select account_id, scope, sum("created"), sum("scheduled"), sum("processing"), sum("completed"), sum("rescheduled"), sum("reached-max-retries"), sum("blacklisted")
      from changed group by account_id, scope
      on conflict (account_id, campaign_id) do update set "created" = kept."created" + excluded."created", "scheduled" = kept."scheduled" + excluded."scheduled", "processing" = kept."processing" + excluded."processing", "completed" = kept."completed" + excluded."completed", "rescheduled" = kept."rescheduled" + excluded."rescheduled", "reached-max-retries" = kept."reached-max-retries" + excluded."reached-max-retries", "blacklisted" = kept."blacklisted" + excluded."blacklisted"
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

-- By the database itself, as the log of changes is, so that no writer can forget it. Every so many rows somebody folds.
create function count_leads() returns trigger language plpgsql as $$
declare
  fold boolean;
begin
  if tg_op = 'INSERT' then
    with added as (
      insert into lead_count_changes (account_id, campaign_id, status, day, block, n)
      select account_id, campaign_id, status, lead_day(created_at), lead_block(id), count(*)
      from after where primary_id is null group by 1, 2, 3, 4, 5
      returning id
    ) select bool_or(id % 64 = 0) into fold from added;
  elsif tg_op = 'DELETE' then
    with added as (
      insert into lead_count_changes (account_id, campaign_id, status, day, block, n)
      select account_id, campaign_id, status, lead_day(created_at), lead_block(id), -count(*)
      from before where primary_id is null group by 1, 2, 3, 4, 5
      returning id
    ) select bool_or(id % 64 = 0) into fold from added;
  else
    with added as (
      insert into lead_count_changes (account_id, campaign_id, status, day, block, n)
      select account_id, campaign_id, status, lead_day(created_at), lead_block(id), sum(n)
      from (
        select account_id, campaign_id, status, created_at, id, 1 as n from after where primary_id is null
        union all
        select account_id, campaign_id, status, created_at, id, -1 from before where primary_id is null
      ) moves
      group by 1, 2, 3, 4, 5 having sum(n) <> 0
      returning id
    ) select bool_or(id % 64 = 0) into fold from added;
  end if;
  if fold then perform fold_lead_counts(); end if;
  return null;
end $$;
create trigger count_added_leads after insert on leads
  referencing new table as after for each statement execute function count_leads();
create trigger count_removed_leads after delete on leads
  referencing old table as before for each statement execute function count_leads();
create trigger count_changed_leads after update on leads
  referencing old table as before new table as after for each statement execute function count_leads();

insert into lead_count_changes (account_id, campaign_id, status, day, block, n)
select account_id, campaign_id, status, lead_day(created_at), lead_block(id), count(*)
from leads where primary_id is null group by 1, 2, 3, 4, 5;
select fold_lead_counts();

-- Counting is done with.
drop index leads_count;
drop index leads_count_by_status;
drop index leads_by_day;

-- A page of the list in its order, one index for each leading filter. They carry what else may be asked, so that what a page
-- passes over, and what has to be counted after all, is read from the index alone. That a status or campaign is there always
-- holds; said here, it keeps the planner from the index for a query that names none, which it could only walk and then sort.
drop index leads_list;
drop index leads_list_by_campaign;
drop index leads_list_by_status;
create index leads_list on leads (account_id, id) include (campaign_id, status, created_at, phone_number) where primary_id is null;
create index leads_list_by_campaign on leads (account_id, campaign_id, id) include (status, created_at)
  where primary_id is null and campaign_id is not null;
create index leads_list_by_status on leads (account_id, status, id) include (campaign_id, created_at)
  where primary_id is null and status is not null;
-- The other orders of the list, and what has changed since an instant.
create index leads_by_creation on leads (account_id, created_at, id) where primary_id is null;
create index leads_by_update on leads (account_id, updated_at, id) where primary_id is null;

-- A part of a phone number is found by windows of five digits, counted from the right, each with its account. A part of four
-- digits stands at the beginning of a window, or at the end of the number; a longer one is several windows.
create function phone_windows(account_id bigint, phone_number text) returns bigint[] language sql immutable parallel safe
  return array_remove(array[
    account_id * 100000 + phone_number::bigint % 100000,
    account_id * 100000 + phone_number::bigint / 10 % 100000,
    account_id * 100000 + phone_number::bigint / 100 % 100000,
    case when phone_number::bigint >= 10000000 then account_id * 100000 + phone_number::bigint / 1000 % 100000 end,
    case when phone_number::bigint >= 100000000 then account_id * 100000 + phone_number::bigint / 10000 % 100000 end,
    case when phone_number::bigint >= 1000000000 then account_id * 100000 + phone_number::bigint / 100000 % 100000 end,
    case when phone_number::bigint >= 10000000000 then account_id * 100000 + phone_number::bigint / 1000000 % 100000 end,
    case when phone_number::bigint >= 100000000000 then account_id * 100000 + phone_number::bigint / 10000000 % 100000 end,
    case when phone_number::bigint >= 1000000000000 then account_id * 100000 + phone_number::bigint / 100000000 % 100000 end,
    case when phone_number::bigint >= 10000000000000 then account_id * 100000 + phone_number::bigint / 1000000000 % 100000 end,
    case when phone_number::bigint >= 100000000000000 then account_id * 100000 + phone_number::bigint / 10000000000 % 100000 end
  ], null);
create index leads_phone_windows on leads using gin (phone_windows(account_id, phone_number)) where primary_id is null;

-- Variables by their values, each with its account: one nested object for each row.
create function scoped_variables(account_id bigint, variables json) returns jsonb
language plpgsql immutable parallel safe as $$
begin
  return jsonb_build_object(account_id::text, variables::jsonb);
end $$;
create index leads_variables on leads using gin (scoped_variables(account_id, variables) jsonb_path_ops) where primary_id is null;

-- The words of variables. Beyond a bound PostgreSQL would refuse the row for their sake, so a huge document is cut.
create function lead_words(variables json) returns tsvector language sql immutable parallel safe
  return case
    when octet_length(variables::text) <= 250000 then json_to_tsvector('simple', variables, '["string", "numeric"]')
    else to_tsvector('simple', left(variables::text, 60000))
  end;
create index leads_words on leads using gin (lead_words(variables)) where primary_id is null;
