-- Webhooks are claimed straight from webhook_messages: the tables of the job queue (0003) are not needed any more.

-- The due messages of each account and host, in their order. A claim steps from group to group on it.
create index webhook_messages_due on webhook_messages (account_id, host, next_attempt_at) where state = 'pending';
-- Those that a worker holds: as many as there are places.
create index webhook_messages_held on webhook_messages (account_id, host) where state = 'pending' and lease_until is not null;
-- A lease of the former workers may last longer than one of today's; nobody of them is left.
update webhook_messages set lease_until = null where state = 'pending' and lease_until is not null;

-- Where the schema was given to us by somebody else we may only empty it.
do $$
declare
  thing record;
begin
  drop schema pgboss cascade;
exception when insufficient_privilege then
  for thing in select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = 'pgboss' loop
    execute 'drop table if exists ' || thing.name || ' cascade';
  end loop;
  for thing in select p.oid::regprocedure::text as name from pg_proc p where p.pronamespace = 'pgboss'::regnamespace loop
    execute 'drop routine if exists ' || thing.name || ' cascade';
  end loop;
  drop type if exists pgboss.job_state cascade;
end $$;
