-- Requests, tasks and documents; the catalogue's versions; persons as identity publishes them; verification codes.
create table requests (
    like aggregates including all,
    applicant_id uuid generated always as ((state ->> 'applicant_id')::uuid) stored,
    status text generated always as (state ->> 'status') stored
) with (fillfactor = 85);
create index requests_by_applicant on requests (applicant_id, id desc);

create table tasks (
    like aggregates including all,
    request_id uuid generated always as ((state ->> 'request_id')::uuid) stored,
    agency text generated always as (state ->> 'agency') stored,
    status text generated always as (state ->> 'status') stored
) with (fillfactor = 85);
create index tasks_open_by_agency on tasks (agency, request_id, id) where status = 'open';
create index tasks_by_request on tasks (request_id, id);

create table documents (
    like aggregates including all
);

create table service_versions (
    key        text  primary key,
    service_id text  not null,
    version    int   not null,
    definition jsonb not null,
    unique (service_id, version)
);

create table persons (
    person_id  uuid  primary key,
    name       jsonb not null,
    birth_date date  not null,
    residence  text  not null,
    facts      jsonb not null,
    died_on    date
);

create table verification_codes (
    code        text primary key,
    document_id uuid not null,
    holder_id   uuid not null
);
create index verification_codes_by_holder on verification_codes (holder_id);
