-- The history of one aggregate after a sequence, in order.
select id, type, schema_version, aggregate, aggregate_id, sequence, data, sealed, recorded_at,
       correlation_id, causation_id, actor, on_behalf_of, traceparent
from event_log where aggregate_id = $1 and sequence > $2 order by sequence
