-- Versions of services are published by events: their drafts, and from which day each is what people get.
create table publications (
    like aggregates including all,
    status text generated always as (state ->> 'status') stored
) with (fillfactor = 85);

alter table service_versions add column effective_from date not null default '-infinity';

-- What each version is bound to, by the kind of life event; a version that is bound to nothing says so.
drop table life_event_bindings;
create table life_event_bindings (
    key            text  primary key,
    kind           text  not null,
    service_id     text  not null,
    version        int   not null,
    effective_from date  not null,
    bindings       jsonb not null
);
create index life_event_bindings_by_kind on life_event_bindings (kind);
