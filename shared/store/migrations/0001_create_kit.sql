-- The tables that every service has, whatever it is about.

-- What has happened, for ever. The app role may only insert and select (see sql/grants.sql).
-- `data` is what is published; `sealed` holds the personal fields, each encrypted with its subject's key.
create table event_log (
    seq            bigint generated always as identity,
    id             uuid        not null,
    type           text        not null,
    schema_version int         not null,
    aggregate      text        not null,
    aggregate_id   uuid        not null,
    sequence       bigint      not null check (sequence > 0),
    data           jsonb       not null,
    sealed         jsonb,
    recorded_at    timestamptz not null,
    correlation_id uuid        not null,
    causation_id   uuid,
    actor          text        not null,
    on_behalf_of   text,
    traceparent    text,
    primary key (aggregate_id, sequence)
);
create unique index event_log_by_seq on event_log (seq);
create index event_log_by_correlation on event_log (correlation_id);

-- What every table of aggregates begins with: `create table permits (like aggregates including all, …)`. Stays empty.
-- `state` is in the open, `sealed` holds its personal fields; `version` counts the events that made it; a row of
-- another `shape` than the code's is folded again from the log.
create table aggregates (
    id             uuid        primary key,
    version        bigint      not null,
    shape          int         not null,
    state          jsonb       not null,
    sealed         jsonb,
    correlation_id uuid        not null,
    updated_at     timestamptz not null
);

-- What the relay has still to publish: an event of the log, or the newest state of an aggregate (a snapshot).
create table outbox (
    seq          bigint generated always as identity primary key,
    aggregate    text        not null,
    aggregate_id uuid        not null,
    sequence     bigint,
    created_at   timestamptz not null default clock_timestamp()
) with (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);

-- How far each aggregate of the other services has been followed: bounded, and it proves that nothing was missed.
create table inbox (
    topic    text   not null,
    key      uuid   not null,
    sequence bigint not null check (sequence > 0),
    primary key (topic, key)
);

-- Everything that is still to be done: own events to react to, timers, effects, walks over rows, and foreign events
-- that could not be processed when they came. Jobs with a lane are done one by one per (lane, key), by `place` (of a
-- foreign event: its sequence) and then by `seq`.
create table jobs (
    id           uuid        primary key,
    seq          bigint      generated always as identity,
    kind         text        not null check (kind in ('event', 'foreign_event', 'message', 'effect', 'walk')),
    name         text        not null,
    lane         text,
    key          uuid        not null,
    place        bigint      not null,
    payload      jsonb       not null,
    origin       jsonb       not null,
    target       text,
    state        text        not null default 'live' check (state in ('live', 'parked')),
    reason       text,
    error        text,
    attempts     int         not null default 0,
    first_due_at timestamptz not null,
    run_at       timestamptz not null,
    leased_by    uuid,
    leased_until timestamptz
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
create index jobs_due on jobs (run_at, seq) where state = 'live';
create index jobs_in_lane on jobs (lane, key, place, seq) where lane is not null;
create index jobs_by_key on jobs (key, run_at) where state = 'live';
create index jobs_parked on jobs (seq) where state = 'parked';

-- The answer that was given to a command, for whoever sends the same key again. Sealed with the caller's key.
create table idempotency_keys (
    id         uuid        primary key,
    body_hash  bytea       not null,
    status     int         not null,
    answer     text        not null,
    created_at timestamptz not null
);
create index idempotency_keys_by_age on idempotency_keys (created_at);

-- A data key a person, wrapped by the master key. A destroyed key stays as a row, so that none is made again.
create table subject_keys (
    subject_id   uuid        primary key,
    wrapped      bytea,
    created_at   timestamptz not null default clock_timestamp(),
    destroyed_at timestamptz,
    check ((wrapped is null) = (destroyed_at is not null))
);

-- Targets of effects that fail: while a circuit is open its jobs are not claimed, then one probe goes first.
create table circuits (
    target     text        primary key,
    failures   int         not null,
    open_until timestamptz
);

-- Public keys of access tokens, followed from the topic identity.keys.
create table access_keys (
    key_id uuid  primary key,
    jwk    jsonb not null
);
