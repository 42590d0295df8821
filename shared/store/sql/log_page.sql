-- The log in the order of its aggregates, a page at a time: for folding it again.
select id, type, schema_version, aggregate, aggregate_id, sequence, data, sealed, recorded_at,
       correlation_id, causation_id, actor, on_behalf_of, traceparent
from event_log where (aggregate_id, sequence) > ($1::uuid, $2::bigint) order by aggregate_id, sequence limit $3
