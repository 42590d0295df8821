-- Indexes whose making beside the work was broken off: they are there, and nothing is found by them.
select i.indexrelid::regclass::text as name from pg_index i where not i.indisvalid
