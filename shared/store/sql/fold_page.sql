-- The log in the order of its aggregates, a page at a time, with no more of an event than folding it takes.
select aggregate, aggregate_id, sequence, type, schema_version, data, sealed
from event_log where (aggregate_id, sequence) > ($1::uuid, $2::bigint) order by aggregate_id, sequence limit $3
