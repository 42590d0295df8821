-- The jobs of one aggregate come off the index in their order, so that no plan reads all that are due for them.
drop index jobs_by_key;
create index jobs_by_key on jobs (key, run_at, seq) where state = 'live';
