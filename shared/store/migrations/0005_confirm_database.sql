-- A database that was restored, or failed over to, may know less than the service's topic holds. Its name says so: the
-- cluster, its timeline (a new one after each recovery) and the database in it. Until a worker has compared the log with
-- the topic and confirmed the name, nobody works on it (shared/messaging/standing.py).
create function database_name() returns text language sql stable as $$
    select format('%s/%s/%s', c.system_identifier, left(pg_walfile_name(pg_current_wal_lsn()), 8), d.oid)
    from pg_control_system() c, pg_database d where d.datname = current_database()
$$;

create table confirmed (
    one          int         primary key default 1 check (one = 1),
    name         text        not null,
    confirmed_at timestamptz not null default clock_timestamp()
);
insert into confirmed (name) select database_name();

-- Events of the topic that a restored log did not know: taken back into it, or left behind because they could not be.
-- What has caused one of them was decided already, and is not decided again (see ADR 24).
create table recovered_events (
    id           uuid        primary key,
    causation_id uuid,
    is_in_log    boolean     not null,
    recovered_at timestamptz not null default clock_timestamp()
);
create index recovered_events_by_cause on recovered_events (causation_id);
