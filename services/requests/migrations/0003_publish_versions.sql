-- Versions of services are published by events: their drafts, and from which day each is what people get.
create table publications (
    like aggregates including all,
    status text generated always as (state ->> 'status') stored
) with (fillfactor = 85);

alter table service_versions add column effective_from date not null default '-infinity';

-- What each version is bound to, by the kind of life event; a version that is bound to nothing says so. The table that the
-- last release reads, life_event_bindings, stays until no process of that release runs any more.
create table bound_versions (
    key            text  primary key,
    kind           text  not null,
    service_id     text  not null,
    version        int   not null,
    effective_from date  not null,
    bindings       jsonb not null
);
create index bound_versions_by_kind on bound_versions (kind);
