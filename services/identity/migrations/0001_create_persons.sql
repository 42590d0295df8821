-- Persons: the state, sealed where it is personal. The keyed hash of the civil ID finds a person and keeps it unique.
create table persons (
    id             uuid        primary key,
    version        bigint      not null,
    shape          int         not null,
    state          jsonb       not null,
    sealed         jsonb,
    correlation_id uuid        not null,
    updated_at     timestamptz not null,
    civil_id_hash  text        generated always as (state ->> 'civil_id_hash') stored
) with (fillfactor = 85);
create unique index persons_by_civil_id on persons (civil_id_hash);

create table signing_keys (
    id             uuid        primary key,
    version        bigint      not null,
    shape          int         not null,
    state          jsonb       not null,
    sealed         jsonb,
    correlation_id uuid        not null,
    updated_at     timestamptz not null
);
