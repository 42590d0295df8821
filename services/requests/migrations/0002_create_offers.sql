-- Offers, and what they follow from; who acts for whom; requests and tasks for and of other people than the applicant.
-- `wanted_id`: who should have an offer by now, whether it stands or not.
create table offers (
    like aggregates including all,
    recipient_id   uuid generated always as ((state ->> 'recipient_id')::uuid) stored,
    wanted_id      uuid generated always as ((state ->> 'wanted_id')::uuid) stored,
    beneficiary_id uuid generated always as ((state ->> 'beneficiary_id')::uuid) stored,
    status         text generated always as (state ->> 'status') stored
) with (fillfactor = 85);
create index offers_by_recipient on offers (recipient_id, id);
create index offers_by_wanted on offers (wanted_id, id);
create index offers_by_beneficiary on offers (beneficiary_id, id);

-- The bindings of the newest versions, by the kind of life event: [{"service_id", "version", "binding"}, …].
create table life_event_bindings (
    kind     text  primary key,
    bindings jsonb not null
);

-- Who may act for whom, as identity tells it.
create table relations (
    id       uuid    primary key,
    kind     text    not null,
    holder_id uuid   not null,
    for_id   uuid    not null,
    scopes   jsonb   not null,
    until    date,
    in_force boolean not null
);
create index relations_by_parties on relations (holder_id, for_id);

alter table persons
    add column is_named boolean not null default true,
    add column has_civil_id boolean not null default true,
    add column birth_is_registered boolean not null default false;

-- People who were erased stay as ids, so that nobody waits for them to become known.
create table forgotten_persons (
    person_id uuid primary key
);

-- `facts_of`: about whom a running request waits for facts.
alter table requests
    add column beneficiary_id uuid generated always as ((state ->> 'beneficiary_id')::uuid) stored,
    add column facts_of uuid generated always as ((state ->> 'facts_of')::uuid) stored;
create index requests_by_beneficiary on requests (beneficiary_id, id desc);
create index requests_waiting_for_facts on requests (facts_of, id) where facts_of is not null;

alter table tasks add column person_id uuid generated always as ((state ->> 'person_id')::uuid) stored;
create index tasks_open_by_person on tasks (person_id, request_id, id) where status = 'open' and person_id is not null;
