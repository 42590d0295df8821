-- Persons: the state, sealed where it is personal. The keyed hash of the civil ID finds a person and keeps it unique.
create table persons (
    like aggregates including all,
    civil_id_hash text generated always as (state ->> 'civil_id_hash') stored
) with (fillfactor = 85);
create unique index persons_by_civil_id on persons (civil_id_hash);

-- What registries have told of people's lives.
create table life_events (
    like aggregates including all
);

create table signing_keys (
    like aggregates including all
);
