-- The dialers at work. Each writes the database's time here after every finished round, so that the others can tell a dialer that
-- died from one that works, and whoever watches can tell that nobody claims.
create table dialers (
  -- The same name as in calls.worker.
  worker text primary key,
  -- The kind of carrier that it dials over.
  carrier text not null,
  started_at timestamptz not null default clock_timestamp(),
  -- When its last round ended.
  beat_at timestamptz not null default clock_timestamp()
);
