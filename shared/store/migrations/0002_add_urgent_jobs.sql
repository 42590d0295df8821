-- Jobs for which a person waits at this moment, such as a one-time code, have a lane of their own: however many others
-- are due, they are found by their own index.
alter table jobs add column urgent boolean not null default false;
create index jobs_urgent on jobs (run_at, seq) where state = 'live' and urgent;
