-- An import is a job: its file waits in a folder of the server that received it, and whoever goes on with it knows all it needs from here.

alter table imports
  -- The name of the file in that folder; null: there is nothing to go on with.
  add column spool text,
  -- How its rows are read: encoding, header, columns, country. Fixed when it began, so that going on reads the same.
  add column course json,
  -- Who runs it; a batch is only taken from that one.
  add column runner uuid,
  add column dry_run boolean not null default false,
  add column bytes_total bigint not null default 0,
  add column bytes_read bigint not null default 0,
  add column rows_per_second real;

create index imports_running on imports (id) where status = 'running';

-- The rows that were not added, as they stood in the file: what is corrected and imported again.
create table import_rejects (
  import_id bigint not null references imports (id) on delete cascade,
  line integer not null,
  cells json not null,
  error text not null,
  primary key (import_id, line)
);
