-- Events that a restored log did not know, with what caused them, and whether they are in the log now.
insert into recovered_events (id, causation_id, is_in_log) select * from unnest($1::uuid[], $2::uuid[], $3::boolean[])
on conflict (id) do nothing
